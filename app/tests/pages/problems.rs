use app::{ProblemPage, ProblemReport, ProblemRow};
use chrono::TimeDelta;
use domain::{
    bulk::Requests,
    ids::{ProblemId, ProjectId},
    page::{Cursor, Page},
    problems::{ByWhom, Class, Problem, ProblemEvent, ProblemState, Turn},
};
use uuid::Uuid;

use crate::{
    canned::{Canned, admin, get, lead, now},
    integrations::{ID, one},
};

fn problem(class: Class, minutes: i64) -> Problem {
    let at = now() - TimeDelta::minutes(minutes);
    Problem {
        id: ProblemId::of(ID, class.word(), None),
        integration: ID,
        class,
        endpoint: None,
        level: class.level(),
        says: format!("{}.", class.name()),
        first_at: at,
        last_at: now() - TimeDelta::minutes(1),
        count: 1_204,
        opened_at: Some(at),
        resolved_at: None,
        spells: 1,
        hours: [(now().timestamp() / 3600, 3)].into(),
        projects: Default::default(),
        clean: 0,
        clean_at: None,
        pending: None,
        acknowledged: None,
        snoozed_until: None,
        owner: None,
        note: String::new(),
    }
}

fn row(problem: Problem, cause: Option<&Problem>) -> ProblemRow {
    ProblemRow {
        problem,
        integration_name: "Acme <product>".to_owned(),
        cause: cause.map(|cause| (cause.id, cause.class)),
    }
}

pub(crate) fn canned() -> Canned {
    let fault = Problem {
        endpoint: Some("projects/:id/labels".to_owned()),
        says: "Plane itself fails, asked for <b>labels</b>.".to_owned(),
        projects: [ProjectId(Uuid::from_u128(30))].into(),
        spells: 3,
        ..problem(Class::PlaneFault, 47)
    };
    let stale = problem(Class::CopyStale, 20);
    let opened = ProblemEvent {
        problem: fault.id,
        integration: ID,
        class: fault.class,
        level: fault.level,
        at: now() - TimeDelta::minutes(47),
        turn: Turn::Back,
        actor_name: None,
        says: "Plane itself fails.".to_owned(),
    };
    Canned {
        problems: Ok(ProblemPage {
            page: Page {
                rows: vec![row(fault.clone(), None), row(stale.clone(), Some(&fault))],
                next: Some(Cursor("n".into())),
            },
            counts: vec![(ProblemState::Open, 2), (ProblemState::Resolved, 7)],
            integrations: vec![ID],
        }),
        problem: Ok(ProblemReport {
            effects: vec![row(stale, Some(&fault))],
            row: row(fault, None),
            projects: vec![(ProjectId(Uuid::from_u128(30)), "Web".to_owned())],
            story: Page {
                rows: vec![opened],
                next: None,
            },
            people: vec![admin()],
            cost: Some(Requests {
                count: 17,
                is_at_least: false,
            }),
        }),
        people: Ok(vec![admin(), lead()]),
        ..one()
    }
}

fn path() -> String {
    format!("/problems/{}", canned().problem.unwrap().row.problem.id)
}

#[tokio::test]
async fn the_list_says_what_fails_since_when_and_what_it_comes_of() {
    let page = get(canned(), Some(lead()), "/problems").await;
    assert_eq!(
        page.text(".page-says"),
        "2 problems that nobody has taken note of."
    );
    let rows = page.texts("[aria-label=Problems] tbody tr");
    assert!(
        rows[0].starts_with(
            "Plane itself failsPlane itself fails, asked for <b>labels</b>.OpenAcme <product>"
        ),
        "{rows:?}"
    );
    assert!(
        rows[0].contains("47 min") && rows[0].contains("1,204"),
        "{rows:?}"
    );
    assert!(
        rows[1].starts_with("The copy is staleComes of: Plane itself fails"),
        "{rows:?}"
    );
    let spark = page.attribute("svg.spark", "aria-label").unwrap();
    assert!(spark.ends_with("0, 0, 3"), "{spark}");
    assert_eq!(
        page.texts(".chip"),
        [
            "Unresolved 2",
            "Open 2",
            "Acknowledged 0",
            "Snoozed 0",
            "Resolved 7"
        ]
    );
    assert!(
        !page.has("main form[method=post]"),
        "nothing that a lead can't do"
    );
    let page = get(canned(), Some(admin()), "/problems").await;
    assert_eq!(
        page.texts("[aria-label='Retry all'] button"),
        [
            "Sync the integration affected",
            "Test the integration affected"
        ]
    );
}

#[tokio::test]
async fn filters_stand_in_the_address_and_the_files_keep_them() {
    let path = "/problems?state=open&class=plane.5xx&owner=me";
    let page = get(canned(), Some(lead()), path).await;
    assert_eq!(page.texts(".chip[aria-current]"), ["Open 2"]);
    assert!(page.has("select[name=class] option[value='plane.5xx'][selected]"));
    assert!(page.has("select[name=owner] option[value=me][selected]"));
    for kind in ["csv", "json"] {
        let file = format!("/problems.{kind}?state=open&class=plane.5xx&owner=me");
        assert!(page.has(&format!("a[href='{file}']")));
    }
    let next = page.attribute("a[rel=next]", "href").unwrap();
    assert!(
        next.contains("owner=me") && next.contains("after=n"),
        "{next}"
    );
}

#[tokio::test]
async fn an_empty_list_says_why() {
    for (path, title) in [
        ("/problems", "No problems"),
        ("/problems?state=resolved", "Nothing was resolved yet"),
        ("/problems?state=snoozed", "Nothing in this state"),
        ("/problems?owner=me", "No problem matches"),
        ("/problems?after=x", "Nothing further"),
    ] {
        let page = get(one(), Some(lead()), path).await;
        assert_eq!(page.text(".empty h2"), title, "{path}");
        assert!(!page.has("[aria-label='Retry all']"));
    }
}

#[tokio::test]
async fn a_problem_says_what_to_do_what_that_costs_and_who_is_on_it() {
    let page = get(canned(), Some(admin()), &path()).await;
    assert_eq!(page.text("h1"), "Plane itself fails");
    assert_eq!(page.text(".page-says"), "Open Since 47 min.");
    let main = page.text("main");
    for says in [
        "Look at the log of Plane’s API server",
        "About 17 calls to Plane.",
        "What comes of it",
        "Was there before2 times",
        "Projects affected1Web",
        "3 times in the last seven days.",
        "Came back",
        "after two runs that go well",
    ] {
        assert!(main.contains(says), "{says}: {main}");
    }
    assert!(!page.has("main b"), "what is told is text");
    for action in [
        "start_sync",
        "acknowledge_problem",
        "snooze_problem",
        "assign_problem",
        "note_problem",
    ] {
        assert!(
            page.has(&format!("form[action='/api/ui/{action}']")),
            "{action}"
        );
    }
    let page = get(canned(), Some(lead()), &path()).await;
    assert!(page.text("main").contains("Ask an admin to take it."));
    assert!(!page.has("main form"), "no dead buttons");
}

#[tokio::test]
async fn each_state_says_who_wanted_it_so() {
    let with = |change: &dyn Fn(&mut Problem)| {
        let mut canned = canned();
        if let Ok(report) = &mut canned.problem {
            change(&mut report.row.problem);
        }
        canned
    };
    let maya = || ByWhom {
        id: admin().id,
        name: "Maya Keller".to_owned(),
        at: now(),
    };
    let known = with(&|problem| problem.acknowledged = Some(maya()));
    let page = get(known, Some(admin()), &path()).await;
    assert_eq!(
        page.text(".page-says"),
        "Acknowledged Since 47 min; Maya Keller has taken note of it."
    );
    assert!(page.has("input[name=reopen]"));

    let snoozed = with(&|problem| problem.snoozed_until = Some(now() + TimeDelta::hours(4)));
    let page = get(snoozed, Some(admin()), &path()).await;
    assert!(
        page.text(".page-says")
            .contains("nobody is told of it until")
    );
    assert!(page.has("input[name=hours][value='0']"));

    let resolved = with(&|problem| problem.resolved_at = Some(now() - TimeDelta::minutes(7)));
    let page = get(resolved, Some(admin()), &path()).await;
    assert_eq!(page.text(".page-says"), "Resolved 7 min ago, after 40 min.");
    assert!(!page.has("form[action='/api/ui/acknowledge_problem']"));

    let owned = with(&|problem| {
        problem.owner = Some(maya());
        problem.note = "Asked <IT>.".to_owned();
    });
    let page = get(owned, Some(lead()), &path()).await;
    assert!(page.text("main").contains("Maya KellerAsked <IT>."));
    assert_eq!(get(one(), Some(lead()), &path()).await.status, 404);
}
