use app::Accounts as _;
use argon2::{Argon2, Params, PasswordHasher as _, password_hash::phc::PasswordHash};
use chrono::TimeDelta;
use domain::{actor::Role, ids::UserId};
use sha2::{Digest as _, Sha256};

use crate::support::{
    Person, TestPortal,
    portal::{ADMIN, LEAD, PASSWORD},
};

async fn set_up_token(portal: &TestPortal) -> Option<String> {
    let url = url::Url::parse(&portal.url).unwrap();
    let link = portal.portal.accounts.set_up_link(&url).await.unwrap()?;
    assert!(
        link.starts_with(&format!("{}/setup?token=", portal.url)),
        "{link}"
    );
    link.split_once('=').map(|(_, token)| token.to_owned())
}

async fn id_of(portal: &TestPortal, email: &str) -> UserId {
    portal
        .portal
        .store
        .user_for_sign_in(&email.parse().unwrap())
        .await
        .unwrap()
        .unwrap()
        .0
        .id
}

async fn is_signed_in(person: &mut Person) -> bool {
    match person.get("/runs").await.status {
        200 => true,
        303 => false,
        other => panic!("{other}"),
    }
}

async fn try_to_sign_in(portal: &TestPortal, email: &str, password: &str) -> (u16, String, String) {
    let answer = portal
        .visitor()
        .call("sign_in", &[("email", email), ("password", password)])
        .await;
    (
        answer.status,
        answer.text.clone(),
        answer
            .header("set-cookie")
            .map(drop)
            .map_or("no", |()| "yes")
            .to_owned(),
    )
}

#[tokio::test]
async fn the_set_up_link_makes_the_first_admin_and_then_nobody() {
    let portal = TestPortal::start().await;
    let token = set_up_token(&portal).await.unwrap();
    assert_eq!(token.len(), 32, "128 bits");
    let mut maya = portal.visitor();
    let form = [
        ("token", token.as_str()),
        ("name", "Maya"),
        ("email", ADMIN),
        ("password", PASSWORD),
    ];

    let wrong = [
        ("token", "0123456789abcdef0123456789abcdef"),
        form[1],
        form[2],
        form[3],
    ];
    assert_eq!(maya.call("set_up", &wrong).await.status, 404);
    let done = maya.post("set_up", &form).await;
    assert_eq!(
        (done.status, done.location().as_str()),
        (303, "/"),
        "{}",
        done.text
    );
    assert!(is_signed_in(&mut maya).await);

    assert_eq!(
        set_up_token(&portal).await,
        None,
        "no link is shown any more"
    );
    let again = [form[0], form[1], ("email", "eve@example.com"), form[3]];
    assert_eq!(portal.visitor().call("set_up", &again).await.status, 404);
    assert!(!portal.portal.accounts.may_set_up(&token).await.unwrap());
}

#[tokio::test]
async fn of_two_set_ups_at_once_exactly_one_wins() {
    let portal = TestPortal::start().await;
    let token = set_up_token(&portal).await.unwrap();
    let set_up = async |email: &str| {
        let form = [
            ("token", token.as_str()),
            ("name", "Maya"),
            ("email", email),
            ("password", PASSWORD),
        ];
        portal.visitor().call("set_up", &form).await.status
    };
    let (a, b) = tokio::join!(set_up("a@example.com"), set_up("b@example.com"));
    let mut both = [a, b];
    both.sort_unstable();
    assert_eq!(both[0], 200, "{both:?}");
    assert!(matches!(both[1], 404 | 409), "{both:?}");
    let viewer = portal.viewer().await;
    let people = portal.portal.accounts.people(&viewer).await.unwrap();
    // The test's own admin beside the one that won.
    assert_eq!(people.len(), 2);
}

#[tokio::test]
async fn a_form_with_mistakes_comes_back_with_what_was_typed_but_without_the_password() {
    let portal = TestPortal::start().await;
    let token = set_up_token(&portal).await.unwrap();
    let mut maya = portal.visitor();
    let form = [
        ("token", token.as_str()),
        ("name", "Maya Keller"),
        ("email", "maya"),
        ("password", "hunter2"),
    ];

    let sent = maya
        .post_on(&format!("/setup?token={token}"), "set_up", &form)
        .await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let page = maya.get(&sent.location()).await;

    assert_eq!(
        page.attribute("[name=name]", "value").as_deref(),
        Some("Maya Keller")
    );
    assert_eq!(
        page.attribute("[name=email]", "value").as_deref(),
        Some("maya")
    );
    assert!(
        page.words().contains("Enter an e-mail address"),
        "{}",
        page.words()
    );
    assert!(
        page.words().contains("at least 12 characters"),
        "{}",
        page.words()
    );
    assert!(!page.text.contains("hunter2"));
    assert!(set_up_token(&portal).await.is_some());
}

#[tokio::test]
async fn a_wrong_password_an_unknown_address_and_a_switched_off_account_look_the_same() {
    let portal = TestPortal::start().await;
    portal.lead().await;
    let wrong = try_to_sign_in(&portal, LEAD, "not the password").await;
    assert_eq!(wrong.0, 422);
    assert_eq!(wrong.2, "no");
    assert_eq!(
        try_to_sign_in(&portal, "nobody@example.com", PASSWORD).await,
        wrong
    );
    assert_eq!(try_to_sign_in(&portal, "no address", PASSWORD).await, wrong);

    let admin = portal.viewer().await.user().clone().admin().unwrap();
    let lead = id_of(&portal, LEAD).await;
    portal
        .portal
        .accounts
        .set_active(&admin, lead, false)
        .await
        .unwrap();
    assert_eq!(try_to_sign_in(&portal, LEAD, PASSWORD).await, wrong);
    portal
        .portal
        .accounts
        .set_active(&admin, lead, true)
        .await
        .unwrap();
    assert_eq!(try_to_sign_in(&portal, LEAD, PASSWORD).await.0, 200);
}

#[tokio::test]
async fn guessing_makes_wait_and_the_owner_gets_in_after_that() {
    let portal = TestPortal::start().await;
    portal.lead().await;
    for _ in 0..3 {
        assert_eq!(try_to_sign_in(&portal, LEAD, "guess").await.0, 422);
    }
    let refused = portal
        .visitor()
        .call("sign_in", &[("email", LEAD), ("password", PASSWORD)])
        .await;
    assert_eq!(refused.status, 429, "also with the right password");
    assert!(refused.text.contains("retry_after_seconds"));
    assert_eq!(
        try_to_sign_in(&portal, " JONAS@Example.com ", PASSWORD)
            .await
            .0,
        429,
        "another spelling is no way around"
    );
    portal.clock.advance(TimeDelta::seconds(3));
    assert_eq!(try_to_sign_in(&portal, LEAD, PASSWORD).await.0, 200);
}

#[tokio::test]
async fn one_address_may_not_try_many_accounts_and_can_not_claim_to_be_another() {
    let portal = TestPortal::start().await;
    portal.lead().await;
    for n in 0..30 {
        assert_eq!(
            try_to_sign_in(&portal, &format!("guess{n}@example.com"), "x")
                .await
                .0,
            422
        );
    }
    let body = Some(format!(
        "email={LEAD}&password={}",
        PASSWORD.replace(' ', "+")
    ));
    let headers = [
        ("x-forwarded-for", "198.51.100.9"),
        ("accept", "application/json"),
    ];
    let spoofed = portal
        .visitor()
        .send(reqwest::Method::POST, "/api/ui/sign_in", &headers, body)
        .await;
    assert_eq!(spoofed.status, 429);
    assert_eq!(spoofed.header("retry-after"), Some("10"));
    let page = portal
        .visitor()
        .post("sign_in", &[("email", LEAD), ("password", PASSWORD)])
        .await;
    assert_eq!(page.location(), "/sign-in?error=too_many");
    portal.clock.advance(TimeDelta::seconds(10));
    assert_eq!(try_to_sign_in(&portal, LEAD, PASSWORD).await.0, 200);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_is_counted_for_itself() {
    let portal = TestPortal::start_with(&["--trusted-proxies", "127.0.0.0/8"]).await;
    portal.lead().await;
    let sign_in = async |client: &str, email: &str, password: &str| {
        let body = Some(format!(
            "email={email}&password={}",
            password.replace(' ', "+")
        ));
        let headers = [("x-forwarded-for", client), ("accept", "application/json")];
        portal
            .visitor()
            .send(reqwest::Method::POST, "/api/ui/sign_in", &headers, body)
            .await
            .status
    };
    for n in 0..30 {
        // What the guesser writes in front of his own address does not make him another.
        let client = format!("10.1.1.{n}, 198.51.100.9");
        assert_eq!(
            sign_in(&client, &format!("guess{n}@example.com"), "x").await,
            422
        );
    }
    assert_eq!(sign_in("198.51.100.9", LEAD, PASSWORD).await, 429);
    assert_eq!(sign_in("198.51.100.10", LEAD, PASSWORD).await, 200);
}

#[tokio::test]
async fn a_stolen_cookie_is_worth_nothing_after_signing_out() {
    let portal = TestPortal::start().await;
    let mut lead = portal.lead().await;
    let mut thief = portal.visitor();
    thief.set_cookie("hangar", lead.cookie("hangar").unwrap());
    assert!(is_signed_in(&mut thief).await);
    let answer = lead.post("sign_out", &[]).await;
    assert_eq!(answer.status, 303);
    assert_eq!(lead.cookie("hangar"), None, "the browser forgets it too");
    assert!(!is_signed_in(&mut thief).await);
}

#[tokio::test]
async fn what_the_database_keeps_of_a_session_opens_nothing() {
    let portal = TestPortal::start().await;
    let lead = portal.lead().await;
    let token = lead.cookie("hangar").unwrap().to_owned();
    assert_eq!(token.len(), 43, "256 bits");
    let stored = hex::encode(Sha256::digest(&token));
    let (now, idle) = (portal.clock.now(), TimeDelta::hours(8));
    assert!(
        portal
            .portal
            .store
            .session(&stored, now, idle)
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        portal
            .portal
            .store
            .session(&token, now, idle)
            .await
            .unwrap()
            .is_none()
    );
    let mut thief = portal.visitor();
    thief.set_cookie("hangar", &stored);
    assert!(!is_signed_in(&mut thief).await);
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let portal = TestPortal::start().await;
    let mut lead = portal.lead().await;
    let mut old = portal.visitor();
    old.set_cookie("hangar", lead.cookie("hangar").unwrap());
    lead.post("sign_in", &[("email", LEAD), ("password", PASSWORD)])
        .await;
    assert_ne!(lead.cookie("hangar"), old.cookie("hangar"));
    assert!(is_signed_in(&mut lead).await);
    assert!(!is_signed_in(&mut old).await);
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_for_eight_hours() {
    let portal = TestPortal::start().await;
    let mut lead = portal.lead().await;
    for _ in 0..3 {
        portal.clock.advance(TimeDelta::hours(7));
        assert!(is_signed_in(&mut lead).await, "in use it goes on");
    }
    portal.clock.advance(TimeDelta::hours(8));
    assert!(!is_signed_in(&mut lead).await);
}

#[tokio::test]
async fn a_session_ends_however_much_it_is_used() {
    let portal = TestPortal::start().await;
    let (mut lead, mut admin) = (portal.lead().await, portal.admin().await);
    let mut hours = 0;
    let mut admin_until = None;
    let lead_until = loop {
        portal.clock.advance(TimeDelta::hours(6));
        hours += 6;
        if admin_until.is_none() && !is_signed_in(&mut admin).await {
            admin_until = Some(hours);
        }
        if !is_signed_in(&mut lead).await {
            break hours;
        }
    };
    assert_eq!((admin_until, lead_until), (Some(24), 7 * 24));
}

#[tokio::test]
async fn a_changed_role_or_a_switched_off_account_ends_sessions_at_once() {
    let portal = TestPortal::start().await;
    let (mut admin, mut jonas) = (portal.admin().await, portal.lead().await);
    let id = id_of(&portal, LEAD).await.to_string();

    let answer = admin
        .post("set_role", &[("id", &id), ("role", "admin")])
        .await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert!(!is_signed_in(&mut jonas).await);
    let mut jonas = portal.sign_in(LEAD).await;
    assert_eq!(
        jonas.get("/integrations/new").await.status,
        200,
        "an admin now"
    );

    let answer = admin
        .post("set_person_active", &[("id", &id), ("is_active", "false")])
        .await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert!(!is_signed_in(&mut jonas).await);
}

#[tokio::test]
async fn the_last_admin_can_neither_be_demoted_nor_switched_off() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let id = id_of(&portal, ADMIN).await.to_string();
    for (function, field) in [
        ("set_role", ("role", "lead")),
        ("set_person_active", ("is_active", "false")),
    ] {
        let sent = admin
            .post_on("/settings/people", function, &[("id", &id), field])
            .await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        let page = admin.get(&sent.location()).await;
        assert_eq!(page.status, 200);
        assert!(
            page.words().contains("last active admin"),
            "{}",
            page.words()
        );
    }
    assert!(is_signed_in(&mut admin).await);
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions_and_keeps_this_one() {
    const NEW: &str = "seven quiet otters rowing north";
    let portal = TestPortal::start().await;
    let mut here = portal.lead().await;
    let mut elsewhere = portal.sign_in(LEAD).await;

    let wrong = here
        .call("change_password", &[("current", "x"), ("new", NEW)])
        .await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("current"));
    let weak = here
        .call(
            "change_password",
            &[("current", PASSWORD), ("new", "jonas-example")],
        )
        .await;
    assert_eq!(weak.status, 422);
    assert!(is_signed_in(&mut elsewhere).await, "nothing was changed");

    let done = here
        .post("change_password", &[("current", PASSWORD), ("new", NEW)])
        .await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert!(is_signed_in(&mut here).await);
    assert!(!is_signed_in(&mut elsewhere).await);
    assert_eq!(try_to_sign_in(&portal, LEAD, PASSWORD).await.0, 422);
    assert_eq!(try_to_sign_in(&portal, LEAD, NEW).await.0, 200);
}

#[tokio::test]
async fn people_are_added_once_an_address() {
    let portal = TestPortal::start().await;
    portal.lead().await;
    let mut admin = portal.admin().await;
    let form = [
        ("name", "Eve"),
        ("email", LEAD),
        ("password", PASSWORD),
        ("role", "lead"),
    ];
    let sent = admin.post_on("/settings/people", "add_person", &form).await;
    let page = admin.get(&sent.location()).await;
    assert!(page.words().contains("already taken"), "{}", page.words());
    assert_eq!(
        page.attribute("form [name=name]", "value").as_deref(),
        Some("Eve")
    );
    assert!(!page.text.contains(PASSWORD));
    let form = [
        ("name", "Eve"),
        ("email", "eve@example.com"),
        ("password", PASSWORD),
        ("role", "owner"),
    ];
    assert_eq!(admin.call("add_person", &form).await.status, 422);
    let form = [form[0], form[1], form[2], ("role", "admin")];
    assert_eq!(admin.call("add_person", &form).await.status, 200);
    let viewer = portal.viewer().await;
    let people = portal.portal.accounts.people(&viewer).await.unwrap();
    let eve = people
        .iter()
        .find(|user| user.email.as_str() == "eve@example.com")
        .unwrap();
    assert_eq!(eve.role, Role::Admin);
}

#[tokio::test]
async fn somebody_else_can_not_read_a_draft() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let form = [
        ("name", "Secret plan"),
        ("email", "x"),
        ("password", ""),
        ("role", "lead"),
    ];
    let sent = admin.post_on("/settings/people", "add_person", &form).await;
    assert!(
        admin
            .get(&sent.location())
            .await
            .text
            .contains("Secret plan")
    );
    let mut lead = portal.lead().await;
    assert!(
        !lead
            .get(&sent.location())
            .await
            .text
            .contains("Secret plan")
    );
}

#[tokio::test]
async fn an_admin_made_on_the_command_line_gets_a_strong_password_once() {
    let portal = TestPortal::start().await;
    let made = portal
        .portal
        .accounts
        .create_admin("ops@example.com", "Ops", None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        try_to_sign_in(&portal, "ops@example.com", &made).await.0,
        200
    );
    let again = portal
        .portal
        .accounts
        .create_admin("ops@example.com", "Ops", None)
        .await
        .unwrap_err();
    assert_eq!(again.status().as_u16(), 422);
    let weak = portal
        .portal
        .accounts
        .create_admin("b@example.com", "B", Some("short".to_owned()))
        .await;
    assert_eq!(weak.unwrap_err().status().as_u16(), 422);
}

#[tokio::test]
async fn a_hash_from_weaker_days_is_made_anew_at_the_next_sign_in() {
    let portal = TestPortal::start().await;
    portal.lead().await;
    let weak = Argon2::from(Params::new(8 * 1024, 1, 1, None).unwrap());
    let hash: PasswordHash = weak
        .hash_password_with_salt(PASSWORD.as_bytes(), &[3; 16])
        .unwrap();
    let (store, id) = (&portal.portal.store, id_of(&portal, LEAD).await);
    let email = LEAD.parse().unwrap();
    let (_, strong) = store.user_for_sign_in(&email).await.unwrap().unwrap();
    let weakened = store.renew_hash(id, &strong, &hash.to_string()).await;
    assert!(weakened.unwrap());

    portal.sign_in(LEAD).await;

    let (_, hash) = store.user_for_sign_in(&email).await.unwrap().unwrap();
    assert!(hash.contains("m=19456,t=2,p=1"), "{hash}");
    portal.sign_in(LEAD).await;
}
