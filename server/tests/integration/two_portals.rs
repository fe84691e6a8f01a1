//! Two portals on one SurrealDB server share the work.

#[path = "../../../crates/store/tests/remote/server.rs"]
#[expect(dead_code, reason = "the store's own tests need more of it than these")]
mod surreal;

use std::{collections::BTreeSet, sync::Arc};

use app::{BulkForm, Inbox as _, IntegrationForm};
use chrono::TimeDelta;
use domain::{
    ids::IntegrationId,
    inbox::SignedBy,
    run::{Outcome, RunFilter, SyncRun},
};
use fake_plane::{FakePlane, Fault, What};
use server::{clock::Clock, config::Config, portal::Portal, rng::Rng, vault::MasterKeySource};
use store::{Delivery, ParcelId};
use tokio::runtime::{Handle, Runtime};
use uuid::Uuid;

use self::surreal::{PASSWORD, Server, USER, password};
use crate::support::{
    TestPortal,
    portal::{config, start_of_time},
};

/// A portal that can die at any moment: its tasks run nowhere else.
struct Mortal {
    portal: Arc<Portal>,
    runtime: Runtime,
}

impl Mortal {
    async fn start(config: Config, clock: Clock) -> Self {
        let runtime = Runtime::new().unwrap();
        let starting = runtime.spawn(async move {
            let master = MasterKeySource::given("7f".repeat(32));
            let here = Handle::current();
            Portal::start(&config, &master, clock, Rng::seeded(8), here).await
        });
        let portal = starting.await.unwrap().unwrap();
        Self {
            portal: Arc::new(portal),
            runtime,
        }
    }

    /// Starts what is due, and leaves it running.
    async fn start_due(&self) -> usize {
        let portal = self.portal.clone();
        let started = self
            .runtime
            .spawn(async move { portal.sync.start_due().await.unwrap().len() });
        started.await.unwrap()
    }

    fn die(self) {
        self.runtime.shutdown_background();
    }
}

struct Two {
    _server: Server,
    one: TestPortal,
    other: Mortal,
    integrations: BTreeSet<String>,
}

/// Both see the same integrations, all of them due.
async fn two(integrations: usize) -> Two {
    let server = Server::start("memory");
    server.ready().await;
    let clock = Clock::manual(start_of_time());
    let plane = FakePlane::start(fake_plane::Options {
        rate_limit: None,
        ..Default::default()
    })
    .await;
    plane.given(fake_plane::seed::e2e);
    let data = tempfile::tempdir().unwrap();
    let config = |data: &std::path::Path| Config {
        database_url: format!("ws://127.0.0.1:{}", server.port()),
        database_credentials: password(USER, PASSWORD),
        ..config(data.to_owned(), &[])
    };
    let one = TestPortal::start_configured(plane, clock.clone(), &config).await;
    let mut admin = one.admin().await;
    let mut names = BTreeSet::new();
    for n in 0..integrations {
        names.insert(one.connect(&mut admin, &format!("Acme {n}")).await);
    }
    clock.advance(TimeDelta::minutes(16));
    let other = Mortal::start(config(data.path()), clock).await;
    Two {
        _server: server,
        one,
        other,
        integrations: names,
    }
}

/// Every run, the latest first.
async fn runs(portal: &TestPortal) -> Vec<SyncRun> {
    let (viewer, all) = (portal.viewer().await, RunFilter::default());
    let runs = portal.portal.backend.runs.runs(&viewer, &all, None);
    runs.await.unwrap().rows
}

#[tokio::test(flavor = "multi_thread")]
async fn each_run_that_is_due_is_done_by_one_of_them() {
    let two = two(6).await;
    let (mine, theirs) = tokio::join!(two.one.portal.sync.start_due(), two.other.start_due());
    // Each takes a few at once; what is left comes with the next look.
    let mut started = mine.unwrap().len() + theirs;
    while started < two.integrations.len() {
        two.one.portal.sync.idle().await;
        two.other.portal.sync.idle().await;
        started += two.one.portal.sync.start_due().await.unwrap().len();
    }
    two.one.portal.sync.idle().await;
    two.other.portal.sync.idle().await;

    assert_eq!(started, two.integrations.len());
    let runs = runs(&two.one).await;
    assert_eq!(runs.len(), two.integrations.len(), "none was run twice");
    for run in runs {
        assert_eq!(run.outcome, Some(Outcome::Succeeded), "{:?}", run.reason);
    }
    assert_eq!(two.other.start_due().await, 0);
    two.other.die();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_one_was_at_is_taken_over_within_thirty_seconds() {
    let two = two(1).await;
    // Slower than anything here, so that the run is under way for as long as its portal lives.
    two.one
        .plane
        .fail(Fault::new(What::Latency(3_600_000)).on("/work-items/"));
    assert_eq!(two.other.start_due().await, 1);
    assert!(
        two.one.portal.sync.start_due().await.unwrap().is_empty(),
        "it is at work"
    );

    two.other.die();
    two.one.plane.heal();
    let mut waited = 0;
    let taken = loop {
        // As often as the schedule looks.
        two.one.clock.advance(TimeDelta::seconds(5));
        waited += 5;
        if let Some(run) = two.one.portal.sync.start_due().await.unwrap().pop() {
            break run;
        }
        assert!(waited < 60, "nobody takes it over");
    };
    assert!(waited <= 30, "{waited} s");
    two.one.portal.sync.idle().await;
    let outcomes: Vec<_> = runs(&two.one)
        .await
        .into_iter()
        .map(|run| (run.id, run.outcome))
        .collect();
    assert_eq!(outcomes[0], (taken, Some(Outcome::Succeeded)));
    assert_eq!(outcomes[1].1, Some(Outcome::Interrupted));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_one_received_is_sorted_by_another_within_two_minutes() {
    let two = two(1).await;
    let page = two.integrations.first().unwrap();
    let integration: IntegrationId = page.rsplit('/').next().unwrap().parse().unwrap();
    let (admin, portal) = (two.one.make_admin().await, &two.one.portal);
    let now = two.one.clock.now();
    let made = portal.store.create_webhook(&admin, integration, "0f", now);
    assert!(made.await.unwrap());
    let written_by_other = ParcelId {
        portal: Uuid::from_u128(7),
        number: 1,
    };
    let deliveries = vec![Delivery {
        integration,
        received_at: now,
        signed_by: SignedBy::Current,
        headers: Default::default(),
        body: br#"{"event": "issue", "action": "updated", "data": {}}"#.to_vec(),
        trace: None,
    }];
    let other = &two.other.portal.store;
    let kept = other.keep_deliveries(written_by_other, deliveries, now);
    kept.await.unwrap();
    two.other.die();

    let known = async || {
        portal.inbox.sort_abandoned().await.unwrap();
        let viewer = two.one.viewer().await;
        let report = portal.inbox.webhook(&viewer, integration).await.unwrap();
        report.webhook.unwrap().deliveries
    };
    two.one.clock.advance(TimeDelta::seconds(119));
    assert_eq!(known().await, 0, "it may still be at it");
    two.one.clock.advance(TimeDelta::seconds(1));
    assert_eq!(known().await, 1);
    assert_eq!(known().await, 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_operation_of_a_dead_one_is_gone_on_with_and_each_item_is_done_once() {
    let two = two(0).await;
    let admin = two.one.make_admin().await;
    let plane = &two.one.plane;
    let ops = plane.given(|state| state.project_called("acme", "OPS").unwrap().id);
    for n in 0..10 {
        let form = IntegrationForm {
            integration_name: format!("Acme {n}"),
            base_url: plane.url(),
            workspace: "acme".to_owned(),
            project_id: ops.to_string(),
            api_key: fake_plane::seed::KEY.to_owned(),
            ..IntegrationForm::default()
        };
        let made = two.one.portal.backend.integrations.create(&admin, form);
        made.await.unwrap();
    }
    let bulk = two.one.portal.backend.bulk.clone();
    let form = BulkForm {
        all: true,
        action: "sync".to_owned(),
        ..BulkForm::default()
    };
    let id = bulk.plan(&admin, form).await.unwrap();
    // Slower than anything here: eight are under way for as long as their portal lives, two wait.
    let slow = What::Latency(3_600_000);
    plane.fail(Fault::new(slow).on("/work-items/"));
    let (theirs, starter) = (two.other.portal.clone(), admin.clone());
    let begun = two.other.runtime.spawn(async move {
        let mut changes = theirs.bulk.changes();
        theirs.backend.bulk.start(&starter, id).await.unwrap();
        let viewer = starter.viewer();
        loop {
            let report = theirs.backend.bulk.operation(&viewer, id).await.unwrap();
            if report.operation.counts.running == 8 {
                return;
            }
            changes.recv().await.unwrap();
        }
    });
    begun.await.unwrap();
    bulk.start(&admin, id).await.unwrap();
    let mine = &two.one.portal.bulk;
    assert!(mine.take_over().await.unwrap().is_empty(), "it is at work");

    two.other.die();
    plane.heal();
    let mut waited = 0;
    while mine.take_over().await.unwrap().is_empty() {
        two.one.clock.advance(TimeDelta::seconds(5));
        waited += 5;
        assert!(waited <= 30, "nobody takes it over");
    }
    // As the schedule does all the time.
    two.one.portal.sync.end_dead_runs().await.unwrap();
    mine.idle().await;

    let viewer = two.one.viewer().await;
    let report = bulk.operation(&viewer, id).await.unwrap();
    assert_eq!(report.operation.counts.done, 10, "{:?}", report.items);
    let mut succeeded: Vec<_> = runs(&two.one)
        .await
        .into_iter()
        .filter(|run| run.outcome == Some(Outcome::Succeeded))
        .map(|run| run.integration)
        .collect();
    assert_eq!(succeeded.len(), 10);
    succeeded.sort();
    succeeded.dedup();
    assert_eq!(succeeded.len(), 10, "each was synced once");
}
