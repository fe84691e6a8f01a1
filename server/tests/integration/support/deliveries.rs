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
use serde_json::json;
use tokio::sync::Notify;
use tokio_stream::wrappers::IntervalStream;

use super::{HangarProcess, Person, sender};

const SECRET: &str = "plane_wh_482ad50d60c95a9ca87de1b285acb058";
/// 150 deliveries a second.
const PACE: Duration = Duration::from_micros(6_667);
const AT_ONCE: usize = 16;
/// What a round has to send; it is over after 20 to 120 of them.
const A_ROUND: usize = 150;

/// A Plane that delivers to a portal which dies meanwhile, and what it was answered.
pub struct Deliveries {
    plane: FakePlane,
    http: Client,
    rng: StdRng,
    /// The integration's page.
    page: String,
    /// Where Plane delivers to.
    path: String,
    /// Answered 200.
    received: Mutex<Vec<String>>,
    /// No answer: Plane would send it again.
    unanswered: Mutex<Vec<String>>,
    answers: AtomicUsize,
    answered: Notify,
    markers: AtomicUsize,
}

impl Deliveries {
    /// With a Plane of its own, which the portal has synced once and has a webhook for.
    pub async fn begin(hangar: &HangarProcess, seed: u64) -> Self {
        let plane = FakePlane::start(Options {
            rate_limit: None,
            hold_webhooks: true,
            ..Options::default()
        })
        .await;
        plane.given(seed::e2e);
        plane.given(|state| state.add_webhook("acme", "http://127.0.0.1:9/"));
        let (page, path) = connected(hangar, &plane).await;
        Self {
            plane,
            http: sender(),
            rng: StdRng::seed_from_u64(seed),
            page,
            path,
            received: Mutex::default(),
            unanswered: Mutex::default(),
            answers: AtomicUsize::new(0),
            answered: Notify::new(),
            markers: AtomicUsize::new(0),
        }
    }

    /// Delivers, first what was not answered before, and in the middle of it ends the portal in this way. What was
    /// answered 200.
    pub async fn until(
        &mut self,
        hangar: HangarProcess,
        end: impl FnOnce(HangarProcess) + Send + 'static,
    ) -> Vec<String> {
        let mut bodies = std::mem::take(&mut *self.unanswered.lock().unwrap());
        bodies.extend(self.edits(A_ROUND.saturating_sub(bodies.len())));
        let url = format!("{}{}", hangar.url(), self.path);
        let until = self.answers.load(Ordering::Relaxed) + self.rng.random_range(20..120);
        let ended = async {
            loop {
                let answered = self.answered.notified();
                if self.answers.load(Ordering::Relaxed) >= until {
                    break;
                }
                answered.await;
            }
            let ended = tokio::task::spawn_blocking(move || end(hangar));
            ended.await.unwrap();
        };
        tokio::join!(self.send(&url, bodies), ended);
        std::mem::take(&mut *self.received.lock().unwrap())
    }

    /// Sends these at their pace, whether the portal is there or not.
    async fn send(&self, url: &str, bodies: Vec<String>) {
        let pace = IntervalStream::new(tokio::time::interval(PACE));
        stream::iter(bodies)
            .zip(pace)
            .map(|(body, _)| body)
            .for_each_concurrent(AT_ONCE, |body| async move {
                let answer = self.deliver(url, &body).await;
                match answer {
                    Some(_) => self.received.lock().unwrap().push(body),
                    None => self.unanswered.lock().unwrap().push(body),
                }
                self.answers.fetch_add(1, Ordering::Relaxed);
                self.answered.notify_waiters();
            })
            .await;
    }

    async fn deliver(&self, url: &str, body: &str) -> Option<String> {
        let sent = self
            .http
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

    /// Edits of work items that are there and new ones, each told by Plane's own words.
    fn edits(&mut self, count: usize) -> Vec<String> {
        for n in 0..count {
            self.plane.given(|state| {
                let project = state.project_called("acme", "WEB").unwrap();
                let (project, items) = (project.id, project.items.all().len());
                if n % 5 == 0 {
                    state.create_item(project, &format!("New {n}"));
                } else {
                    let which = self.rng.random_range(0..items);
                    let item = state.project(project).unwrap().items.all()[which].id;
                    state.edit_item(item, |item| item.name = format!("Edited {n}"));
                }
            });
        }
        self.plane.take_held()
    }

    /// How many of these the portal does not know any more: it takes them for new when they are delivered again.
    pub async fn lost(&self, hangar: &HangarProcess, bodies: &[String]) -> u64 {
        let url = &format!("{}{}", hangar.url(), self.path);
        let mut admin = hangar.admin().await;
        let before = self.events(&mut admin, url).await;
        stream::iter(bodies)
            .for_each_concurrent(AT_ONCE, |body| async move {
                self.deliver(url, body).await.unwrap();
            })
            .await;
        // One of the new ones is what tells that all are sorted.
        self.events(&mut admin, url).await - before - 1
    }

    /// How many events the portal knows, as soon as it has sorted all that it received until now.
    async fn events(&self, admin: &mut Person, url: &str) -> u64 {
        let last = format!("marker {}", self.markers.fetch_add(1, Ordering::Relaxed));
        let (event, action) = last.split_once(' ').unwrap();
        let body = json!({"event": event, "action": action, "data": {}});
        self.deliver(url, &body.to_string()).await.unwrap();
        let mut look = tokio::time::interval(Duration::from_millis(50));
        while !admin.get("/webhooks").await.text.contains(&last) {
            look.tick().await;
        }
        let page = admin.get(&format!("{}/webhook", self.page)).await;
        let figure = |label: &str| -> u64 {
            let says = page.figure(label).replace(',', "");
            says.parse().unwrap_or_else(|_| panic!("{label}: {says}"))
        };
        figure("Deliveries") - figure("Sent again")
    }

    /// Delivers what is left, and looks once all is applied: the copy is what Plane has, each work item once.
    pub async fn each_has_one_effect(&self, hangar: &HangarProcess) {
        let url = format!("{}{}", hangar.url(), self.path);
        let unanswered = std::mem::take(&mut *self.unanswered.lock().unwrap());
        stream::iter(&unanswered)
            .for_each_concurrent(AT_ONCE, |body| async {
                self.deliver(&url, body).await.unwrap();
            })
            .await;
        let mut admin = hangar.admin().await;
        self.events(&mut admin, &url).await;
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
        self.copy_is_complete(&mut admin).await;
    }

    async fn copy_is_complete(&self, admin: &mut Person) {
        let (project, names) = self.plane.given(|state| {
            let project = state.project_called("acme", "WEB").unwrap();
            let items = project.items.all().iter().filter(|item| item.is_visible());
            let names: Vec<(u32, String)> = items
                .map(|item| (item.sequence_id, item.name.clone()))
                .collect();
            (project.id, names)
        });
        let list = format!("{}/projects/{project}", self.page);
        let says = admin.get(&list).await.all(".page-says");
        let total = format!("{} work items", names.len());
        let says = says[0].replace(',', "");
        assert!(says.contains(&total), "{total}, each once: {says}");
        for (number, name) in names
            .iter()
            .filter(|(_, name)| name.starts_with("Edited") || name.starts_with("New"))
        {
            let found = admin.get(&format!("{list}?q={number}")).await.text;
            let name = name.replace('\'', "&#x27;");
            assert!(found.contains(&name), "WEB-{number} is not called {name}");
        }
    }
}

/// Connects, syncs and makes a webhook: the integration's page and the webhook's path.
pub async fn connected(hangar: &HangarProcess, plane: &FakePlane) -> (String, String) {
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
    (page, path)
}
