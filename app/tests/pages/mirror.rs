use app::Failure;
use chrono::{NaiveDate, TimeDelta};
use domain::{
    collection::{Collection, CollectionKind},
    freshness::{Copied, Freshness, Kind},
    ids::{CollectionId, IntegrationId, LabelId, MemberId, ProjectId, StateId, WorkItemId},
    integration::Standing,
    mirror::{
        Access, CopyState, DeletedItem, Facets, Label, LabelCount, Member, Priority, Project,
        ProjectList, ProjectRow, SafeHtml, State, StateGroup, WorkItemDetail, WorkItemRow,
    },
    page::{Cursor, Page},
    walk::Held,
};
use uuid::Uuid;

use crate::{
    canned::{Canned, admin, get, lead, now},
    overview::integration,
};

pub(crate) const PROJECT: &str = "/integrations/00000000-0000-0000-0000-000000000001/projects/00000000-0000-0000-0000-0000000000b0";
pub(crate) const BUG: u128 = 0xc1;
const HOSTILE: &str = "<img src=x onerror=alert(1)>";

pub(crate) fn project() -> ProjectRow {
    ProjectRow {
        integration: IntegrationId(Uuid::from_u128(1)),
        integration_name: "Acme product".into(),
        workspace: "acme".into(),
        interval_minutes: 15,
        standing: Standing::Active,
        project: Project {
            id: ProjectId(Uuid::from_u128(0xb0)),
            identifier: "WEB".into(),
            name: "Website".into(),
            description: String::new(),
            is_public: true,
            is_member: true,
            archived_at: None,
            total_members: 3,
            created_at: now(),
            updated_at: now(),
        },
        access: Access::Readable,
        total_work_items: 1_348,
        total_labels: 2,
        copied: copied(3),
        held: None,
        drift: None,
        counted_at: None,
    }
}

/// All of it so many minutes ago.
pub(crate) fn copied(minutes: i64) -> Copied {
    let at = Some(now() - TimeDelta::minutes(minutes));
    Copied {
        work_items: at,
        labels: at,
        states: at,
        cycles: at,
        modules: at,
        members: at,
        refused: vec![],
    }
}

pub(crate) fn label(id: u128, name: &str, color: &str) -> Label {
    Label {
        id: LabelId(Uuid::from_u128(id)),
        name: name.into(),
        color: color.into(),
        description: String::new(),
        parent: None,
    }
}

pub(crate) fn item() -> WorkItemRow {
    WorkItemRow {
        id: WorkItemId(Uuid::from_u128(0xd7)),
        sequence_id: 7,
        name: "Log in with a passkey".into(),
        priority: Priority::Urgent,
        state: Some(State {
            id: StateId(Uuid::from_u128(0xe1)),
            name: "In Progress".into(),
            color: "#f59e0b".into(),
            group: StateGroup::Started,
            sequence: 35_000,
        }),
        labels: vec![label(BUG, "Bug", "#dc2626"), label(0xc2, "Plain", "")],
        assignees: vec![Member {
            id: MemberId(Uuid::from_u128(0xf1)),
            display_name: "maya".into(),
        }],
        updated_at: now() - TimeDelta::hours(2),
    }
}

fn hostile_item() -> WorkItemRow {
    let mut item = item();
    item.name = HOSTILE.into();
    item.labels = vec![label(0xc3, HOSTILE, "url(javascript:alert(1))")];
    item.assignees[0].display_name = HOSTILE.into();
    let state = item.state.as_mut().unwrap();
    (state.name, state.color) = (HOSTILE.into(), "red\" onload=\"alert(1)".into());
    item
}

pub(crate) fn detail(row: WorkItemRow) -> WorkItemDetail {
    WorkItemDetail {
        project: project(),
        row,
        description: SafeHtml("<p>Use <strong>WebAuthn</strong>.</p>".into()),
        parent: Some((WorkItemId(Uuid::from_u128(0xd1)), 1, "Sign in".into())),
        start_date: None,
        target_date: NaiveDate::from_ymd_opt(2026, 12, 1),
        completed_at: None,
        created_by: Some(Member {
            id: MemberId(Uuid::from_u128(0xf1)),
            display_name: "maya".into(),
        }),
        created_at: now() - TimeDelta::days(9),
        copied_at: now() - TimeDelta::minutes(3),
        collections: facets().collections,
        kept_since: None,
        plane_url: "https://app.plane.example/acme/browse/WEB-7/".into(),
    }
}

pub(crate) fn facets() -> Facets {
    Facets {
        states: item().state.into_iter().collect(),
        labels: vec![LabelCount {
            label: label(BUG, "Bug", "#dc2626"),
            work_items: 9,
        }],
        members: item().assignees,
        collections: vec![
            collection(CollectionKind::Cycle, 0xa1, "Sprint 1"),
            collection(CollectionKind::Module, 0xa2, "Engine"),
        ],
    }
}

fn collection(kind: CollectionKind, id: u128, name: &str) -> Collection {
    Collection {
        kind,
        id: CollectionId(Uuid::from_u128(id)),
        name: name.into(),
        status: String::new(),
        starts_on: NaiveDate::from_ymd_opt(2026, 11, 16),
        ends_on: NaiveDate::from_ymd_opt(2026, 11, 29),
        total_work_items: 20,
        updated_at: now(),
    }
}

fn with_items(project: ProjectRow, rows: Vec<WorkItemRow>) -> Canned {
    Canned {
        project: Ok(project),
        facets: Ok(facets()),
        work_items: Ok(Page { rows, next: None }),
        ..Canned::default()
    }
}

#[tokio::test]
async fn the_list_of_projects_says_which_can_be_read_and_why_not() {
    let mut foreign = project();
    (foreign.access, foreign.copied, foreign.total_labels) =
        (Access::NotMember, Copied::default(), 0);
    foreign.project.name = HOSTILE.into();
    let mut stale = project();
    stale.copied.work_items = Some(now() - TimeDelta::minutes(47));
    stale.copied.labels = None;
    (stale.copied.members, stale.copied.refused) = (None, vec![Kind::Members]);
    let projects = ProjectList {
        rows: vec![stale, project(), foreign],
        next: Some(Cursor("n".into())),
        counts: vec![
            (CopyState::Copied(Freshness::Stale), 1),
            (CopyState::Copied(Freshness::Fresh), 1204),
            (CopyState::NotCopied, 1),
        ],
    };
    let integrations = Page {
        rows: vec![integration(1, "Acme product", Freshness::Fresh, 1)],
        next: None,
    };
    let canned = Canned {
        projects: Ok(projects),
        integrations: Ok(integrations),
        ..Canned::default()
    };
    let path = "/projects?q=web&integration=00000000-0000-0000-0000-000000000001&sort=name";
    let page = get(canned, Some(lead()), path).await;

    assert_eq!(
        page.texts("tbody th"),
        [
            "Website WEB in Acme product",
            "Website WEB in Acme product",
            &format!("{HOSTILE} WEB in Acme product")
        ]
    );
    assert_eq!(page.attribute("tbody th a", "href").unwrap(), PROJECT);
    assert_eq!(
        page.texts("tbody td:nth-child(2)"),
        [
            "Stale",
            "Fresh",
            "Not a member Its work items can’t be read."
        ]
    );
    assert_eq!(
        page.texts("tbody tr:first-child .number"),
        [
            "Work items: 1,348 Stale, 47 min",
            "Labels: 2 Never synced",
            "States: Fresh, 3 min",
            "Cycles: Fresh, 3 min",
            "Modules: Fresh, 3 min",
            "Members: withheld"
        ]
    );
    assert_eq!(
        page.texts("tbody tr:nth-child(3) .number"),
        [
            "Work items: 1,348 –",
            "Labels: 0 –",
            "States: –",
            "Cycles: –",
            "Modules: –",
            "Members: –"
        ]
    );
    assert_eq!(
        page.texts(".chips a"),
        ["All 1,206", "Stale 1", "Fresh 1,204", "Not copied 1"]
    );
    let stale = page.attribute(".chips li:nth-child(2) a", "href").unwrap();
    assert!(
        stale.contains("state=stale") && stale.contains("q=web") && stale.contains("sort=name")
    );
    assert_eq!(page.texts("th[aria-sort]"), ["Project ↑"]);
    let export = page.attribute("a[href^='/projects.csv']", "href").unwrap();
    assert!(export.contains("q=web"), "{export}");
    assert_eq!(page.attribute("input[name=q]", "value").unwrap(), "web");
    assert_eq!(
        page.texts("select[name=integration] option[selected]"),
        ["Acme product"]
    );
    assert!(
        page.attribute("a[rel=next]", "href")
            .unwrap()
            .contains("after=n")
    );
    assert!(!page.has("img") && !page.has("main form[method=post]"));
}

#[tokio::test]
async fn a_list_without_projects_says_what_is_missing() {
    let page = get(Canned::default(), Some(admin()), "/projects").await;
    assert_eq!(page.text(".empty h2"), "Nothing is connected yet");
    assert!(page.has(".empty a[href='/integrations/new']"));
    assert!(!page.has("[role=search]"), "there is nothing to filter");
    let page = get(Canned::default(), Some(lead()), "/projects").await;
    assert!(!page.has("a[href='/integrations/new']"));

    let connected = Page {
        rows: vec![integration(1, "Acme", Freshness::Never, 0)],
        next: None,
    };
    let connected = Canned {
        integrations: Ok(connected),
        ..Canned::default()
    };
    assert_eq!(
        get(connected.clone(), Some(lead()), "/projects")
            .await
            .text(".empty h2"),
        "Nothing was copied yet"
    );
    assert_eq!(
        get(connected, Some(lead()), "/projects?q=zzz")
            .await
            .text(".empty h2"),
        "No project matches"
    );
}

#[tokio::test]
async fn work_items_show_number_state_priority_labels_and_people() {
    let page = get(with_items(project(), vec![item()]), Some(lead()), PROJECT).await;
    assert_eq!(page.text("h1"), "Website");
    assert!(
        page.text(".page-says")
            .contains("WEB in acme · 1,348 work items · fresh as of 3 min ago")
    );
    assert_eq!(page.texts("tbody td:first-child"), ["WEB-7"]);
    assert_eq!(page.text("tbody th"), "Log in with a passkey");
    let cells = page.texts("tbody td");
    assert_eq!(cells[1..4], ["In Progress Started", "Urgent", "BugPlain"]);
    assert_eq!(cells[4..], ["maya", "2 h ago"]);
    assert_eq!(
        page.attribute(".label:first-child svg", "color").unwrap(),
        "#dc2626"
    );
    assert_eq!(
        page.attribute(".label:nth-child(2) svg", "color").unwrap(),
        "currentColor"
    );
    assert!(!page.has("[style]") && !page.has("script[type=module]"));
}

#[tokio::test]
async fn filters_stand_in_the_form_and_can_be_taken_away_one_by_one() {
    let bug = Uuid::from_u128(BUG);
    let path = format!("{PROJECT}?q=log+in&state=started&label={bug}&priority=bogus&sort=oldest");
    let page = get(with_items(project(), vec![item()]), Some(lead()), &path).await;

    assert_eq!(page.attribute("input[name=q]", "value").unwrap(), "log in");
    assert_eq!(
        page.texts("option[selected]"),
        [
            "Started",
            "Bug (9)",
            "Anybody",
            "Any or none",
            "Any priority",
            "Oldest"
        ]
    );
    assert_eq!(
        page.texts(".chip-active"),
        ["“log in” ×", "State: Started ×", "Label: Bug ×"]
    );
    let hrefs = |n: usize| {
        page.attribute(&format!("nav.chips li:nth-child({n}) a"), "href")
            .unwrap()
    };
    assert_eq!(
        hrefs(1),
        format!("{PROJECT}?state=started&label={bug}&sort=oldest")
    );
    assert_eq!(
        hrefs(2),
        format!("{PROJECT}?q=log%20in&label={bug}&sort=oldest")
    );
    assert_eq!(hrefs(4), format!("{PROJECT}?sort=oldest"));
}

#[tokio::test]
async fn the_next_page_keeps_the_filters() {
    let mut canned = with_items(project(), vec![item()]);
    canned.work_items = Ok(Page {
        rows: vec![item()],
        next: Some(Cursor("k/7".into())),
    });
    let page = get(
        canned,
        Some(lead()),
        &format!("{PROJECT}?state=started&after=old"),
    )
    .await;
    assert_eq!(
        page.attribute("a[rel=next]", "href").unwrap(),
        format!("{PROJECT}?state=started&after=k/7")
    );
    assert_eq!(
        page.attribute(".pager a", "href").unwrap(),
        format!("{PROJECT}?state=started")
    );
}

#[tokio::test]
async fn an_empty_table_says_why() {
    let check = async |change: fn(&mut ProjectRow), query: &str, says: &str| {
        let mut project = project();
        change(&mut project);
        let page = get(
            with_items(project, vec![]),
            Some(admin()),
            &format!("{PROJECT}{query}"),
        )
        .await;
        assert_eq!(page.text(".empty h2"), says);
        page
    };
    check(|_| {}, "?priority=low", "No work item matches").await;
    check(|_| {}, "?after=x", "Nothing further").await;
    check(|p| p.total_work_items = 0, "", "No work items").await;
    let page = check(
        |p| (p.total_work_items, p.copied.work_items) = (0, None),
        "",
        "Nothing was copied yet",
    )
    .await;
    assert!(page.has("form[action='/api/ui/start_sync']"));
    let foreign = |p: &mut ProjectRow| (p.total_work_items, p.access) = (0, Access::NotMember);
    let page = check(foreign, "", "These work items can’t be read").await;
    assert_eq!(
        page.text(".notice-title"),
        "Not a member in Plane: its work items can’t be read."
    );
}

#[tokio::test]
async fn a_lead_can_not_start_a_sync_from_an_empty_table() {
    let mut project = project();
    (project.total_work_items, project.copied.work_items) = (0, None);
    let page = get(with_items(project, vec![]), Some(lead()), PROJECT).await;
    assert!(!page.has("main form[method=post]"));
}

#[tokio::test]
async fn an_archived_project_keeps_its_rows_and_says_so() {
    let archived = ProjectRow {
        access: Access::Archived,
        ..project()
    };
    let page = get(with_items(archived, vec![item()]), Some(lead()), PROJECT).await;
    assert_eq!(
        page.text(".notice-title"),
        "Archived in Plane: what was copied stays."
    );
    assert_eq!(page.count("tbody tr"), 1);
}

#[tokio::test]
async fn hostile_texts_stay_text() {
    let mut facets = facets();
    facets.labels[0].label.name = HOSTILE.into();
    facets.members[0].display_name = "</select><img src=x>".into();
    let mut project = project();
    project.project.name = HOSTILE.into();
    let canned = Canned {
        facets: Ok(facets),
        ..with_items(project, vec![hostile_item()])
    };
    let bug = Uuid::from_u128(BUG);
    let page = get(
        canned,
        Some(admin()),
        &format!("{PROJECT}?label={bug}&q=%3Cimg%20src=x%3E"),
    )
    .await;
    assert!(!page.has("img") && !page.has("[onload]") && !page.has("[onerror]"));
    assert_eq!(page.text("h1"), HOSTILE);
    assert_eq!(page.text("tbody th"), HOSTILE);
    assert_eq!(
        page.attribute(".label svg", "color").unwrap(),
        "currentColor"
    );

    let canned = Canned {
        work_item: Ok(detail(hostile_item())),
        ..Canned::default()
    };
    let path = format!("{PROJECT}/work-items/{}", Uuid::from_u128(0xd7));
    let page = get(canned, Some(admin()), &path).await;
    assert!(!page.has("img") && !page.has("[onload]") && !page.has("[onerror]"));
    assert_eq!(page.text("h1"), HOSTILE);
}

#[tokio::test]
async fn a_work_item_shows_its_description_its_facts_and_the_way_to_plane() {
    let canned = Canned {
        work_item: Ok(detail(item())),
        ..Canned::default()
    };
    let page = get(
        canned,
        Some(lead()),
        &format!("{PROJECT}/work-items/{}", Uuid::from_u128(0xd7)),
    )
    .await;
    assert_eq!(page.text("h1"), "Log in with a passkey");
    assert_eq!(page.text(".prose strong"), "WebAuthn");
    let open = "a[href='https://app.plane.example/acme/browse/WEB-7/']";
    assert_eq!(page.attribute(open, "rel").unwrap(), "noopener noreferrer");
    let facts = page.texts(".facts > div");
    for fact in [
        "ParentWEB-1 Sign in",
        "Due1 Dec 2026",
        "Start–",
        "Assigneesmaya",
        "StateIn Progress Started",
    ] {
        assert!(facts.contains(&fact.to_owned()), "{fact} in {facts:?}");
    }
    let parent = format!("{PROJECT}/work-items/{}", Uuid::from_u128(0xd1));
    assert!(page.has(&format!("a[href='{parent}']")));
    assert!(page.has(&format!(
        "a[href='{PROJECT}?label={}']",
        Uuid::from_u128(BUG)
    )));
    assert!(page.text(".page-says").contains("WEB-7 · copied 3 min ago"));
}

#[tokio::test]
async fn a_bare_work_item_has_dashes_and_no_odd_link() {
    let mut bare = detail(WorkItemRow {
        state: None,
        labels: vec![],
        assignees: vec![],
        ..item()
    });
    (
        bare.description,
        bare.parent,
        bare.created_by,
        bare.plane_url,
    ) = (
        SafeHtml::default(),
        None,
        None,
        "javascript:alert(1)".into(),
    );
    let canned = Canned {
        work_item: Ok(bare),
        ..Canned::default()
    };
    let page = get(
        canned,
        Some(lead()),
        &format!("{PROJECT}/work-items/{}", Uuid::from_u128(0xd7)),
    )
    .await;
    assert!(page.html.contains("This work item has no description."));
    assert!(!page.html.contains("javascript:"));
    assert!(page.texts(".facts > div").contains(&"Labels–".to_owned()));
}

#[tokio::test]
async fn labels_lead_to_their_work_items() {
    let mut plain = label(0xc2, "Plain", "");
    plain.description = "No colour at all".into();
    let labels = vec![
        facets().labels[0].clone(),
        LabelCount {
            label: plain,
            work_items: 0,
        },
    ];
    let canned = Canned {
        project: Ok(project()),
        labels: Ok(labels),
        ..Canned::default()
    };
    let page = get(canned, Some(lead()), &format!("{PROJECT}/labels")).await;
    assert_eq!(page.text("h1"), "Labels of Website");
    assert_eq!(page.texts("tbody th"), ["Bug", "Plain"]);
    assert_eq!(page.texts("tbody .number"), ["9", "0"]);
    assert_eq!(
        page.attribute("tbody a", "href").unwrap(),
        format!("{PROJECT}?label={}", Uuid::from_u128(BUG))
    );

    let mut foreign = project();
    foreign.access = Access::NotMember;
    let canned = Canned {
        project: Ok(foreign),
        ..Canned::default()
    };
    let page = get(canned, Some(lead()), &format!("{PROJECT}/labels")).await;
    assert_eq!(page.text(".empty h2"), "No labels were copied");
}

#[tokio::test]
async fn cycles_and_modules_lead_to_their_work_items() {
    let canned = with_items(project(), vec![item()]);
    let page = get(
        canned.clone(),
        Some(lead()),
        &format!("{PROJECT}/collections"),
    )
    .await;
    assert_eq!(page.texts("tbody th"), ["Sprint 1", "Engine"]);
    assert!(
        page.text("tbody").contains("16 Nov 2026 to 29 Nov 2026"),
        "{}",
        page.html
    );
    let only = page.attribute("tbody a", "href").unwrap();
    let page = get(canned.clone(), Some(lead()), &only).await;
    assert_eq!(page.texts(".chip-active"), ["Cycle Sprint 1 ×"]);

    let mut none = canned;
    none.facets = Ok(Facets::default());
    let page = get(
        none.clone(),
        Some(lead()),
        &format!("{PROJECT}/collections"),
    )
    .await;
    assert!(
        page.text("main")
            .contains("This project has none in Plane."),
        "{}",
        page.html
    );
    let page = get(none, Some(lead()), PROJECT).await;
    assert!(
        !page.text("main").contains("Cycle or module"),
        "{}",
        page.html
    );
}

#[tokio::test]
async fn what_a_project_holds_back_is_told_to_all_and_released_by_admins_alone() {
    let mut held = project();
    held.held = Some(Held {
        absent: 300,
        of: 1_348,
        at: now() - TimeDelta::minutes(3),
    });
    let path = PROJECT;
    let canned = with_items(held.clone(), vec![item()]);
    let release = r#"form[action="/api/ui/release_held"] button"#;

    let page = get(canned.clone(), Some(admin()), path).await;
    assert!(
        page.text("main")
            .contains("Plane no longer lists 300 of 1,348 work items."),
        "{}",
        page.html
    );
    assert!(
        page.text("main").contains("with 300 requests"),
        "{}",
        page.html
    );
    assert!(page.has(release));
    let page = get(canned.clone(), Some(lead()), path).await;
    assert!(
        page.text("main").contains("Nothing was taken out"),
        "{}",
        page.html
    );
    assert!(!page.has(release));
    let page = get(with_items(project(), vec![item()]), Some(admin()), path).await;
    assert!(!page.has(release) && !page.text("main").contains("no longer lists"));
}

#[tokio::test]
async fn deleted_work_items_are_listed_with_the_way_back() {
    let row = project();
    let path = format!("{PROJECT}/deleted");
    let gone = DeletedItem {
        id: WorkItemId(Uuid::from_u128(0xd9)),
        sequence_id: 9,
        name: HOSTILE.into(),
        deleted_at: now() - TimeDelta::days(2),
    };
    let canned = Canned {
        project: Ok(row.clone()),
        deleted: Ok(Page {
            rows: vec![gone],
            next: None,
        }),
        ..Canned::default()
    };
    let page = get(canned.clone(), Some(admin()), &path).await;
    assert_eq!(page.texts("tbody th"), [HOSTILE]);
    assert_eq!(page.texts("tbody td")[0], "WEB-9");
    assert!(
        page.has(r#"form[action="/api/ui/restore_deleted"] button[aria-label="Put WEB-9 back"]"#)
    );
    assert!(page.has(r#"form[action="/api/ui/restore_all_deleted"] button"#));
    let page = get(canned.clone(), Some(lead()), &path).await;
    assert!(page.text("main").contains("WEB-9") && !page.has("form[action^='/api/ui/restore']"));

    let none = Canned {
        project: Ok(row),
        ..Canned::default()
    };
    let page = get(none, Some(admin()), &path).await;
    assert!(
        page.text("main").contains("Nothing was deleted"),
        "{}",
        page.html
    );
    assert!(!page.has("form[action^='/api/ui/restore']"));
}

#[tokio::test]
async fn a_work_item_that_was_put_back_says_that_plane_does_not_have_it() {
    let mut kept = detail(item());
    kept.kept_since = Some(now() - TimeDelta::hours(1));
    let path = format!("{PROJECT}/work-items/{}", kept.row.id);
    let canned = Canned {
        work_item: Ok(kept),
        ..Canned::default()
    };
    let out = r#"form[action="/api/ui/discard_kept"] button"#;
    let page = get(canned.clone(), Some(admin()), &path).await;
    assert!(
        page.text("main")
            .contains("Plane does not have this work item."),
        "{}",
        page.html
    );
    assert!(page.has(out));
    assert!(!get(canned.clone(), Some(lead()), &path).await.has(out));
}

#[tokio::test]
async fn failures_have_their_pages() {
    let away = Canned {
        project: Err(Failure::Unavailable),
        projects: Err(Failure::Unavailable),
        ..Canned::default()
    };
    let item = format!("{PROJECT}/work-items/{}", Uuid::from_u128(0xd7));
    for path in ["/projects", PROJECT] {
        assert_eq!(
            get(away.clone(), Some(lead()), path).await.status,
            503,
            "{path}"
        );
    }
    for path in [
        PROJECT,
        &item,
        "/integrations/x/projects/y",
        &format!("{PROJECT}/work-items/7"),
    ] {
        assert_eq!(
            get(Canned::default(), Some(lead()), path).await.status,
            404,
            "{path}"
        );
    }
    for path in ["/projects", PROJECT, &item, &format!("{PROJECT}/labels")] {
        assert_eq!(
            get(Canned::default(), None, path).await.status,
            303,
            "{path}"
        );
    }
}
