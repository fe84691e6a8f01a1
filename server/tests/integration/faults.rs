//! Whatever Plane does, a run and a connection test end soon, by name, with nothing lost, and the next run goes on.

use std::{net::SocketAddr, time::Duration};

use chrono::TimeDelta;
use domain::{
    actor::Admin,
    ids::{IntegrationId, ProjectId, RunId},
    run::{Outcome, SyncRun},
};
use fake_plane::{FakePlane, Fault, Options, TlsKind, What, seed};
use server::{clock::Clock, timing::Timing};
use tokio::time::Instant;
use uuid::Uuid;

use crate::support::{HangarProcess, TestPortal, portal::start_of_time};

/// What takes minutes against a real Plane takes less than a second here.
fn quick() -> Timing {
    Timing {
        longest_freeze: Duration::from_millis(300),
        limit_wait: Duration::from_millis(200),
        breaker_rest: Duration::from_millis(300),
        first_pause: Duration::from_millis(5),
        whole_test: Duration::from_secs(1),
        plane: plane::Times {
            list: Duration::from_millis(600),
            object: Duration::from_millis(600),
            quiet: Duration::from_millis(200),
            crawl: Duration::from_millis(300),
        },
        ..Timing::default()
    }
}

/// Far below the 35 seconds that a real Plane's times allow; mostly this machine's own time.
const SOON: Duration = Duration::from_secs(20);

fn status(code: u16, body: &str) -> What {
    What::Status(code, body.to_owned(), Vec::new())
}

fn detail(code: u16, text: &str) -> What {
    status(code, &format!(r#"{{"detail":"{text}"}}"#))
}

/// A fault; how a run ends whose lists of work items it strikes; what a connection test says.
fn cells() -> Vec<(&'static str, What, Outcome, &'static str)> {
    use Outcome::{Failed, Held, Partial, RateLimited, Rejected, Unreachable};
    let retry = |text: &str| What::RetryAfter(text.to_owned());
    let moved = [("location".to_owned(), "https://sso.example/".to_owned())];
    vec![
        (
            "closed without an answer",
            What::Drop,
            Unreachable,
            "network",
        ),
        ("RST", What::Reset, Unreachable, "network"),
        ("never answers", What::Silent, Unreachable, "timeout"),
        ("slowloris", What::Trickle, Unreachable, "timeout"),
        (
            "a few bytes a second",
            What::SlowBytes(1),
            Unreachable,
            "timeout",
        ),
        (
            "301",
            What::Status(301, String::new(), moved.into()),
            Failed,
            "redirected",
        ),
        (
            "302",
            What::Redirect("/sign-in".to_owned()),
            Failed,
            "redirected",
        ),
        (
            "401",
            detail(401, "Authentication credentials were not provided."),
            Rejected,
            "no_credentials",
        ),
        (
            "403, the key",
            detail(403, "Given API token is not valid"),
            Rejected,
            "bad_key",
        ),
        (
            "403, the rights",
            detail(403, "You do not have permission to perform this action."),
            Rejected,
            "no_access",
        ),
        (
            "404 of something else",
            status(404, r#"{"code":"no_route"}"#),
            Failed,
            "not_plane",
        ),
        (
            "410",
            status(410, r#"{"detail":"Gone."}"#),
            Failed,
            "bad_request",
        ),
        (
            "429 without Retry-After",
            status(429, "{}"),
            RateLimited,
            "rate_limited",
        ),
        ("429, 0", retry("0"), RateLimited, "rate_limited"),
        ("429, 57", retry("57"), RateLimited, "rate_limited"),
        (
            "429, a thousand million",
            retry("1000000000"),
            RateLimited,
            "rate_limited",
        ),
        (
            "429, a date",
            retry("Wed, 21 Oct 2065 07:28:00 GMT"),
            RateLimited,
            "rate_limited",
        ),
        ("429, junk", retry("soon"), RateLimited, "rate_limited"),
        (
            "500",
            status(
                500,
                r#"{"error":"Something went wrong please try again later"}"#,
            ),
            Unreachable,
            "plane_fault",
        ),
        (
            "502",
            status(502, "bad gateway"),
            Unreachable,
            "plane_fault",
        ),
        ("503", status(503, ""), Unreachable, "plane_fault"),
        ("504", status(504, ""), Unreachable, "plane_fault"),
        ("HTML with 200", What::HtmlWith200, Failed, "not_plane"),
        ("cut JSON", What::CutJson, Failed, "bad_answer"),
        ("no JSON at all", What::GarbageJson, Failed, "bad_answer"),
        ("wrong types", What::WrongTypes, Partial, "bad_answer"),
        ("10 GB", What::HugeBody(10 << 30), Failed, "bad_answer"),
        ("a gzip bomb", What::GzipBomb(1 << 30), Failed, "bad_answer"),
        ("pages without end", What::EndlessPages, Partial, "ok"),
        (
            "the first page again and again",
            What::RepeatFirstPage,
            Partial,
            "ok",
        ),
        ("an empty page 0", What::EmptyPage, Held, "ok"),
    ]
}

/// A synced workspace whose Plane goes wrong.
struct World {
    portal: TestPortal,
    admin: Admin,
    integration: IntegrationId,
    web: Uuid,
}

impl World {
    async fn start(options: Options, args: &[&str]) -> Self {
        let plane = FakePlane::start(Options {
            // A large limit that is told: nothing has to wait for it here.
            rate_limit: Some(1_000_000),
            largest_page: 100,
            ..options
        })
        .await;
        plane.given(seed::e2e);
        Self::beside(plane, args).await
    }

    async fn beside(plane: FakePlane, args: &[&str]) -> Self {
        let clock = Clock::manual(start_of_time());
        let portal = TestPortal::start_timed(plane, clock, args, quick()).await;
        let mut person = portal.admin().await;
        let acme = portal.connect(&mut person, "Acme").await;
        let web = portal
            .plane
            .given(|state| state.project_called("acme", "WEB").unwrap().id);
        let world = Self {
            admin: portal.make_admin().await,
            integration: acme.rsplit('/').next().unwrap().parse().unwrap(),
            portal,
            web,
        };
        assert_eq!(world.run().await.outcome, Some(Outcome::Succeeded));
        world
    }

    async fn run(&self) -> SyncRun {
        self.portal.clock.advance(TimeDelta::minutes(1));
        let runs = &self.portal.portal.backend.runs;
        let id = runs.start(&self.admin, self.integration).await.unwrap();
        self.end_of(id).await
    }

    async fn end_of(&self, id: RunId) -> SyncRun {
        self.portal.portal.sync.idle().await;
        let viewer = self.admin.clone().viewer();
        let runs = &self.portal.portal.backend.runs;
        runs.run(&viewer, id).await.unwrap()
    }

    /// What the schedule does by itself until a run succeeds.
    async fn heals(&self, what: &str) {
        for _ in 0..20 {
            self.portal.clock.advance(TimeDelta::hours(6));
            let due = self.portal.portal.sync.start_due().await.unwrap();
            let [run] = due[..] else {
                panic!("{what}: {} runs were due", due.len())
            };
            let run = self.end_of(run).await;
            if run.outcome == Some(Outcome::Succeeded) {
                return;
            }
            let waits = [Outcome::RateLimited, Outcome::Unreachable];
            let outcome = run.outcome.unwrap();
            assert!(
                waits.contains(&outcome),
                "{what}: {outcome:?} {:?}",
                run.reason
            );
            // A breaker that rests, or a key that is frozen, is nothing that tells when it is over.
            tokio::time::sleep(quick().breaker_rest / 4).await;
        }
        panic!("{what}: never healed");
    }

    async fn test(&self) -> (String, Duration) {
        let began = Instant::now();
        let integrations = &self.portal.portal.backend.integrations;
        let test = integrations.test(&self.admin, self.integration).await;
        (test.unwrap().status, began.elapsed())
    }

    async fn total(&self) -> u64 {
        let viewer = self.admin.clone().viewer();
        let mirror = &self.portal.portal.backend.mirror;
        let project = mirror.project(&viewer, self.integration, ProjectId(self.web));
        project.await.unwrap().total_work_items
    }

    /// Deletes a work item in Plane: the next run reads everything, and asks for it.
    fn delete_one(&self) -> Uuid {
        self.portal.plane.given(|state| {
            let project = state.project(self.web).unwrap();
            let mut all = project.items.all().iter();
            let id = all.find(|item| item.is_visible()).unwrap().id;
            state.delete_item(id);
            id
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_lists_do_a_run_ends_by_name_and_the_next_one_goes_on() {
    let world = World::start(Options::default(), &[]).await;
    for (what, fault, outcome, _) in cells() {
        let before = world.total().await;
        world.delete_one();
        world
            .portal
            .plane
            .fail(Fault::new(fault).on("/work-items/?"));

        let began = Instant::now();
        let run = world.run().await;

        assert!(began.elapsed() < SOON, "{what}: {:?}", began.elapsed());
        assert_eq!(run.outcome, Some(outcome), "{what}: {:?}", run.reason);
        let reason = run.reason.unwrap();
        assert!(reason.ends_with('.'), "{what}: {reason}");
        assert_eq!(run.counts.deleted, 0, "{what}");
        assert_eq!(world.total().await, before, "{what}");
        match outcome {
            Outcome::RateLimited => assert!(reason.contains(" until "), "{what}: {reason}"),
            Outcome::Unreachable if what.starts_with('5') => {
                assert!(reason.contains("the next try is at"), "{what}: {reason}");
            }
            _ => {}
        }
        world.portal.plane.heal();
        world.heals(what).await;
        assert_eq!(world.total().await, before - 1, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_one_work_item_does_it_stays_until_plane_confirms_that_it_is_gone() {
    let world = World::start(Options::default(), &[]).await;
    let of_pages = [What::EndlessPages, What::RepeatFirstPage, What::EmptyPage];
    for (what, fault, _, _) in cells() {
        if of_pages.contains(&fault) {
            continue;
        }
        let before = world.total().await;
        let path = format!("/work-items/{}/", world.delete_one());
        world.portal.plane.forget_requests();
        world.portal.plane.fail(Fault::new(fault).on(&path));

        let began = Instant::now();
        let run = world.run().await;

        assert!(began.elapsed() < SOON, "{what}: {:?}", began.elapsed());
        assert!(run.outcome.is_some() && run.finished_at.is_some(), "{what}");
        let seen = world.portal.plane.requests();
        assert!(seen.iter().any(|seen| seen.path.ends_with(&path)), "{what}");
        assert_eq!((run.counts.suspected, run.counts.deleted), (1, 0), "{what}");
        assert_eq!(world.total().await, before, "{what}");
        world.portal.plane.heal();
        world.heals(what).await;
        assert_eq!(world.total().await, before - 1, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_plane_does_a_connection_test_names_it_and_passes_once_it_is_healed() {
    let world = World::start(Options::default(), &[]).await;
    for (what, fault, _, expected) in cells() {
        world.portal.plane.fail(Fault::new(fault).on("/api/v1/"));

        let (status, took) = world.test().await;

        assert_eq!(status, expected, "{what}");
        assert!(took < SOON, "{what}: {took:?}");
        world.portal.plane.heal();
        let healed = Instant::now();
        while world.test().await.0 != "ok" {
            assert!(healed.elapsed() < SOON, "{what}: never passed again");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plane_that_is_down_is_unreachable_until_it_listens_again() {
    let mut world = World::start(Options::default(), &[]).await;
    let before = world.total().await;
    let addr = world.portal.plane.addr();
    let elsewhere = FakePlane::start(Options::default()).await;
    drop(std::mem::replace(&mut world.portal.plane, elsewhere));

    for _ in 0..3 {
        let run = world.run().await;
        assert_eq!(run.outcome, Some(Outcome::Unreachable), "{:?}", run.reason);
        assert_eq!(world.total().await, before);
    }
    assert_eq!(world.test().await.0, "refused");

    let again = FakePlane::start(Options {
        addr: SocketAddr::from(([127, 0, 0, 1], addr.port())),
        rate_limit: Some(1_000_000),
        ..Options::default()
    })
    .await;
    again.given(seed::e2e);
    world.portal.plane = again;
    world.heals("down").await;
    assert_eq!(world.total().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_does_not_resolve_is_said() {
    let world = World::start(
        Options::default(),
        &[
            "--egress-allow",
            "127.0.0.1,plane.invalid",
            "--allow-http",
            "127.0.0.1,plane.invalid",
        ],
    )
    .await;
    let mut person = world.portal.sign_in(crate::support::portal::ADMIN).await;
    let fields = [
        ("integration_name", "Nowhere"),
        ("base_url", "http://plane.invalid"),
        ("workspace", "acme"),
        ("api_key", seed::KEY),
        ("interval_minutes", "15"),
    ];
    let made = person.post("create_integration", &fields).await;
    let id = made.location().rsplit('/').next().unwrap().parse().unwrap();
    let world = World {
        integration: id,
        ..world
    };

    let began = Instant::now();
    let run = world.run().await;

    assert_eq!(run.outcome, Some(Outcome::Unreachable), "{:?}", run.reason);
    assert_eq!(world.test().await.0, "dns");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_certificate_ends_a_run_before_the_key_is_sent() {
    let plane = FakePlane::start(Options {
        tls: Some(TlsKind::Trusted),
        rate_limit: Some(1_000_000),
        ..Options::default()
    })
    .await;
    plane.given(seed::e2e);
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), plane.ca_pem().unwrap()).unwrap();
    let world = World::beside(plane, &["--extra-ca", ca.path().to_str().unwrap()]).await;
    for kind in [TlsKind::Expired, TlsKind::WrongHost, TlsKind::SelfSigned] {
        let before = world.total().await;
        world.portal.plane.show_certificate(kind);
        world.portal.plane.forget_requests();

        let run = world.run().await;

        assert_eq!(
            run.outcome,
            Some(Outcome::Unreachable),
            "{kind:?} {:?}",
            run.reason
        );
        assert_eq!(world.test().await.0, "tls", "{kind:?}");
        assert!(world.portal.plane.requests().is_empty(), "{kind:?}");
        assert_eq!(world.total().await, before);
        world.portal.plane.show_certificate(TlsKind::Trusted);
        world.heals("certificate").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plane_that_fails_now_and_then_is_copied_all_the_same() {
    let world = World::start(Options::default(), &[]).await;
    for fault in [What::Drop, What::CutJson, status(502, "")] {
        world.delete_one();
        world.portal.plane.fail(Fault::new(fault.clone()).every(9));
        let run = world.run().await;
        assert_eq!(
            run.outcome,
            Some(Outcome::Succeeded),
            "{fault:?} {:?}",
            run.reason
        );
        world.portal.plane.heal();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_in_which_nothing_moves_is_ended_and_says_so() {
    let plane = FakePlane::start(Options {
        rate_limit: None,
        ..Options::default()
    })
    .await;
    plane.given(seed::e2e);
    let timing = Timing {
        no_progress: Duration::from_secs(1),
        ..Timing::default()
    };
    let clock = Clock::manual(start_of_time());
    let portal = TestPortal::start_timed(plane, clock, &[], timing).await;
    let mut person = portal.admin().await;
    let acme = portal.connect(&mut person, "Acme").await;
    portal
        .plane
        .fail(Fault::new(What::Silent).on("/work-items/"));

    let path = portal.sync(&mut person, &acme).await;

    let viewer = portal.viewer().await;
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let run = portal.portal.backend.runs.run(&viewer, id).await.unwrap();
    assert_eq!(run.outcome, Some(Outcome::Failed));
    assert!(run.reason.unwrap().starts_with("Nothing moved for"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_end_costs_little_memory() {
    let plane = FakePlane::start(Options {
        rate_limit: Some(1_000_000),
        ..Options::default()
    })
    .await;
    plane.given(seed::e2e);
    let data = tempfile::tempdir().unwrap();
    let hangar = HangarProcess::set_up(data.path(), &[]);
    let mut admin = hangar.admin().await;
    let fields = [
        ("integration_name", "Acme"),
        ("base_url", &*plane.url()),
        ("workspace", "acme"),
        ("api_key", seed::KEY),
        ("interval_minutes", "60"),
    ];
    let path = admin.post("create_integration", &fields).await.location();
    let id = path.rsplit('/').next().unwrap().to_owned();
    let run = async |admin: &mut crate::support::Person| {
        let run = admin.post("start_sync", &[("id", &*id)]).await.location();
        // The stream ends when the run does.
        admin.get(&format!("/live{run}")).await.text
    };
    let first = run(&mut admin).await;
    assert!(first.contains("\"outcome\":\"succeeded\""), "{first}");
    for (fault, path) in [
        (What::HugeBody(10 << 30), "/work-items/?"),
        (What::GzipBomb(10 << 30), "/work-items/?"),
        (What::HugeBody(10 << 30), "/projects/?"),
    ] {
        hangar.forget_peak();
        let before = hangar.peak_memory();
        plane.fail(Fault::new(fault.clone()).on(path));
        let ended = run(&mut admin).await;
        assert!(!ended.contains("\"outcome\":\"succeeded\""), "{ended}");
        let more = hangar.peak_memory().saturating_sub(before) / 1024;
        println!("{fault:?}: {more} MiB more");
        assert!(more <= 64, "{fault:?}: {more} MiB more");
        plane.heal();
    }
    hangar.stop();
}
