//! Plane's webhooks, from the first byte to the copy.

use std::{path::Path, time::Duration};

use app::Inbox as _;
use chrono::TimeDelta;
use domain::{
    inbox::{BurstState, Disbelief, Effect},
    run::Trigger,
    silence::Silence,
};
use fake_plane::{FakePlane, Fault, What, webhooks::signature};
use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};
use server::{clock::Clock, timing::Timing};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use uuid::Uuid;

use crate::support::{
    TestPortal,
    hooked::{Hooked, OTHER, SECRET, item_event},
    portal::{ADMIN, start_of_time},
};

fn recorded() -> Vec<(String, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/plane/tests/recorded");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("webhook-") {
            continue;
        }
        let json: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let body = json["raw_utf8"].as_str().unwrap_or_default().to_owned();
        let headers = json["headers"].as_array().cloned().unwrap_or_default();
        let signature = headers
            .iter()
            .find(|header| header[0] == "X-Plane-Signature");
        if let (Some(signature), false) = (signature, body.is_empty()) {
            found.push((name, body, signature[1].as_str().unwrap().to_owned()));
        }
    }
    assert!(found.len() >= 28, "{}", found.len());
    found
}

#[tokio::test]
async fn every_recorded_delivery_is_received_and_no_change_of_one_is() {
    let mut hooked = Hooked::with_secret(SECRET).await;
    let secrets = [SECRET, OTHER, "plane_wh_c2c826fb64a54a329f36ea774cb37988"];
    for secret in secrets {
        hooked.save(secret).await;
        let of_it = recorded();
        let of_it = of_it
            .iter()
            .filter(|(_, body, sent)| signature(secret, body.as_bytes()) == *sent);
        for (n, (name, body, sent)) in of_it.enumerate() {
            let mut changed = body.clone().into_bytes();
            let at = (n * 7919) % changed.len();
            changed[at] ^= 1 << (n % 8);
            let status = hooked.post(&hooked.path, &changed, Some(sent)).await;
            assert_eq!(status, 401, "{name} with a bit of byte {at} turned");
            let status = hooked.post(&hooked.path, body.as_bytes(), Some(sent)).await;
            assert_eq!(status, 200, "{name}");
        }
    }
    let webhook = hooked.report().await.webhook.unwrap();
    let all = recorded().len() as u64;
    assert_eq!(webhook.deliveries, all);
    assert_eq!(webhook.refused.values().sum::<u64>(), all);
    hooked.settle().await;
    for burst in hooked.bursts().await {
        assert_eq!(burst.state, BurstState::Done, "{burst:?}");
    }
}

#[tokio::test]
async fn what_is_no_delivery_is_refused_and_leaves_no_trace() {
    let hooked = Hooked::with_secret(SECRET).await;
    let before = hooked.report().await.webhook;
    let body = item_event(Uuid::from_u128(1), Uuid::from_u128(2), "x");
    let signed = signature(SECRET, body.as_bytes());
    let unknown = format!("/api/webhooks/plane/{}", "0".repeat(32));
    for path in [
        unknown.as_str(),
        "/api/webhooks/plane/x",
        "/api/webhooks/plane/%00",
    ] {
        assert_eq!(
            hooked.post(path, body.as_bytes(), Some(&signed)).await,
            404,
            "{path}"
        );
    }
    let mut nobody = hooked.portal.visitor();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = nobody.send(method.clone(), &hooked.path, &[], None).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
    ] {
        let headers = [
            ("content-type", kind),
            ("x-plane-signature", signed.as_str()),
        ];
        let answer = nobody
            .send(Method::POST, &hooked.path, &headers, Some(body.clone()))
            .await;
        assert_eq!(answer.status, 415, "{kind}");
    }
    let large = vec![b' '; (6 << 20) + 1];
    assert_eq!(hooked.post(&hooked.path, &large, Some(&signed)).await, 413);
    assert_eq!(hooked.report().await.webhook, before);
    assert!(hooked.bursts().await.is_empty());

    // As many bytes as are allowed, and with a slash behind the address.
    let mut full = body.clone().into_bytes();
    full.resize(6 << 20, b' ');
    let signed = signature(SECRET, &full);
    assert_eq!(
        hooked
            .post(&format!("{}/", hooked.path), &full, Some(&signed))
            .await,
        200
    );
}

#[tokio::test]
async fn a_body_that_comes_in_pieces_counts_by_what_comes() {
    let hooked = Hooked::with_secret(SECRET).await;
    let body = item_event(Uuid::from_u128(1), Uuid::from_u128(2), "x");
    let signed = signature(SECRET, body.as_bytes());
    let head = |length: &str| {
        format!(
            "POST {} HTTP/1.1\r\nhost: hangar\r\ncontent-type: application/json\r\nx-plane-signature: {signed}\r\n{length}\r\n\r\n",
            hooked.path
        )
    };
    let mut line = TcpStream::connect(hooked.portal.url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    line.write_all(head("transfer-encoding: chunked").as_bytes())
        .await
        .unwrap();
    for byte in body.as_bytes() {
        line.write_all(&[b'1', b'\r', b'\n', *byte, b'\r', b'\n'])
            .await
            .unwrap();
    }
    line.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = [0; 15];
    line.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");

    // One that never ends is told off as soon as it is too large.
    let mut line = TcpStream::connect(hooked.portal.url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    line.write_all(head("transfer-encoding: chunked").as_bytes())
        .await
        .unwrap();
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    let (mut from, mut to) = line.split();
    let send = async {
        while to.write_all(&chunk).await.is_ok() {}
        std::future::pending::<()>().await;
    };
    let mut answer = [0; 12];
    tokio::select! {
        () = send => {}
        read = from.read_exact(&mut answer) => { read.unwrap(); }
    }
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_slow_body_and_a_failing_storage_drop_the_connection_without_an_answer() {
    let hooked = Hooked::timed(Timing {
        delivery: Duration::from_millis(300),
        ..Timing::default()
    })
    .await;

    let mut line = TcpStream::connect(hooked.portal.url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: hangar\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{{",
        hooked.path
    );
    line.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    line.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));

    hooked.portal.portal.store.close().await;
    let body = item_event(Uuid::from_u128(1), Uuid::from_u128(2), "x");
    let sent = hooked
        .http
        .post(format!("{}{}", hooked.portal.url, hooked.path))
        .header("content-type", "application/json")
        .header("x-plane-signature", signature(SECRET, body.as_bytes()))
        .body(body)
        .send()
        .await;
    assert!(sent.is_err(), "{sent:?}");
}

#[tokio::test]
async fn a_change_in_plane_is_in_the_copy_without_a_call() {
    let hooked = Hooked::registered().await;
    let (project, item) = hooked
        .portal
        .plane
        .given(|state| state.item_called("acme", "WEB-1").unwrap());
    hooked.portal.plane.forget_requests();
    hooked
        .change(1, |state| {
            state.edit_item(item, |item| item.name = "Renamed in Plane".into())
        })
        .await;
    hooked.settle().await;
    assert_eq!(
        hooked.copied_name(project, 1).await.as_deref(),
        Some("Renamed in Plane")
    );
    let burst = hooked.bursts().await.remove(0);
    assert_eq!(
        (burst.event.as_str(), burst.fields.as_slice()),
        ("work_item.updated", &["name".to_owned()][..])
    );
    assert_eq!(burst.result.unwrap().effect, Effect::Updated);

    let made = hooked
        .change(1, |state| state.create_item(project, "Made in Plane"))
        .await;
    hooked.settle().await;
    let number = hooked.portal.plane.given(|state| {
        let items = state.project(project).unwrap().items.all();
        items
            .iter()
            .find(|item| item.id == made)
            .unwrap()
            .sequence_id
    });
    assert_eq!(
        hooked
            .copied_name(project, u64::from(number))
            .await
            .as_deref(),
        Some("Made in Plane")
    );
    assert!(
        hooked.portal.plane.requests().is_empty(),
        "no call was made"
    );
    for delivery in hooked.portal.plane.deliveries() {
        assert_eq!(delivery.status, Some(200));
    }
}

#[tokio::test]
async fn quick_edits_of_two_fields_are_one_line_with_its_history() {
    let hooked = Hooked::registered().await;
    let (project, item) = hooked
        .portal
        .plane
        .given(|state| state.item_called("acme", "WEB-1").unwrap());
    hooked.portal.plane.forget_requests();
    hooked
        .change(40, |state| {
            for n in 0..20 {
                state.edit_item(item, |item| {
                    item.name = format!("Name {n}");
                    item.description_html = format!("<p>{n}</p>");
                });
            }
        })
        .await;
    hooked.settle().await;
    let bursts = hooked.bursts().await;
    assert_eq!(bursts.len(), 1, "{bursts:?}");
    assert_eq!((bursts[0].events, bursts[0].state), (40, BurstState::Done));
    assert_eq!(
        hooked.copied_name(project, 1).await.as_deref(),
        Some("Name 19")
    );
    assert!(
        hooked.portal.plane.requests().is_empty(),
        "no call was made"
    );
    let viewer = hooked.portal.viewer().await;
    let inbox = &hooked.portal.portal.inbox;
    let report = inbox
        .burst(&viewer, hooked.integration, bursts[0].id, None)
        .await
        .unwrap();
    assert_eq!(report.events.len(), 40);
    assert!(report.is_copied);
}

#[tokio::test]
async fn the_same_delivery_once_more_is_counted_and_does_nothing() {
    let hooked = Hooked::with_secret(SECRET).await;
    let body = item_event(Uuid::from_u128(1), Uuid::from_u128(2), "x");
    for _ in 0..3 {
        assert_eq!(hooked.deliver(&body, SECRET).await, 200);
    }
    hooked.settle().await;
    let bursts = hooked.bursts().await;
    assert_eq!(
        (bursts.len(), bursts[0].events, bursts[0].duplicates),
        (1, 1, 2)
    );
    assert_eq!(
        bursts[0].result.as_ref().unwrap().says.as_deref(),
        Some("Its project is not copied yet."),
        "events of what is not synced are dropped, with a reason"
    );
}

#[tokio::test]
async fn a_pile_of_large_deliveries_is_sorted_in_pieces_each_event_once() {
    let hooked = Hooked::with_secret(SECRET).await;
    let body = |n: u128| {
        let name = "x".repeat(700_000);
        item_event(Uuid::from_u128(n), Uuid::from_u128(1), &name)
    };
    // All are received before one of them is sorted.
    for n in [100, 101, 102, 103, 104, 100] {
        let body = body(n);
        let signature = signature(SECRET, body.as_bytes());
        let path = &hooked.path;
        let sent = hooked.post(path, body.as_bytes(), Some(&signature)).await;
        assert_eq!(sent, 200);
    }
    let bursts = hooked.bursts().await;
    assert_eq!(bursts.len(), 5);
    let twice = bursts.iter().filter(|burst| burst.duplicates == 1);
    let twice: Vec<_> = twice.map(|burst| burst.entity).collect();
    assert_eq!(twice, [Some(Uuid::from_u128(100))]);
    let webhook = hooked.report().await.webhook.unwrap();
    assert_eq!((webhook.deliveries, webhook.duplicates), (6, 1));

    // More of the same than one transaction counts.
    let (body, path) = (body(101), &hooked.path);
    let signature = &signature(SECRET, b"{}");
    let small = async |_| hooked.post(path, b"{}", Some(signature)).await;
    let sent = futures::future::join_all((0..300).map(small)).await;
    assert!(sent.iter().all(|status| *status == 200));
    assert_eq!(hooked.deliver(&body, SECRET).await, 200);
    let webhook = hooked.report().await.webhook.unwrap();
    assert_eq!((webhook.deliveries, webhook.duplicates), (307, 301));
}

#[tokio::test]
async fn the_shared_address_finds_whose_delivery_it_is() {
    let mut hooked = Hooked::with_secret(SECRET).await;
    let second = hooked.portal.connect(&mut hooked.admin, "Other").await;
    let id = second.rsplit('/').next().unwrap().to_owned();
    hooked.admin.post("create_webhook", &[("id", &id)]).await;
    hooked
        .admin
        .post("save_webhook_secret", &[("id", &id), ("secret", OTHER)])
        .await;
    for (secret, owner) in [(OTHER, id.parse().unwrap()), (SECRET, hooked.integration)] {
        let body = json!({"event": "issue", "action": "updated", "webhook_id": owner, "data": {}})
            .to_string();
        let signed = signature(secret, body.as_bytes());
        let status = hooked
            .post("/api/webhooks/plane", body.as_bytes(), Some(&signed))
            .await;
        assert_eq!(status, 200);
        assert_eq!(hooked.bursts().await[0].integration, owner);
        hooked.portal.clock.advance(TimeDelta::seconds(5));
    }
    let unknown = signature("plane_wh_nobody_has_this", b"{}");
    assert_eq!(
        hooked
            .post("/api/webhooks/plane", b"{}", Some(&unknown))
            .await,
        401
    );
}

#[tokio::test]
async fn nothing_is_lost_while_the_secret_is_replaced() {
    let mut hooked = Hooked::with_secret(SECRET).await;
    let id = hooked.integration.to_string();
    let opened = hooked
        .admin
        .post("rotate_webhook_secret", &[("id", &id), ("is_open", "true")])
        .await;
    assert_eq!(opened.status, 303);
    for n in 0..37u128 {
        let body = item_event(Uuid::from_u128(n), Uuid::from_u128(2), "x");
        assert_eq!(hooked.deliver(&body, OTHER).await, 200, "held");
    }
    assert!(
        hooked.bursts().await.is_empty(),
        "nothing that is not believed is applied"
    );
    assert_eq!(hooked.report().await.webhook.unwrap().quarantined, 37);
    let location = hooked.save(OTHER).await;
    assert!(location.ends_with("verified=37&rejected=0"), "{location}");
    assert_eq!(hooked.bursts().await.len(), 37);
    let webhook = hooked.report().await.webhook.unwrap();
    assert_eq!((webhook.quarantined, webhook.deliveries), (0, 37));

    // What Plane tries again was signed with the old one; after a day that counts no more.
    let late = item_event(Uuid::from_u128(50), Uuid::from_u128(2), "late");
    assert_eq!(hooked.deliver(&late, SECRET).await, 200);
    hooked.portal.clock.advance(TimeDelta::hours(25));
    let later = item_event(Uuid::from_u128(51), Uuid::from_u128(2), "later");
    assert_eq!(hooked.deliver(&later, SECRET).await, 401);
    let refused = hooked.report().await.webhook.unwrap().refused;
    assert_eq!(refused.get(&Disbelief::OldSecret), Some(&1));
}

#[tokio::test]
async fn a_sender_that_is_not_believed_costs_a_bounded_number_of_writes() {
    let mut hooked = Hooked::with_secret(SECRET).await;
    let refuse = async |hooked: &Hooked, n: u128| {
        let body = item_event(Uuid::from_u128(n), Uuid::from_u128(2), "x");
        hooked.deliver(&body, OTHER).await
    };
    for n in 0..310 {
        assert_eq!(refuse(&hooked, n).await, 401);
    }
    let quarantined = async |hooked: &Hooked| hooked.report().await.webhook.unwrap().quarantined;
    assert_eq!(quarantined(&hooked).await, 300);
    // While the secret is being replaced whoever is waited for is not held up.
    let id = hooked.integration.to_string();
    let fields = [("id", &*id), ("is_open", "true")];
    hooked.admin.post("rotate_webhook_secret", &fields).await;
    assert_eq!(refuse(&hooked, 400).await, 200, "held");
    assert_eq!(quarantined(&hooked).await, 301);
    // And what is believed costs nobody's patience.
    let body = item_event(Uuid::from_u128(1), Uuid::from_u128(2), "x");
    assert_eq!(hooked.deliver(&body, SECRET).await, 200);
}

#[tokio::test]
async fn why_a_delivery_is_not_believed_is_told_apart() {
    let hooked = Hooked::with_secret(SECRET).await;
    let body = item_event(Uuid::from_u128(1), Uuid::from_u128(2), "é");
    let as_plane = plane::webhook::as_plane_writes(body.as_bytes()).unwrap();
    let signed = signature(SECRET, &as_plane);
    for (sent, why) in [
        (None, Disbelief::NoSignature),
        (Some("zz"), Disbelief::Unknown),
        (
            Some(&*signature(OTHER, body.as_bytes())),
            Disbelief::Unknown,
        ),
        (Some(&*signed), Disbelief::Altered),
    ] {
        let before = hooked.report().await.webhook.unwrap().refused;
        assert_eq!(
            hooked.post(&hooked.path, body.as_bytes(), sent).await,
            401,
            "{why:?}"
        );
        let after = hooked.report().await.webhook.unwrap().refused;
        let times = |counts: &std::collections::BTreeMap<Disbelief, u64>| {
            counts.get(&why).copied().unwrap_or(0)
        };
        assert_eq!(times(&after), times(&before) + 1, "{why:?}");
    }
    // A secret that makes no sense stays out, and comes back as a mistake of its field.
    let mut hooked = hooked;
    let page = format!("{}/webhook", hooked.page);
    let id = hooked.integration.to_string();
    let refused = hooked
        .admin
        .post_on(
            &page,
            "save_webhook_secret",
            &[("id", &id), ("secret", "short")],
        )
        .await;
    assert_eq!(refused.status, 303);
    let form = hooked.admin.get(&refused.location()).await;
    assert!(
        form.text.contains("This is no secret of Plane’s"),
        "{}",
        form.text
    );
}

#[tokio::test]
async fn what_fails_is_tried_again_then_given_up_and_can_be_replayed() {
    let mut hooked = Hooked::timed(Timing {
        breaker_rest: Duration::from_millis(1),
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(2),
        patience: Duration::from_millis(50),
        ..Timing::default()
    })
    .await;
    let (project, item) = hooked
        .portal
        .plane
        .given(|state| state.item_called("acme", "WEB-1").unwrap());
    let number = 1;
    hooked.portal.plane.given(|state| state.delete_item(item));
    // Plane's second format tells which project the deleted one was in.
    let body = json!({
        "version": "v2", "event_id": Uuid::from_u128(9), "entity_id": item, "event": "workitem.deleted", "data": {},
        "previous_attributes": {"project_id": project, "name": "x", "sequence_id": number},
    });
    let broken = What::Status(503, String::new(), Vec::new());
    hooked
        .portal
        .plane
        .fail(Fault::new(broken).on("/work-items/"));
    assert_eq!(hooked.deliver(&body.to_string(), SECRET).await, 200);
    for _ in 0..20 {
        hooked.settle().await;
        hooked.portal.clock.advance(TimeDelta::hours(1));
    }
    let burst = hooked.bursts().await.remove(0);
    assert_eq!(
        (burst.state, burst.failures.len()),
        (BurstState::Dead, 8),
        "{burst:?}"
    );
    assert!(
        hooked.copied_name(project, number).await.is_some(),
        "nothing is deleted on an error"
    );

    hooked.portal.plane.heal();
    let fields = [
        ("id", hooked.integration.to_string()),
        ("burst", burst.id.to_string()),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    // It is long past the end of the session.
    hooked.admin = hooked.portal.sign_in(ADMIN).await;
    let replayed = hooked.admin.post("replay_burst", &fields).await;
    assert!(
        replayed.location().starts_with("/webhooks/"),
        "{}",
        replayed.text
    );
    hooked.settle().await;
    let burst = hooked.bursts().await.remove(0);
    let effect = burst.result.as_ref().map(|result| result.effect);
    assert_eq!(effect, Some(Effect::Removed), "{burst:?}");
    assert_eq!(hooked.copied_name(project, number).await, None);
}

#[tokio::test]
async fn what_a_poll_had_to_catch_makes_a_webhook_silent_until_it_speaks_again() {
    let clock = Clock::manual(start_of_time());
    let planes = clock.clone();
    let plane = FakePlane::start(fake_plane::Options {
        rate_limit: None,
        clock: fake_plane::Clock::new(move || planes.now()),
        ..Default::default()
    })
    .await;
    plane.given(fake_plane::seed::e2e);
    let portal = TestPortal::start_beside(plane, clock, &[]).await;
    let mut hooked = Hooked::on(portal).await;
    hooked.save(SECRET).await;
    let body = |n: u128| item_event(Uuid::from_u128(n), Uuid::from_u128(2), "x");
    assert_eq!(hooked.deliver(&body(1), SECRET).await, 200);
    let edit = |hooked: &Hooked, number: u32| {
        hooked.portal.plane.given(|state| {
            let name = format!("WEB-{number}");
            let (_, item) = state.item_called("acme", &name).unwrap();
            state.edit_item(item, |item| item.name = format!("{name} changed"));
        });
    };
    let advance =
        |hooked: &Hooked, minutes| hooked.portal.clock.advance(TimeDelta::minutes(minutes));

    // Nobody told of these, and the last one may still be on its way.
    advance(&hooked, 5);
    (1..=3).for_each(|number| edit(&hooked, number));
    advance(&hooked, 10);
    edit(&hooked, 4);
    let page = hooked.page.clone();
    hooked.portal.sync(&mut hooked.admin, &page).await;
    let since = hooked.portal.clock.now();
    hooked.portal.portal.inbox.look_for_silence().await.unwrap();
    let report = hooked.report().await;
    assert_eq!((report.day.told, report.day.caught), (0, 3));
    let silence = report.webhook.unwrap().silence;
    assert_eq!(silence, Some((Silence::Missed(3), since)));
    let overview = hooked.admin.get("/").await.text;
    assert!(overview.contains("A webhook has gone silent"));
    let shown = hooked.admin.get(&format!("{page}/webhook")).await.text;
    assert!(shown.contains("Plane has probably switched the webhook off"));

    assert_eq!(hooked.deliver(&body(2), SECRET).await, 200);
    assert_eq!(hooked.report().await.webhook.unwrap().silence, None);
    hooked.portal.portal.inbox.look_for_silence().await.unwrap();
    assert_eq!(hooked.report().await.webhook.unwrap().silence, None);
    let overview = hooked.admin.get("/").await.text;
    assert!(!overview.contains("gone silent"));
}

#[tokio::test]
async fn after_a_downtime_what_may_have_been_missed_is_synced() {
    let hooked = Hooked::with_secret(SECRET).await;
    let inbox = &hooked.portal.portal.inbox;
    let advance = |seconds| hooked.portal.clock.advance(TimeDelta::seconds(seconds));
    assert!(
        inbox.say_alive().await.unwrap().is_empty(),
        "the very first start"
    );
    advance(300);
    assert!(
        inbox.say_alive().await.unwrap().is_empty(),
        "five minutes are no downtime"
    );
    advance(301);
    assert_eq!(inbox.say_alive().await.unwrap(), [hooked.integration]);
    hooked.portal.portal.sync.idle().await;
    assert!(
        inbox.say_alive().await.unwrap().is_empty(),
        "once is enough"
    );
    let viewer = hooked.portal.viewer().await;
    let runs = &hooked.portal.portal.backend.runs;
    let runs = runs
        .runs(&viewer, &Default::default(), None)
        .await
        .unwrap()
        .rows;
    assert_eq!((runs.len(), runs[0].trigger), (2, Trigger::Schedule));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1, ..ProptestConfig::default() })]

    /// Bodies that are signed rightly and otherwise make no sense are received and shown, whatever they are.
    #[test]
    fn any_signed_body_is_received(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 300)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all()
            .thread_stack_size(20 << 20).build().unwrap();
        runtime.block_on(async move {
            let hooked = Hooked::with_secret(SECRET).await;
            for body in &bodies {
                let signed = signature(SECRET, body);
                let status = hooked.post(&hooked.path, body, Some(&signed)).await;
                assert_eq!(status, 200, "{body:?}");
            }
            hooked.settle().await;
            for burst in hooked.bursts().await {
                assert_eq!(burst.state, BurstState::Done);
            }
        });
    }
}
