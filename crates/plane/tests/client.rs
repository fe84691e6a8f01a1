//! The client against a Plane that behaves like the recorded one, and against one that misbehaves.

#![expect(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use std::{collections::HashSet, sync::Arc, time::Duration};

use domain::{
    collection::CollectionKind,
    ids::{ProjectId, WorkItemId},
    integration::AuthScheme,
    mirror::WorkItem,
};
use fake_plane::{FakePlane, Fault, Role, TlsKind, Version, What};
use plane::{
    Budget, Cursor, Error, Lane, ListPage, Options, Plane, Wait,
    error::{AnswerFlaw, TlsFlaw},
};
use tokio::time::Instant;
use uuid::Uuid;

/// A Plane with one workspace, one key and one project of 348 work items.
struct World {
    fake: FakePlane,
    key: String,
    project: ProjectId,
    http: reqwest::Client,
}

impl World {
    async fn start(options: fake_plane::Options) -> Self {
        let fake = FakePlane::start(options).await;
        let (key, project) = fake.given(|state| {
            state.add_workspace("acme", "Acme");
            let inge = state.add_user("Inge", "Integration");
            state.join_workspace("acme", inge, Role::Member);
            let project = state.add_project("acme", "Web Platform", "WEB");
            state.join_project(project, inge, Role::Member);
            state.add_usual_labels(project);
            state.add_items(project, 348);
            (state.add_key(inge, "integration"), project)
        });
        let http = http(fake.ca_pem());
        Self {
            fake,
            key,
            project: ProjectId(project),
            http,
        }
    }

    async fn usual() -> Self {
        Self::start(fake_plane::Options::default()).await
    }

    fn plane(&self) -> Plane {
        self.plane_with(Options::default())
    }

    fn plane_with(&self, options: Options) -> Plane {
        self.open("acme", AuthScheme::ApiKey, &self.key, options)
    }

    fn open(&self, workspace: &str, auth: AuthScheme, key: &str, options: Options) -> Plane {
        let base = self.fake.url().parse().unwrap();
        let budget = Arc::new(Budget::default());
        Plane::new(
            self.http.clone(),
            base,
            workspace.parse().unwrap(),
            auth,
            key.into(),
            budget,
            options,
        )
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test stands where the portal's egress does"
)]
fn http(ca: Option<&str>) -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .tls_certs_merge(ca.map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()).unwrap()));
    builder.build().unwrap()
}

fn pages_of(size: u32) -> Options {
    Options {
        page_size: size,
        ..Options::default()
    }
}

/// Reads on from `cursor` to the end.
async fn walk(plane: &Plane, project: ProjectId, mut cursor: Option<Cursor>) -> Vec<WorkItem> {
    let mut items = Vec::new();
    loop {
        let page = plane.work_items(project, cursor.as_ref()).await.unwrap();
        assert_eq!(page.undecodable, 0);
        items.extend(page.rows);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return items,
        }
    }
}

fn ids(items: &[WorkItem]) -> HashSet<WorkItemId> {
    items.iter().map(|item| item.id).collect()
}

#[tokio::test]
async fn everything_a_key_can_read_is_read() {
    let world = World::usual().await;
    let plane = world.plane();
    assert_eq!(plane.me().await.unwrap().display_name, "inge");
    assert_eq!(
        plane.instance().await.unwrap().version.as_deref(),
        Some("v1.3.1")
    );
    assert_eq!(plane.count_projects().await.unwrap(), 1);

    let projects = plane.projects(None).await.unwrap();
    assert_eq!(
        (
            projects.total,
            projects.rows[0].identifier.as_str(),
            projects.rows[0].is_member
        ),
        (1, "WEB", true)
    );
    let project = projects.rows[0].id;
    assert_eq!(plane.project(project).await.unwrap(), projects.rows[0]);
    assert_eq!(plane.summary(project).await.unwrap().work_items, Some(348));
    assert_eq!(plane.workspace_members().await.unwrap().rows.len(), 1);
    assert_eq!(plane.members(project).await.unwrap().rows.len(), 1);
    assert_eq!(plane.states(project).await.unwrap().rows.len(), 5);
    assert!(!plane.labels(project).await.unwrap().rows.is_empty());

    let items = walk(&plane, project, None).await;
    assert_eq!((items.len(), ids(&items).len()), (348, 348));
    assert!(
        items.is_sorted_by_key(|item| item.created_at),
        "oldest first"
    );
    assert!(
        items.iter().any(|item| !item.labels.is_empty())
            && items.iter().any(|item| !item.assignees.is_empty())
    );
    assert_eq!(
        plane.work_item(project, items[0].id).await.unwrap(),
        items[0]
    );
    assert_eq!(plane.usage().rate_limited, 0);
}

#[tokio::test]
async fn pages_can_be_resumed_by_another_process() {
    let world = World::usual().await;
    let ListPage {
        rows,
        next,
        total,
        page,
        pages,
        ..
    } = world
        .plane_with(pages_of(100))
        .work_items(world.project, None)
        .await
        .unwrap();
    assert_eq!((rows.len(), total, page, pages), (100, 348, 1, 4));
    let kept = next.unwrap().to_string();
    let rest = walk(&world.plane(), world.project, Some(kept.parse().unwrap())).await;
    assert_eq!(rest.len(), 248);
    assert!(ids(&rest).is_disjoint(&ids(&rows)));
}

#[tokio::test]
async fn the_largest_page_is_learnt_once() {
    let world = World::usual().await;
    let plane = world.plane_with(pages_of(5000));
    assert_eq!(
        plane
            .work_items(world.project, None)
            .await
            .unwrap()
            .rows
            .len(),
        348
    );
    assert_eq!(
        plane
            .work_items(world.project, None)
            .await
            .unwrap()
            .rows
            .len(),
        348
    );
    let asked = world.fake.requests();
    let sizes: Vec<_> = asked
        .iter()
        .map(|request| request.query.split('&').next().unwrap())
        .collect();
    assert_eq!(sizes, ["per_page=5000", "per_page=1000", "per_page=1000"]);
}

#[tokio::test]
async fn items_created_during_a_walk_come_at_its_end_and_removed_ones_are_told() {
    let world = World::usual().await;
    let plane = world.plane_with(pages_of(100));
    let first = plane.work_items(world.project, None).await.unwrap();
    world
        .fake
        .given(|state| state.create_item(world.project.0, "Late"));
    let second = plane
        .work_items(world.project, first.next.as_ref())
        .await
        .unwrap();
    assert!(!second.shifted && ids(&first.rows).is_disjoint(&ids(&second.rows)));
    world.fake.given(|state| {
        state.delete_item(first.rows[0].id.0);
        state.delete_item(first.rows[1].id.0);
    });
    let third = plane
        .work_items(world.project, second.next.as_ref())
        .await
        .unwrap();
    assert!(third.shifted, "the total fell, so two items slipped past");
    let again = plane
        .work_items(world.project, first.next.as_ref())
        .await
        .unwrap();
    assert_eq!(ids(&again.rows).difference(&ids(&second.rows)).count(), 2);
}

#[tokio::test]
async fn an_old_plane_is_asked_below_its_old_path() {
    let world = World::start(fake_plane::Options {
        version: Version::V1_0,
        ..Default::default()
    })
    .await;
    let plane = world.plane();
    let items = walk(&plane, world.project, None).await;
    assert_eq!(items.len(), 348);
    assert!(plane.uses_old_paths());
    plane.work_item(world.project, items[0].id).await.unwrap();
    let statuses: Vec<_> = world
        .fake
        .requests()
        .iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(statuses, [404, 200, 200], "the new path is tried once");

    let told = world.plane_with(Options {
        old_paths: true,
        ..Options::default()
    });
    world.fake.forget_requests();
    walk(&told, world.project, None).await;
    assert!(
        world
            .fake
            .requests()
            .iter()
            .all(|request| request.status == 200)
    );
}

#[tokio::test]
async fn an_ancient_plane_says_what_it_does_not_have() {
    let world = World::start(fake_plane::Options {
        version: Version::V0_27,
        ..Default::default()
    })
    .await;
    let plane = world.plane();
    assert_eq!(plane.me().await, Err(Error::NotSupported));
    assert_eq!(plane.workspace_members().await, Err(Error::NotSupported));
    assert_eq!(plane.summary(world.project).await, Err(Error::NotSupported));
    assert_eq!(walk(&plane, world.project, None).await.len(), 348);
    let nowhere = plane
        .work_item(world.project, WorkItemId(Uuid::nil()))
        .await;
    assert_eq!(nowhere, Err(Error::NotFound));
}

#[tokio::test]
async fn keys_and_rights_are_told_apart() {
    let world = World::usual().await;
    let (stranger, other) = world.fake.given(|state| {
        state.add_workspace("other", "Other");
        let sam = state.add_user("Sam", "Stranger");
        state.join_workspace("other", sam, Role::Member);
        (
            state.add_key(sam, "stranger"),
            state.add_project("acme", "Mobile", "MOB"),
        )
    });
    let open = |workspace, auth, key: &str| world.open(workspace, auth, key, Options::default());
    let me = async |key: &str| open("acme", AuthScheme::ApiKey, key).me().await.map(|_| ());
    assert_eq!(
        me("plane_api_00000000000000000000000000000000").await,
        Err(Error::BadKey)
    );
    assert_eq!(me("").await, Err(Error::NoCredentials));
    assert_eq!(me("two\nlines").await, Err(Error::BadKey));
    assert_eq!(me(&format!("  {} \n", world.key)).await, Ok(()));
    let bearer = open("acme", AuthScheme::Bearer, &world.key).me().await;
    assert_eq!(bearer, Err(Error::NoCredentials));

    let no_access = Err(Error::NoAccess);
    assert_eq!(
        open("acme", AuthScheme::ApiKey, &stranger)
            .projects(None)
            .await,
        no_access
    );
    assert_eq!(
        open("ACME", AuthScheme::ApiKey, &world.key)
            .count_projects()
            .await,
        Err(Error::NoAccess)
    );
    let plane = world.plane();
    assert_eq!(
        plane.work_items(ProjectId(other), None).await,
        Err(Error::NoAccess)
    );
    assert_eq!(
        plane.work_items(ProjectId(Uuid::nil()), None).await,
        Err(Error::NoAccess)
    );
    assert_eq!(plane.labels(ProjectId(other)).await.unwrap().rows, []);
    assert_eq!(
        plane.project(ProjectId(Uuid::nil())).await,
        Err(Error::NotFound)
    );

    assert_eq!(
        plane.budget().free(),
        60 - 3,
        "refused keys and rights don't count, the rest does"
    );
    world.fake.given(|state| state.revoke_key(&world.key));
    assert_eq!(plane.me().await.map(|_| ()), Err(Error::BadKey));
}

#[tokio::test]
async fn every_fault_is_told_apart() {
    let world = World::usual().await;
    let check = async |what: What, expected: Error| {
        let name = format!("{what:?}");
        world.fake.fail(what);
        let options = Options {
            body_limit: 1024 * 1024,
            retry_limited: false,
            page_size: 50,
            ..Options::default()
        };
        let plane = world.plane_with(options);
        let mut cursor = None;
        let error = loop {
            match plane.work_items(world.project, cursor.as_ref()).await {
                Ok(page) => {
                    cursor = Some(
                        page.next
                            .unwrap_or_else(|| panic!("{name} was not noticed")),
                    )
                }
                Err(error) => break error,
            }
        };
        assert_eq!(error, expected, "{name}");
        world.fake.heal();
    };
    let bad = Error::BadAnswer;
    check(What::CutJson, bad(AnswerFlaw::NotUnderstood)).await;
    check(What::GarbageJson, bad(AnswerFlaw::NotUnderstood)).await;
    check(What::HtmlWith200, Error::NotPlane).await;
    check(What::EndlessPages, bad(AnswerFlaw::Endless)).await;
    check(What::RepeatFirstPage, bad(AnswerFlaw::Endless)).await;
    check(What::Drop, Error::Network).await;
    check(What::HugeBody(8 * 1024 * 1024), bad(AnswerFlaw::TooLarge)).await;
    check(What::GzipBomb(64 * 1024 * 1024), bad(AnswerFlaw::TooLarge)).await;
    let to = Some("http://elsewhere.test".to_owned());
    check(
        What::Redirect("http://elsewhere.test/sign-in?next=x".into()),
        Error::Redirected { to },
    )
    .await;
    check(
        What::Redirect("/somewhere".into()),
        Error::Redirected { to: None },
    )
    .await;
    let wait = |seconds| Error::RateLimited {
        retry_after: Duration::from_secs(seconds),
    };
    check(What::RetryAfter("7".into()), wait(7)).await;
    check(What::RetryAfter("soon".into()), wait(5)).await;
    check(
        What::Status(500, "{}".into(), vec![]),
        Error::PlaneFault { status: 500 },
    )
    .await;
    let html = vec![("content-type".to_owned(), "text/html".to_owned())];
    check(
        What::Status(502, "<html>".into(), html.clone()),
        Error::PlaneFault { status: 502 },
    )
    .await;
    check(What::Status(403, "<html>".into(), html), Error::NotPlane).await;
    check(
        What::Status(404, r#"{"message":"no route"}"#.into(), vec![]),
        Error::NotPlane,
    )
    .await;
    check(
        What::Status(200, r#"{"status":"OK"}"#.into(), vec![]),
        bad(AnswerFlaw::NotUnderstood),
    )
    .await;
}

#[tokio::test]
async fn rows_that_make_no_sense_cost_themselves_alone() {
    let world = World::usual().await;
    world.fake.fail(What::WrongTypes);
    let page = world.plane().work_items(world.project, None).await.unwrap();
    assert_eq!((page.rows.len(), page.undecodable), (0, 348));
}

#[tokio::test]
async fn a_deadline_ends_a_dripping_answer_and_a_silent_one() {
    let world = World::usual().await;
    for what in [What::SlowBytes(200), What::Latency(60_000)] {
        world.fake.fail(what);
        let deadline = Some(Instant::now() + Duration::from_millis(300));
        let plane = world.plane_with(Options {
            deadline,
            ..Options::default()
        });
        assert_eq!(
            plane.work_items(world.project, None).await,
            Err(Error::Timeout)
        );
        world.fake.heal();
    }
}

#[tokio::test]
async fn a_429_is_waited_out_and_the_wait_is_shown() {
    let world = World::usual().await;
    world
        .fake
        .fail(Fault::new(What::RetryAfter("1".into())).times(1));
    let plane = Arc::new(world.plane());
    let mut waiting = plane.waiting();
    let call = tokio::spawn({
        let plane = plane.clone();
        async move { plane.me().await }
    });
    let wait = *waiting.wait_for(Option::is_some).await.unwrap();
    let Wait { since, until } = wait.unwrap();
    assert!(since <= Instant::now() && until > Instant::now());
    assert_eq!(call.await.unwrap().unwrap().display_name, "inge");
    assert_eq!(*waiting.borrow_and_update(), None);
    let usage = plane.usage();
    assert_eq!((usage.requests, usage.rate_limited), (2, 1));
    assert!(usage.waited >= Duration::from_millis(900));
}

#[tokio::test]
async fn a_plane_with_others_on_the_same_key_is_not_overrun() {
    let world = World::usual().await;
    for _ in 0..50 {
        world.plane().me().await.unwrap();
    }
    let options = Options {
        lane: Lane::Interactive,
        max_wait: Duration::ZERO,
        ..Options::default()
    };
    let plane = world.plane_with(options);
    let mut made = 0;
    let refused = loop {
        match plane.me().await {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(made, 10);
    assert!(matches!(refused, Error::RateLimited { .. }));
    assert_eq!(
        plane.usage().rate_limited,
        0,
        "the limit was kept without being told 429"
    );
}

#[tokio::test]
async fn a_plane_without_a_limit_is_used_without_one() {
    let world = World::start(fake_plane::Options {
        rate_limit: None,
        ..Default::default()
    })
    .await;
    let plane = world.plane_with(Options {
        max_wait: Duration::ZERO,
        ..Options::default()
    });
    for _ in 0..100 {
        plane.me().await.unwrap();
    }
}

#[tokio::test]
async fn a_cancelled_call_counts_once_and_blocks_nothing() {
    let world = World::usual().await;
    world.fake.fail(What::Latency(60_000));
    let plane = world.plane();
    let cancelled = tokio::time::timeout(Duration::from_millis(100), plane.me()).await;
    assert!(cancelled.is_err());
    assert_eq!(plane.budget().free(), 59);
    world.fake.heal();
    plane.me().await.unwrap();
    assert_eq!(*plane.waiting().borrow(), None);
}

#[tokio::test]
async fn an_echoed_key_gets_into_no_message() {
    let world = World::usual().await;
    let body = format!(r#"{{"detail":"bad value {}"}}"#, world.key);
    world.fake.fail(What::Status(400, body, vec![]));
    let plane = world.plane();
    let error = plane.me().await.unwrap_err();
    for text in [
        format!("{error}"),
        format!("{error:?}"),
        error.sentence(),
        error.advice(),
        format!("{plane:?}"),
    ] {
        assert!(
            !text.contains(&world.key),
            "{}",
            text.replace(&world.key, "KEY")
        );
    }
    assert!(error.sentence().contains("[key]"));
}

#[tokio::test]
async fn tls_faults_are_told_apart() {
    let kinds = [
        (TlsKind::Trusted, None),
        (TlsKind::Expired, Some(TlsFlaw::Expired)),
        (TlsKind::WrongHost, Some(TlsFlaw::WrongName)),
    ];
    for (kind, flaw) in kinds {
        let options = fake_plane::Options {
            tls: Some(kind),
            ..Default::default()
        };
        let answer = World::start(options).await.plane().instance().await;
        assert_eq!(answer.err(), flaw.map(Error::Tls), "{kind:?}");
    }
    for kind in [TlsKind::Trusted, TlsKind::SelfSigned] {
        let world = World::start(fake_plane::Options {
            tls: Some(kind),
            ..Default::default()
        })
        .await;
        let error = ask(&world.fake.url(), None).await;
        assert_eq!(
            error,
            Some(Error::Tls(TlsFlaw::UnknownIssuer)),
            "{kind:?} without the authority"
        );
    }
    let plain = World::usual().await.fake;
    let https = plain.url().replace("http://", "https://");
    assert_eq!(ask(&https, None).await, Some(Error::Tls(TlsFlaw::NotTls)));
}

#[tokio::test]
async fn networks_that_lead_nowhere_are_told_apart() {
    assert_eq!(ask("http://nowhere.invalid", None).await, Some(Error::Dns));
    let port = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    assert_eq!(
        ask(&format!("http://127.0.0.1:{port}"), None).await,
        Some(Error::Refused)
    );
}

async fn ask(url: &str, ca: Option<&str>) -> Option<Error> {
    let (base, slug) = (url.parse().unwrap(), "acme".parse().unwrap());
    let budget = Arc::new(Budget::default());
    let plane = Plane::new(
        http(ca),
        base,
        slug,
        AuthScheme::ApiKey,
        "k".into(),
        budget,
        Options::default(),
    );
    plane.instance().await.err()
}

#[tokio::test]
async fn times_are_utc_whatever_zone_the_keys_owner_lives_in() {
    let world = World::usual().await;
    let utc = walk(&world.plane(), world.project, None).await;
    world.fake.given(|state| {
        let inge = state.users[0].id;
        state.set_zone(inge, 330);
    });
    assert_eq!(walk(&world.plane(), world.project, None).await, utc);
}

#[tokio::test]
async fn cycles_and_modules_list_their_items() {
    let world = World::usual().await;
    let items: Vec<Uuid> = walk(&world.plane(), world.project, None)
        .await
        .iter()
        .take(7)
        .map(|i| i.id.0)
        .collect();
    world.fake.given(|state| {
        state.add_cycle(world.project.0, "Sprint 1", None, &items);
        state.add_module(world.project.0, "Engine", &items[..3]);
    });
    let plane = world.plane();
    for (kind, name, expected) in [
        (CollectionKind::Cycle, "Sprint 1", 7),
        (CollectionKind::Module, "Engine", 3),
    ] {
        let listed = plane.collections(world.project, kind).await.unwrap().rows;
        let [collection] = &listed[..] else {
            panic!("{listed:?}")
        };
        assert_eq!(collection.name, name);
        assert_eq!(collection.kind, kind);
        assert_eq!(collection.total_work_items, expected);
        let held = plane
            .collection_items(world.project, kind, collection.id)
            .await
            .unwrap()
            .rows;
        let held: Vec<Uuid> = held.into_iter().map(|id| id.0).collect();
        assert_eq!(held, items[..expected as usize]);
    }
}

/// A sync spawns its calls.
#[tokio::test]
async fn calls_can_move_between_threads() {
    fn movable(_: &(impl Future + Send)) {}
    let world = World::usual().await;
    let plane = world.plane();
    movable(&plane.work_items(world.project, None));
    movable(&plane.work_item(world.project, WorkItemId(Uuid::nil())));
    movable(&plane.labels(world.project));
}

#[tokio::test]
async fn each_call_is_remembered_with_its_answer_and_never_with_the_key() {
    let world = World::usual().await;
    let plane = world.plane();
    world
        .fake
        .fail(Fault::new(What::RetryAfter("1".into())).times(1));
    plane.me().await.unwrap();
    plane.work_items(world.project, None).await.unwrap();
    world
        .fake
        .fail(Fault::new(What::Status(503, "{}".to_owned(), vec![])));
    plane.states(world.project).await.unwrap_err();

    let calls = plane.take_calls();
    let told: Vec<_> = calls
        .iter()
        .map(|call| (call.number, call.status, call.error))
        .collect();
    assert_eq!(
        told,
        [
            (1, Some(429), None),
            (2, Some(200), None),
            (3, Some(200), None),
            (4, Some(503), Some("plane_fault")),
        ]
    );
    assert_eq!(calls[0].path, "/api/v1/users/me/");
    assert!(calls[1].waited >= Duration::from_millis(900), "{calls:?}");
    let items = format!(
        "/projects/{}/work-items/?per_page=1000&order_by=created_at",
        world.project
    );
    assert!(calls[2].path.ends_with(&items), "{}", calls[2].path);
    assert!(calls[2].bytes > 10_000, "{calls:?}");
    assert!(!format!("{calls:?}").contains(&world.key));
    let bytes: u64 = calls.iter().map(|call| call.bytes).sum();
    assert_eq!(plane.usage().bytes, bytes);
    assert!(plane.take_calls().is_empty());
}
