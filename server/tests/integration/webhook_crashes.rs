//! `kill -9` under deliveries: what was answered 200 is there, and none has two effects.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fake_plane::{FakePlane, Options, seed, webhooks::signature};
use futures::{StreamExt as _, stream};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use reqwest::Client;
use tokio::sync::Notify;
use tokio_stream::wrappers::IntervalStream;

use crate::support::{HangarProcess, Person, sender};

const SECRET: &str = "plane_wh_482ad50d60c95a9ca87de1b285acb058";
/// Five in every test run; as many as one likes by `HANGAR_KILLS`, in a soak.
const KILLS: usize = 5;
/// 150 deliveries a second.
const PACE: Duration = Duration::from_micros(6_667);
const AT_ONCE: usize = 16;

/// What was sent and what was answered.
#[derive(Default)]
struct Told {
    received: Mutex<Vec<String>>,
    /// No answer: Plane would send it again.
    unanswered: Mutex<Vec<String>>,
    answers: AtomicUsize,
    answered: Notify,
}

async fn deliver(http: &Client, url: &str, body: &str) -> Option<String> {
    let sent = http
        .post(url)
        .header("content-type", "application/json")
        .header("x-plane-signature", signature(SECRET, body.as_bytes()))
        .body(body.to_owned())
        .send()
        .await
        .ok()?;
    assert_eq!(sent.status(), 200, "the only answer that there may be");
    sent.text().await.ok()
}

/// Sends these at their pace, until the portal is gone.
async fn send(http: &Client, url: &str, bodies: Vec<String>, told: &Told) {
    let pace = IntervalStream::new(tokio::time::interval(PACE));
    stream::iter(bodies)
        .zip(pace)
        .map(|(body, _)| body)
        .for_each_concurrent(AT_ONCE, |body| async move {
            let answer = deliver(http, url, &body).await;
            match answer {
                Some(_) => told.received.lock().unwrap().push(body),
                None => told.unanswered.lock().unwrap().push(body),
            }
            told.answers.fetch_add(1, Ordering::Relaxed);
            told.answered.notify_waiters();
        })
        .await;
}

async fn connected(hangar: &HangarProcess, plane: &FakePlane) -> (Person, String, String) {
    let mut admin = hangar.admin().await;
    let fields = [
        ("integration_name", "Acme"),
        ("base_url", &*plane.url()),
        ("workspace", "acme"),
        ("api_key", seed::KEY),
        ("interval_minutes", "60"),
    ];
    let page = admin.post("create_integration", &fields).await.location();
    let id = page.rsplit('/').next().unwrap().to_owned();
    let run = admin.post("start_sync", &[("id", &*id)]).await.location();
    let ended = admin.get(&format!("/live{run}")).await.text;
    assert!(ended.contains("\"outcome\":\"succeeded\""), "{ended}");
    let webhook = admin
        .post("create_webhook", &[("id", &*id)])
        .await
        .location();
    let saved = admin
        .post("save_webhook_secret", &[("id", &*id), ("secret", SECRET)])
        .await;
    assert_eq!(saved.status, 303);
    let html = admin.get(&webhook).await.text;
    let at = html.find("/api/webhooks/plane/").unwrap();
    let path = html[at..].split('<').next().unwrap().trim().to_owned();
    (admin, page, path)
}

/// Edits of work items that are there and new ones, each told by Plane's own words.
fn edits(plane: &FakePlane, count: usize, rng: &mut StdRng) -> Vec<String> {
    for n in 0..count {
        plane.given(|state| {
            let project = state.project_called("acme", "WEB").unwrap();
            let (project, items) = (project.id, project.items.all().len());
            if n % 5 == 0 {
                state.create_item(project, &format!("New {n}"));
            } else {
                let which = rng.random_range(0..items);
                let item = state.project(project).unwrap().items.all()[which].id;
                state.edit_item(item, |item| item.name = format!("Edited {n}"));
            }
        });
    }
    plane.take_held()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_every_kill_and_has_one_effect() {
    let kills = std::env::var("HANGAR_KILLS").map_or(KILLS, |n| n.parse().unwrap());
    let mut rng = StdRng::seed_from_u64(11);
    let plane = FakePlane::start(Options {
        rate_limit: None,
        hold_webhooks: true,
        ..Options::default()
    })
    .await;
    plane.given(seed::e2e);
    plane.given(|state| state.add_webhook("acme", "http://127.0.0.1:9/"));
    let data = tempfile::tempdir().unwrap();
    let mut hangar = HangarProcess::set_up(data.path(), &[]);
    let (_, page, path) = connected(&hangar, &plane).await;
    let http = sender();
    let told = Told::default();

    for _ in 0..kills {
        let mut bodies = std::mem::take(&mut *told.unanswered.lock().unwrap());
        bodies.extend(edits(&plane, 150, &mut rng));
        let url = format!("{}{path}", hangar.url());
        let until = told.answers.load(Ordering::Relaxed) + rng.random_range(20..120);
        let enough = async {
            loop {
                let answered = told.answered.notified();
                if told.answers.load(Ordering::Relaxed) >= until {
                    return;
                }
                answered.await;
            }
        };
        let sending = send(&http, &url, bodies, &told);
        let kill = async {
            enough.await;
            hangar.kill();
        };
        tokio::join!(sending, kill);
        hangar = HangarProcess::start(data.path(), &[]);
    }

    let url = format!("{}{path}", hangar.url());
    let received = std::mem::take(&mut *told.received.lock().unwrap());
    assert!(received.len() > kills * 20, "{}", received.len());
    for body in &received {
        let answer = deliver(&http, &url, body).await;
        assert_eq!(answer.as_deref(), Some("received before\n"), "lost: {body}");
    }
    let unanswered = std::mem::take(&mut *told.unanswered.lock().unwrap());
    for body in &unanswered {
        deliver(&http, &url, body).await.unwrap();
    }

    let mut admin = hangar.admin().await;
    let mut look = tokio::time::interval(Duration::from_millis(100));
    while admin
        .get("/webhooks?result=waiting")
        .await
        .text
        .contains("webhook-log")
    {
        look.tick().await;
    }
    let dead = admin.get("/webhooks?result=dead").await.text;
    assert!(!dead.contains("webhook-log"), "{dead}");
    let expected = plane.given(|state| {
        let project = state.project_called("acme", "WEB").unwrap();
        let items = project.items.all().iter().filter(|item| item.is_visible());
        let names: Vec<(u32, String)> = items
            .map(|item| (item.sequence_id, item.name.clone()))
            .collect();
        (project.id, names)
    });
    let (project, names) = expected;
    let list = admin.get(&format!("{page}/projects/{project}")).await.text;
    let total = format!("{} work items", names.len());
    assert!(list.contains(&total), "{total}, each once: {list}");
    for (number, name) in names
        .iter()
        .filter(|(_, name)| name.starts_with("Edited") || name.starts_with("New"))
    {
        let found = admin
            .get(&format!("{page}/projects/{project}?q={number}"))
            .await
            .text;
        let name = name.replace('\'', "&#x27;");
        assert!(found.contains(&name), "WEB-{number} is not called {name}");
    }
    hangar.stop();
}
