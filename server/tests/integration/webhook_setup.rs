//! An admin sets a webhook up: a secret that is made here, and a delivery to oneself.

use app::Inbox as _;
use axum::{Router, response::Redirect, routing::post};
use chrono::TimeDelta;
use domain::{
    actor::{Role, User},
    inbox::{Disbelief, SelfTestResult},
};
use fake_plane::FakePlane;
use server::clock::Clock;

use crate::support::{
    TestPortal,
    hooked::{Hooked, SECRET},
    portal::start_of_time,
};

async fn test_itself(hooked: &mut Hooked) -> SelfTestResult {
    let id = hooked.integration.to_string();
    let sent = hooked.admin.post("test_webhook", &[("id", &id)]).await;
    assert_eq!(
        (sent.status, sent.location()),
        (303, format!("{}/webhook", hooked.page))
    );
    hooked
        .report()
        .await
        .webhook
        .unwrap()
        .self_test
        .unwrap()
        .result
}

#[tokio::test]
async fn a_signed_delivery_goes_over_the_public_address_and_leaves_nothing() {
    let mut hooked = Hooked::new().await;
    assert_eq!(
        test_itself(&mut hooked).await,
        SelfTestResult::Disbelieved(Disbelief::NoSecret)
    );
    hooked.save(SECRET).await;
    assert_eq!(test_itself(&mut hooked).await, SelfTestResult::Passed);
    let webhook = hooked.report().await.webhook.unwrap();
    assert_eq!(
        (webhook.deliveries, webhook.first_at, webhook.quarantined),
        (0, None, 0)
    );
    assert!(hooked.bursts().await.is_empty());
    let page = hooked
        .admin
        .get(&format!("{}/webhook", hooked.page))
        .await
        .text;
    assert!(page.contains("arrived here and was believed"), "{page}");
}

/// A portal whose public address is another's.
async fn reached_by(public: &str) -> Hooked {
    let plane = FakePlane::start(fake_plane::Options {
        rate_limit: None,
        ..Default::default()
    })
    .await;
    plane.given(fake_plane::seed::e2e);
    let clock = Clock::manual(start_of_time());
    let portal = TestPortal::start_beside(plane, clock, &["--public-url", public]).await;
    let mut hooked = Hooked::on(portal).await;
    hooked.save(SECRET).await;
    hooked
}

/// A server that answers everything alike; its address.
async fn answers(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/")
}

#[tokio::test]
async fn what_stands_in_the_way_is_told() {
    let page = answers(Router::new().fallback(post(|| async { "<h1>Welcome</h1>" }))).await;
    let mut hooked = reached_by(&page).await;
    assert_eq!(
        test_itself(&mut hooked).await,
        SelfTestResult::Elsewhere(200),
        "any page answers 200"
    );

    let to = "https://elsewhere.example.com/x";
    let redirect =
        answers(Router::new().fallback(move || async move { Redirect::permanent(to) })).await;
    let mut hooked = reached_by(&redirect).await;
    assert_eq!(
        test_itself(&mut hooked).await,
        SelfTestResult::Redirected(to.to_owned())
    );

    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/", unused.local_addr().unwrap());
    drop(unused);
    let mut hooked = reached_by(&nobody).await;
    let result = test_itself(&mut hooked).await;
    assert!(
        matches!(&result, SelfTestResult::Unreachable(why) if why.contains("refused")),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_secret_that_was_made_here_is_shown_for_a_while_and_believed() {
    let mut hooked = Hooked::with_secret(SECRET).await;
    let id = hooked.integration.to_string();
    let page = format!("{}/webhook", hooked.page);
    let made = hooked
        .admin
        .post("make_webhook_secret", &[("id", &id)])
        .await;
    assert_eq!(made.location(), page);
    let secret = hooked.report().await.made_secret.unwrap().0;
    assert!(secret.starts_with("plane_wh_") && secret.len() == 41);
    assert!(hooked.admin.get(&page).await.text.contains(&secret));
    let viewer = hooked.portal.viewer().await;
    let lead = User {
        role: Role::Lead,
        ..viewer.user().clone()
    };
    let seen = hooked
        .portal
        .portal
        .inbox
        .webhook(&lead.viewer(), hooked.integration)
        .await;
    assert_eq!(seen.unwrap().made_secret, None, "leads never see it");
    assert_eq!(hooked.deliver("{}", &secret).await, 200);
    assert_eq!(
        hooked.deliver("[]", SECRET).await,
        200,
        "the one before counts for a day more"
    );

    hooked
        .admin
        .post("hide_webhook_secret", &[("id", &id)])
        .await;
    assert!(!hooked.admin.get(&page).await.text.contains(&secret));
    hooked
        .admin
        .post("make_webhook_secret", &[("id", &id)])
        .await;
    assert!(hooked.report().await.made_secret.is_some());
    hooked.portal.clock.advance(TimeDelta::minutes(10));
    assert_eq!(hooked.report().await.made_secret, None);
}
