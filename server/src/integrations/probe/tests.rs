use std::io::Write;

use chrono::TimeDelta;
use fake_plane::{FakePlane, Fault, Role, TlsKind, Version, What};
use uuid::Uuid;

use super::*;
use crate::egress::Policy;

/// A Plane, a key to it, and a portal's way out.
struct World {
    fake: FakePlane,
    key: String,
    egress: Egress,
    clock: Clock,
}

impl World {
    async fn start(options: fake_plane::Options) -> Self {
        let fake = FakePlane::start(options).await;
        let key = fake.given(|state| {
            state.add_workspace("acme", "Acme");
            let inge = state.add_user("Inge", "Integration");
            state.join_workspace("acme", inge, Role::Member);
            for (name, identifier) in [("Web Platform", "WEB"), ("Operations", "OPS")] {
                let project = state.add_project("acme", name, identifier);
                state.join_project(project, inge, Role::Member);
            }
            state.add_key(inge, "integration")
        });
        let egress = egress(&["127.0.0.1", "localhost"], fake.ca_pem());
        Self {
            fake,
            key,
            egress,
            clock: Clock::System,
        }
    }

    async fn usual() -> Self {
        Self::start(fake_plane::Options::default()).await
    }

    async fn tls(kind: TlsKind) -> Self {
        Self::start(fake_plane::Options {
            tls: Some(kind),
            ..Default::default()
        })
        .await
    }

    async fn test(&self) -> ConnectionTest {
        self.test_of(&self.fake.url(), "acme", AuthScheme::ApiKey, &self.key)
            .await
    }

    async fn test_of(
        &self,
        base: &str,
        workspace: &str,
        auth: AuthScheme,
        key: &str,
    ) -> ConnectionTest {
        self.watch(base, workspace, auth, key, |_| ()).await
    }

    async fn watch(
        &self,
        base: &str,
        workspace: &str,
        auth: AuthScheme,
        key: &str,
        progress: impl FnMut(TestProgress),
    ) -> ConnectionTest {
        let (base, workspace) = (base.parse().unwrap(), workspace.parse().unwrap());
        let budget = Arc::new(Budget::default());
        let target = Target {
            base: &base,
            workspace: &workspace,
            auth,
            key: key.into(),
            budget,
            on_call: OnCall::new(|_| ()),
        };
        let limit = Duration::from_secs(2);
        probe(
            limit,
            &self.egress,
            target,
            TestId(Uuid::nil()),
            None,
            &self.clock,
            progress,
        )
        .await
    }
}

fn egress(allow: &[&str], ca: Option<&str>) -> Egress {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(ca.unwrap_or_default().as_bytes()).unwrap();
    let allow: Vec<String> = allow.iter().map(|host| (*host).to_owned()).collect();
    let extra_ca = ca.map(|_| file.path().to_owned());
    Egress::new(Policy {
        allow_http: allow.clone(),
        allow,
        extra_ca,
        own: vec![],
    })
    .unwrap()
}

/// The stage that failed and the code, after checking that everything before it passed and nothing after was tried.
fn failure(test: &ConnectionTest) -> (StageName, &str) {
    let at = test
        .stages
        .iter()
        .position(|stage| stage.state == StageState::Failed);
    let at = at.unwrap_or_else(|| panic!("nothing failed: {test:#?}"));
    let (before, failed, after) = (&test.stages[..at], &test.stages[at], &test.stages[at + 1..]);
    assert!(
        before
            .iter()
            .all(|s| matches!(s.state, StageState::Passed | StageState::Warned))
    );
    assert!(after.iter().all(|s| s.state == StageState::NotTried));
    assert!(
        failed
            .advice
            .as_ref()
            .is_some_and(|advice| advice.ends_with('.'))
    );
    assert_eq!(
        (test.success, &test.error),
        (false, &Some(failed.says.clone()))
    );
    assert!(
        test.stages
            .iter()
            .map(|stage| stage.name)
            .eq(StageName::ALL)
    );
    (failed.name, &test.status)
}

fn stage(test: &ConnectionTest, name: StageName) -> &Stage {
    test.stages.iter().find(|stage| stage.name == name).unwrap()
}

#[tokio::test]
async fn a_good_connection_passes_every_stage_with_two_calls() {
    let world = World::usual().await;
    let mut told = Vec::new();
    let test = world
        .watch(
            &world.fake.url(),
            "acme",
            AuthScheme::ApiKey,
            &world.key,
            |progress| told.push(progress),
        )
        .await;
    assert!(
        test.success
            && test
                .stages
                .iter()
                .all(|stage| stage.state == StageState::Passed),
        "{test:#?}"
    );
    assert_eq!(
        (test.status.as_str(), test.projects_count, test.api_calls),
        ("ok", Some(2), 2)
    );
    assert_eq!(test.plane_version.as_deref(), Some("v1.3.1"));
    assert_eq!(
        stage(&test, StageName::Tls).says,
        "Not used: the address is plain http."
    );
    assert_eq!(
        stage(&test, StageName::RateLimit).says,
        "58 of 60 calls a minute are left."
    );
    assert!(stage(&test, StageName::ApiKey).says.contains("inge"));

    let mut expected = Vec::new();
    for stage in &test.stages {
        expected.push(TestProgress::Started { name: stage.name });
        expected.push(TestProgress::Ended {
            stage: stage.clone(),
        });
    }
    expected.push(TestProgress::Finished { test: test.clone() });
    assert_eq!(told, expected);

    let json = serde_json::to_value(&test).unwrap();
    assert_eq!(
        (&json["success"], &json["status"]),
        (&true.into(), &"ok".into())
    );
    assert_eq!(
        (&json["projectsCount"], &json["error"]),
        (&2.into(), &serde_json::Value::Null)
    );
    assert!(!json.to_string().contains(&world.key));
}

#[tokio::test]
async fn keys_and_workspaces_fail_at_their_own_stage() {
    let world = World::usual().await;
    let stranger = world.fake.given(|state| {
        let sam = state.add_user("Sam", "Stranger");
        state.add_key(sam, "stranger")
    });
    let url = world.fake.url();
    let test = async |workspace, auth, key: &str| world.test_of(&url, workspace, auth, key).await;
    let bad = test(
        "acme",
        AuthScheme::ApiKey,
        "plane_api_00000000000000000000000000000000",
    )
    .await;
    assert_eq!(failure(&bad), (StageName::ApiKey, "bad_key"));
    let bearer = test("acme", AuthScheme::Bearer, &world.key).await;
    assert_eq!(failure(&bearer), (StageName::ApiKey, "no_credentials"));
    let slug = test("ACME", AuthScheme::ApiKey, &world.key).await;
    assert_eq!(failure(&slug), (StageName::Workspace, "no_access"));
    let member = test("acme", AuthScheme::ApiKey, &stranger).await;
    assert_eq!(failure(&member), (StageName::Workspace, "no_access"));
    assert_eq!(member.projects_count, None);
}

#[tokio::test]
async fn faults_fail_at_the_stage_that_meets_them() {
    let world = World::usual().await;
    let html = vec![("content-type".to_owned(), "text/html".to_owned())];
    let faults = [
        (Fault::new(What::HtmlWith200), StageName::Plane, "not_plane"),
        (Fault::new(What::Drop), StageName::Plane, "network"),
        (
            Fault::new(What::Redirect("https://sso.test/".into())),
            StageName::Plane,
            "redirected",
        ),
        (
            Fault::new(What::Status(502, "<html>".into(), html)),
            StageName::Plane,
            "plane_fault",
        ),
        (Fault::new(What::GarbageJson), StageName::Plane, "not_plane"),
        (Fault::new(What::SlowBytes(10)), StageName::Plane, "timeout"),
        (
            Fault::new(What::HugeBody(40 << 20)),
            StageName::Plane,
            "bad_answer",
        ),
        (
            Fault::new(What::RetryAfter("57".into())).on("/users/me/"),
            StageName::ApiKey,
            "rate_limited",
        ),
        (
            Fault::new(What::CutJson).on("/users/me/"),
            StageName::ApiKey,
            "bad_answer",
        ),
        (
            Fault::new(What::Status(500, "{}".into(), vec![])).on("/projects/"),
            StageName::Workspace,
            "plane_fault",
        ),
        (
            Fault::new(What::RetryAfter("1".into())).on("/projects/"),
            StageName::Workspace,
            "rate_limited",
        ),
        (
            Fault::new(What::Latency(60_000)).on("/projects/"),
            StageName::Workspace,
            "timeout",
        ),
    ];
    for (fault, name, code) in faults {
        let what = format!("{fault:?}");
        world.fake.fail(fault);
        world.fake.forget_requests();
        let test = world.test().await;
        assert_eq!(failure(&test), (name, code), "{what}");
        let with_key = world
            .fake
            .requests()
            .iter()
            .filter(|request| request.path != "/api/instances/")
            .count();
        assert!(with_key <= 3 && test.api_calls <= 3, "{what}");
        assert!(test.took_ms < 4_000, "{what}: {} ms", test.took_ms);
        world.fake.heal();
    }
}

#[tokio::test]
async fn a_certificate_is_looked_at() {
    let mut world = World::tls(TlsKind::Trusted).await;
    let test = world.test().await;
    assert!(test.success, "{test:#?}");
    assert!((88..=90).contains(&test.certificate_days_left.unwrap()));
    assert!(
        stage(&test, StageName::Tls)
            .says
            .contains("Fake Plane test authority")
    );

    let soon = Clock::manual(Clock::System.now() + TimeDelta::days(80));
    world.clock = soon;
    let test = world.test().await;
    assert!(
        test.success && stage(&test, StageName::Tls).state == StageState::Warned,
        "{test:#?}"
    );

    for (kind, says) in [
        (TlsKind::Expired, "expired"),
        (TlsKind::WrongHost, "another host name"),
    ] {
        let test = World::tls(kind).await.test().await;
        assert_eq!(failure(&test), (StageName::Tls, "tls"), "{kind:?}");
        assert!(test.error.unwrap().contains(says), "{kind:?}");
    }
    for kind in [TlsKind::SelfSigned, TlsKind::Trusted] {
        let world = World {
            egress: egress(&["127.0.0.1"], None),
            ..World::tls(kind).await
        };
        let test = world.test().await;
        assert_eq!(failure(&test), (StageName::Tls, "tls"), "{kind:?}");
        assert!(
            stage(&test, StageName::Tls)
                .advice
                .as_ref()
                .unwrap()
                .contains("--extra-ca")
        );
    }
    let plain = World::usual().await;
    let https = plain.fake.url().replace("http://", "https://");
    let test = plain
        .test_of(&https, "acme", AuthScheme::ApiKey, &plain.key)
        .await;
    assert_eq!(failure(&test), (StageName::Tls, "tls"));
}

#[tokio::test]
async fn addresses_that_lead_nowhere_fail_before_the_key_is_used() {
    let world = World::usual().await;
    let test = async |base: &str| {
        world
            .test_of(base, "acme", AuthScheme::ApiKey, &world.key)
            .await
    };
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    assert_eq!(
        failure(&test(&format!("http://{closed}")).await),
        (StageName::Connect, "refused")
    );
    assert_eq!(
        failure(&test("https://nowhere.invalid").await),
        (StageName::Dns, "dns")
    );

    let refused = test("https://10.0.0.5").await;
    assert_eq!(failure(&refused), (StageName::Address, "refused_by_policy"));
    assert!(
        stage(&refused, StageName::Address)
            .advice
            .as_ref()
            .unwrap()
            .contains("--egress-allow 10.0.0.5")
    );
    let http = test("http://plane.example.com").await;
    assert!(
        stage(&http, StageName::Address)
            .advice
            .as_ref()
            .unwrap()
            .contains("--allow-http plane.example.com")
    );
    let metadata = test("https://169.254.169.254").await;
    assert_eq!(
        failure(&metadata),
        (StageName::Address, "refused_by_policy")
    );

    let strict = World {
        egress: egress(&[], None),
        ..World::usual().await
    };
    let named = strict
        .fake
        .url()
        .replace("http://127.0.0.1", "https://localhost");
    let test = strict
        .test_of(&named, "acme", AuthScheme::ApiKey, &strict.key)
        .await;
    assert_eq!(failure(&test), (StageName::Dns, "refused_by_policy"));
    assert!(strict.fake.requests().is_empty());
}

#[tokio::test]
async fn a_workspace_in_the_address_is_pointed_out() {
    let world = World::usual().await;
    world.fake.fail(What::HtmlWith200);
    let url = world.fake.url();
    let test = world
        .test_of(
            &format!("{url}/acme"),
            "acme",
            AuthScheme::ApiKey,
            &world.key,
        )
        .await;
    assert_eq!(failure(&test), (StageName::Plane, "not_plane"));
    assert!(
        stage(&test, StageName::Plane)
            .advice
            .as_ref()
            .unwrap()
            .contains(&url)
    );
}

#[tokio::test]
async fn an_old_plane_passes_with_a_hint() {
    let world = World::start(fake_plane::Options {
        version: Version::V0_27,
        ..Default::default()
    })
    .await;
    let test = world.test().await;
    assert!(test.success, "{test:#?}");
    assert_eq!(stage(&test, StageName::Plane).state, StageState::Warned);
    assert!(stage(&test, StageName::ApiKey).says.contains("v0.28"));
    let bad = world
        .test_of(&world.fake.url(), "acme", AuthScheme::ApiKey, "plane_api_x")
        .await;
    assert_eq!(bad.status, "bad_key");
}

#[tokio::test]
async fn a_key_without_projects_passes_with_a_hint() {
    let world = World::usual().await;
    world.fake.given(|state| {
        state.add_workspace("empty", "Empty");
        let inge = state.users[0].id;
        state.join_workspace("empty", inge, Role::Member);
    });
    let test = world
        .test_of(&world.fake.url(), "empty", AuthScheme::ApiKey, &world.key)
        .await;
    assert_eq!((test.success, test.projects_count), (true, Some(0)));
    assert_eq!(stage(&test, StageName::Projects).state, StageState::Warned);
}
