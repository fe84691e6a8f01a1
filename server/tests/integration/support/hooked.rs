use app::{Inbox as _, WebhookReport};
use chrono::TimeDelta;
use domain::{
    ids::{IntegrationId, ProjectId},
    inbox::{Burst, BurstFilter},
    mirror::WorkItemFilter,
};
use fake_plane::{FakePlane, webhooks::signature};
use reqwest::{Client, StatusCode};
use serde_json::json;
use server::{clock::Clock, timing::Timing};
use uuid::Uuid;

use super::{Person, TestPortal, portal::start_of_time, sender};

/// As long as Plane's.
pub const SECRET: &str = "plane_wh_482ad50d60c95a9ca87de1b285acb058";
pub const OTHER: &str = "plane_wh_68877a8e8bc940c7ae17aed2c08e8037";

/// A synced workspace with a webhook.
pub struct Hooked {
    pub portal: TestPortal,
    pub admin: Person,
    pub integration: IntegrationId,
    /// Path of its page.
    pub page: String,
    /// Path of its address.
    pub path: String,
    pub http: Client,
}

impl Hooked {
    pub async fn new() -> Self {
        Self::on(TestPortal::start().await).await
    }

    pub async fn on(portal: TestPortal) -> Self {
        let mut admin = portal.admin().await;
        let page = portal.connect(&mut admin, "Acme").await;
        portal.sync(&mut admin, &page).await;
        let id = page.rsplit('/').next().unwrap().to_owned();
        let made = admin.post("create_webhook", &[("id", &id)]).await;
        assert_eq!(
            (made.status, made.location()),
            (303, format!("{page}/webhook"))
        );
        let http = sender();
        let mut hooked = Self {
            portal,
            admin,
            integration: id.parse().unwrap(),
            page,
            path: String::new(),
            http,
        };
        let report = hooked.report().await;
        let address = report.address.unwrap();
        let at = address.find("/api/webhooks/").unwrap(); // whatever the public address is
        hooked.path = address[at..].to_owned();
        hooked
    }

    pub async fn with_secret(secret: &str) -> Self {
        let mut hooked = Self::new().await;
        hooked.save(secret).await;
        hooked
    }

    /// With other times than the usual ones.
    pub async fn timed(timing: Timing) -> Self {
        let plane = FakePlane::start(fake_plane::Options {
            rate_limit: None,
            ..Default::default()
        })
        .await;
        plane.given(fake_plane::seed::e2e);
        let clock = Clock::manual(start_of_time());
        let portal = TestPortal::start_timed(plane, clock, &[], timing).await;
        let mut hooked = Self::on(portal).await;
        hooked.save(SECRET).await;
        hooked
    }

    /// Registered in the fake Plane, which sends what it changes.
    pub async fn registered() -> Self {
        let mut hooked = Self::new().await;
        let url = format!("{}{}", hooked.portal.url, hooked.path);
        let (_, secret) = hooked
            .portal
            .plane
            .given(|state| state.add_webhook("acme", &url));
        hooked.save(&secret).await;
        hooked
    }

    /// Pastes a secret; where that leads.
    pub async fn save(&mut self, secret: &str) -> String {
        let id = self.integration.to_string();
        let page = format!("{}/webhook", self.page);
        let saved = self
            .admin
            .post_on(
                &page,
                "save_webhook_secret",
                &[("id", &id), ("secret", secret)],
            )
            .await;
        assert_eq!(saved.status, 303, "{}", saved.text);
        saved.location()
    }

    pub async fn report(&self) -> WebhookReport {
        let viewer = self.portal.viewer().await;
        let inbox = &self.portal.portal.inbox;
        inbox.sort_out().await.unwrap();
        inbox.webhook(&viewer, self.integration).await.unwrap()
    }

    /// Delivers, and has it sorted.
    pub async fn deliver(&self, body: &str, secret: &str) -> StatusCode {
        let signature = signature(secret, body.as_bytes());
        let answer = self
            .post(&self.path, body.as_bytes(), Some(&signature))
            .await;
        self.portal.portal.inbox.sort_out().await.unwrap();
        answer
    }

    pub async fn post(&self, path: &str, body: &[u8], signature: Option<&str>) -> StatusCode {
        let mut request = self
            .http
            .post(format!("{}{path}", self.portal.url))
            .header("content-type", "application/json")
            .header("x-plane-event", "issue")
            .body(body.to_owned());
        if let Some(signature) = signature {
            request = request.header("x-plane-signature", signature);
        }
        request.send().await.unwrap().status()
    }

    pub async fn bursts(&self) -> Vec<Burst> {
        let viewer = self.portal.viewer().await;
        let inbox = &self.portal.portal.inbox;
        inbox.sort_out().await.unwrap();
        let page = inbox
            .bursts(&viewer, &BurstFilter::default(), None)
            .await
            .unwrap();
        page.rows.into_iter().map(|row| row.burst).collect()
    }

    /// Applies what waits, as if some time had passed.
    pub async fn settle(&self) {
        self.portal.clock.advance(TimeDelta::seconds(3));
        self.portal.portal.inbox.work_off().await.unwrap();
    }

    /// The item's name in the copy.
    pub async fn copied_name(&self, project: Uuid, number: u64) -> Option<String> {
        let viewer = self.portal.viewer().await;
        let filter = WorkItemFilter {
            q: number.to_string(),
            ..WorkItemFilter::default()
        };
        let mirror = &self.portal.portal.backend.mirror;
        let found = mirror
            .work_items(&viewer, self.integration, ProjectId(project), &filter, None)
            .await
            .unwrap();
        found
            .rows
            .into_iter()
            .find(|row| row.sequence_id == number)
            .map(|row| row.name)
    }

    /// Changes something in Plane and waits until all that it tells of was received.
    pub async fn change<R>(
        &self,
        deliveries: usize,
        change: impl FnOnce(&mut fake_plane::State) -> R,
    ) -> R {
        let inbox = &self.portal.portal.inbox;
        let mut changes = inbox.changes();
        let changed = self.portal.plane.given(change);
        let received = async {
            for _ in 0..deliveries {
                changes.recv().await.unwrap();
            }
        };
        let sorting = async {
            loop {
                inbox.sort_when_told().await;
            }
        };
        tokio::select! {
            () = received => changed,
            () = sorting => unreachable!("it goes on for ever"),
        }
    }
}

/// Plane tells that a work item was renamed.
pub fn item_event(id: Uuid, project: Uuid, name: &str) -> String {
    let body = json!({
        "event": "issue", "action": "updated", "webhook_id": Uuid::from_u128(5), "workspace_id": Uuid::from_u128(6),
        "data": {"id": id, "project": project, "name": name, "sequence_id": 7},
        "activity": {"field": "name", "old_value": "x", "new_value": name},
    });
    body.to_string()
}
