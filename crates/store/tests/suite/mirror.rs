use domain::{
    freshness::{Freshness, Kind},
    ids::{IntegrationId, LabelId, MemberId},
    integration::{ActiveProject, Pause},
    mirror::{
        Access, CopyState, Priority, ProjectFilter, ProjectRow, ProjectSort, StateGroup,
        WorkItemFilter, WorkItemSort,
    },
};
use store::{Finished, KindsRead};

use crate::{
    support::{at, id, integration, viewer, world},
    workspace::{Workspace, item, label, member, project, state},
};

#[tokio::test]
async fn what_was_synced_is_read_back() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let w = Workspace::synced(store, acme.id).await;
    let mut seven = item(7, "Fix the CSV export", 70);
    seven.parent = Some(item(3, "", 0).id);
    seven.labels = vec![LabelId(id(201))];
    seven.assignees = vec![MemberId(id(301))];
    seven.state = Some(state(402, StateGroup::Started).id);
    w.apply(vec![item(3, "Exports", 30), seven.clone()]).await;

    let (stored, row, copied_at) = store
        .work_item(&viewer(), acme.id, w.project, seven.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&stored, copied_at), (&seven, at(100)));
    assert_eq!(row.state, Some(state(402, StateGroup::Started)));
    assert_eq!(row.labels, [label(201, "bug")]);
    assert_eq!(row.assignees, [member(301, "Maya")]);
    let parent = store
        .work_item_name(&viewer(), acme.id, w.project, stored.parent.unwrap())
        .await
        .unwrap();
    assert_eq!(
        parent.map(|(_, number, name)| (number, name)),
        Some((3, "Exports".into()))
    );
    let stored = store
        .stored_items(acme.id, w.project, &[seven.clone(), item(9, "", 0)])
        .await
        .unwrap();
    assert_eq!(stored.into_values().collect::<Vec<_>>(), [seven]);

    let facets = store.facets(&viewer(), acme.id, w.project).await.unwrap();
    let labels: Vec<_> = facets
        .labels
        .iter()
        .map(|l| (l.label.name.as_str(), l.work_items))
        .collect();
    assert_eq!(labels, [("bug", 1), ("UX", 0)]);
    assert_eq!(facets.members, [member(302, "Ben"), member(301, "Maya")]);
    assert_eq!(facets.states.len(), 2);

    let row = store
        .project(&viewer(), acme.id, w.project)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (row.total_work_items, row.total_labels, row.access),
        (2, 2, Access::Readable)
    );
    assert_eq!(
        (row.integration_name.as_str(), row.workspace.as_str()),
        ("Acme", "acme")
    );
    let totals = store.totals(&viewer()).await.unwrap();
    assert_eq!(
        (totals.integrations, totals.projects, totals.work_items),
        (1, 2, 2)
    );
}

#[tokio::test]
async fn the_active_integrations_come_with_their_member_projects_in_one_query() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let beta = integration(store, 2, "Beta").await;
    let off = integration(store, 3, "Off").await;
    store
        .set_active(&crate::support::admin(), off.id, false, at(1))
        .await
        .unwrap();
    let w = Workspace::synced(store, acme.id).await;
    w.apply(vec![item(1, "one", 1), item(2, "two", 2)]).await;

    let active = store.active_integrations(&viewer()).await.unwrap();
    assert_eq!(
        active.iter().map(|i| i.id).collect::<Vec<_>>(),
        [acme.id, beta.id]
    );
    let web = ActiveProject {
        id: w.project,
        name: "Website".into(),
        is_member: true,
        total_work_items: 2,
    };
    assert_eq!(
        active[0].projects,
        [web],
        "not the one the key's owner is no member of"
    );
    assert!(active[1].projects.is_empty());
}

/// The only project that a key can read.
async fn website(store: &store::Store, seconds: i64) -> (ProjectRow, CopyState) {
    let filter = ProjectFilter {
        q: "website".to_owned(),
        ..ProjectFilter::default()
    };
    let now = at(seconds);
    let found = store.projects(&viewer(), &filter, None, 9, now).await;
    let row = found.unwrap().rows.remove(0);
    let state = row.state(now);
    (row, state)
}

#[tokio::test]
async fn each_kind_has_an_age_of_its_own_and_the_worst_counts() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let w = Workspace::synced(store, acme.id).await;
    let state = async |seconds| website(store, seconds).await.1;
    assert_eq!(state(10).await, CopyState::Copied(Freshness::Never));

    let read = |seconds, whole: &[Kind], refused: &[Kind]| KindsRead {
        at: at(seconds),
        whole: whole.to_vec(),
        refused: refused.to_vec(),
    };
    let around = read(10, &[Kind::States, Kind::Labels], &[Kind::Members]);
    let done = store.finish_around(&w.run, w.project, &around, at(15));
    done.await.unwrap();
    let lists = read(20, &[Kind::Cycles, Kind::Modules], &[]);
    let done = store.finish_collections(&w.run, w.project, &lists, at(25));
    done.await.unwrap();
    assert_eq!(
        state(30).await,
        CopyState::Copied(Freshness::Never),
        "no work items yet"
    );
    let items = Finished {
        complete_at: at(30),
        watermark: None,
        is_full: true,
        held: None,
        gap: None,
        drift: None,
    };
    let done = store.finish_walk(&w.run, w.project, &items, at(35));
    done.await.unwrap();

    let (row, state_now) = website(store, 60).await;
    assert_eq!(state_now, CopyState::Copied(Freshness::Fresh), "{row:?}");
    assert!(row.copied.is_withheld(Kind::Members));
    assert_eq!(
        row.fresh_as_of(),
        Some(at(10)),
        "the oldest of what is known"
    );
    // Every 15 minutes the work items, and an hour later what is around them.
    assert_eq!(
        state(30 + 15 * 60 + 1).await,
        CopyState::Copied(Freshness::Late)
    );
    assert_eq!(
        state(30 + 30 * 60 + 1).await,
        CopyState::Copied(Freshness::Stale)
    );
    let again = Finished {
        complete_at: at(9100),
        ..items
    };
    let done = store.finish_walk(&w.run, w.project, &again, at(9101));
    done.await.unwrap();
    assert_eq!(
        state(9102).await,
        CopyState::Copied(Freshness::Stale),
        "the labels are, though the run went well"
    );
    let around = read(9101, &[Kind::States, Kind::Labels], &[]);
    let done = store.finish_around(&w.run, w.project, &around, at(9102));
    done.await.unwrap();
    let (row, _) = website(store, 9103).await;
    assert_eq!(
        row.freshness_of(Kind::Cycles, at(9103)),
        Some(Freshness::Stale)
    );
    assert_eq!(
        row.freshness_of(Kind::Labels, at(9103)),
        Some(Freshness::Fresh)
    );
    assert!(
        row.copied.is_withheld(Kind::Members),
        "it was not asked for again"
    );
    let members = read(9103, &[Kind::Members], &[]);
    let done = store.finish_around(&w.run, w.project, &members, at(9104));
    done.await.unwrap();
    let (row, _) = website(store, 9105).await;
    assert_eq!(
        row.freshness_of(Kind::Members, at(9105)),
        Some(Freshness::Fresh)
    );
    assert!(row.copied.refused.is_empty());

    let admin = crate::support::admin();
    let pause = Pause {
        at: at(9106),
        by: admin.user().id,
        by_name: "Maya".into(),
        note: String::new(),
    };
    let paused = store.pause_integration(&admin, acme.id, &pause).await;
    assert!(paused.unwrap().is_some());
    assert_eq!(state(9107).await, CopyState::Copied(Freshness::Paused));
}

#[tokio::test]
async fn the_worst_project_stands_first_and_each_state_is_counted() {
    let world = world().await;
    let store = &world.store;
    for (n, name) in [(1, "Acme"), (2, "Beta"), (3, "Core")] {
        let made = integration(store, n, name).await;
        let w = Workspace::synced(store, made.id).await;
        if n == 3 {
            continue; // never
        }
        let begun = i64::try_from(n).unwrap() * 10_000;
        let read = KindsRead {
            at: at(begun),
            whole: Kind::ALL
                .into_iter()
                .filter(|kind| *kind != Kind::WorkItems)
                .collect(),
            refused: vec![],
        };
        let done = store.finish_around(&w.run, w.project, &read, at(begun));
        done.await.unwrap();
        let items = Finished {
            complete_at: at(begun),
            watermark: None,
            is_full: true,
            held: None,
            gap: None,
            drift: None,
        };
        let done = store.finish_walk(&w.run, w.project, &items, at(begun));
        done.await.unwrap();
    }
    let list = async |filter: ProjectFilter, limit| {
        let (viewer, mut names, mut after) = (viewer(), vec![], None);
        loop {
            let found = store.projects(&viewer, &filter, after.as_ref(), limit, at(20_100));
            let page = found.await.unwrap();
            names.extend(page.rows.into_iter().map(|row| row.integration_name));
            after = page.next;
            if after.is_none() {
                return (names, page.counts);
            }
        }
    };
    let (names, counts) = list(ProjectFilter::default(), 2).await;
    assert_eq!(names[..3], ["Acme", "Core", "Beta"]);
    let stale = CopyState::Copied(Freshness::Stale);
    assert_eq!(
        counts,
        [
            (stale, 1),
            (CopyState::Copied(Freshness::Never), 1),
            (CopyState::Copied(Freshness::Fresh), 1),
            (CopyState::NotCopied, 3),
        ]
    );
    let only = ProjectFilter {
        state: Some(stale),
        ..ProjectFilter::default()
    };
    let (names, all) = list(only, 9).await;
    assert_eq!((names.as_slice(), all), (&["Acme".to_owned()][..], counts));
}

#[tokio::test]
async fn projects_are_listed_by_name_and_one_that_left_keeps_its_copy() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let beta = integration(store, 2, "Beta").await;
    let w = Workspace::synced(store, acme.id).await;
    w.apply(vec![item(1, "one", 1)]).await;
    Workspace::synced(store, beta.id).await;

    let names = async |integration, q: &str, limit| {
        let filter = ProjectFilter {
            integration,
            q: q.to_owned(),
            sort: ProjectSort::Name,
            ..ProjectFilter::default()
        };
        let (mut names, mut after) = (vec![], None);
        loop {
            let page = store
                .projects(&viewer(), &filter, after.as_ref(), limit, at(300))
                .await
                .unwrap();
            names.extend(
                page.rows
                    .into_iter()
                    .map(|row| (row.project.name, row.access)),
            );
            after = page.next;
            if after.is_none() {
                return names;
            }
        }
    };
    let mobile = ("mobile".to_owned(), Access::NotMember);
    let website = ("Website".to_owned(), Access::Readable);
    assert_eq!(
        names(Some(acme.id), "", 1).await,
        [mobile.clone(), website.clone()]
    );
    assert_eq!(names(None, "", 3).await.len(), 4);
    assert_eq!(
        names(Some(acme.id), "WEB", 9).await,
        [website],
        "by identifier, too"
    );
    assert!(names(Some(IntegrationId(id(9))), "", 9).await.is_empty());

    store
        .apply_projects(&w.run, &[project(2, "mobile", false)], at(200))
        .await
        .unwrap();
    assert_eq!(
        names(Some(acme.id), "web", 9).await,
        [("Website".to_owned(), Access::Gone)]
    );
    let row = store
        .integration_row(&viewer(), acme.id, at(200))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (
            row.visible_projects,
            row.member_projects,
            row.total_work_items
        ),
        (1, 0, 1)
    );
    assert!(
        store
            .work_item(&viewer(), acme.id, w.project, item(1, "", 0).id)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn items_move_to_the_group_their_state_moves_to() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let w = Workspace::synced(store, acme.id).await;
    let mut one = item(1, "one", 1);
    one.state = Some(state(402, StateGroup::Started).id);
    let mut two = item(2, "two", 2);
    two.state = Some(state(403, StateGroup::Backlog).id); // not listed yet
    w.apply(vec![one, two]).await;
    let started = || WorkItemFilter {
        state_group: Some(StateGroup::Started),
        ..Default::default()
    };
    assert_eq!(w.numbers(started(), 9).await, [1]);
    let states = [
        state(401, StateGroup::Started),
        state(402, StateGroup::Completed),
        state(403, StateGroup::Started),
    ];
    store
        .apply_states(&w.run, w.project, &states, at(200))
        .await
        .unwrap();
    assert_eq!(w.numbers(started(), 9).await, [2]);
}

#[tokio::test]
async fn work_items_are_found_in_every_way_that_the_table_offers() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let w = Workspace::synced(store, acme.id).await;
    let names = [
        "Fix login",
        "Fix CSV export",
        "Exports in cron",
        "Größe falsch",
    ];
    let items: Vec<_> = (1..=24)
        .map(|n: u128| {
            // The higher the number, the older the change; three at a time changed at the same moment.
            let mut it = item(n, names[n as usize % 4], 1000 - (n as i64) / 3);
            it.priority = Priority::ALL[n as usize % 5];
            it.state = Some(state(401 + n % 2, StateGroup::Started).id);
            it.labels = [201, 202]
                .into_iter()
                .filter(|l| n.is_multiple_of(l - 199))
                .map(|l| LabelId(id(l)))
                .collect();
            it.assignees = if n.is_multiple_of(5) {
                vec![MemberId(id(301))]
            } else {
                vec![]
            };
            it
        })
        .collect();
    w.apply(items.clone()).await;

    type Keep = Box<dyn Fn(&domain::mirror::WorkItem) -> bool>;
    let ways: Vec<(&str, WorkItemFilter, Keep)> = vec![
        ("all", WorkItemFilter::default(), Box::new(|_| true)),
        (
            "group",
            WorkItemFilter {
                state_group: Some(StateGroup::Started),
                ..Default::default()
            },
            Box::new(|i| i.sequence_id % 2 == 1),
        ),
        (
            "label",
            WorkItemFilter {
                label: Some(LabelId(id(202))),
                ..Default::default()
            },
            Box::new(|i| i.sequence_id % 3 == 0),
        ),
        (
            "assignee",
            WorkItemFilter {
                assignee: Some(MemberId(id(301))),
                ..Default::default()
            },
            Box::new(|i| i.sequence_id % 5 == 0),
        ),
        (
            "priority",
            WorkItemFilter {
                priority: Some(Priority::High),
                ..Default::default()
            },
            Box::new(|i| i.priority == Priority::High),
        ),
        (
            "two",
            WorkItemFilter {
                label: Some(LabelId(id(201))),
                priority: Some(Priority::Low),
                ..Default::default()
            },
            Box::new(|i| i.sequence_id % 2 == 0 && i.priority == Priority::Low),
        ),
        (
            "word",
            WorkItemFilter {
                q: "fix ".into(),
                ..Default::default()
            },
            Box::new(|i| i.name.starts_with("Fix")),
        ),
        (
            "beginning",
            WorkItemFilter {
                q: "EXP".into(),
                ..Default::default()
            },
            Box::new(|i| i.name.to_lowercase().contains("export")),
        ),
        (
            "words",
            WorkItemFilter {
                q: "export fix".into(),
                ..Default::default()
            },
            Box::new(|i| i.name == "Fix CSV export"),
        ),
        (
            "umlaut",
            WorkItemFilter {
                q: "GRÖ".into(),
                ..Default::default()
            },
            Box::new(|i| i.name.starts_with("Größe")),
        ),
        (
            "nothing",
            WorkItemFilter {
                q: "zebra".into(),
                ..Default::default()
            },
            Box::new(|_| false),
        ),
    ];
    for (way, filter, keep) in ways {
        for sort in [
            WorkItemSort::Updated,
            WorkItemSort::Newest,
            WorkItemSort::Oldest,
            WorkItemSort::Priority,
        ] {
            let mut kept: Vec<_> = items.iter().filter(|i| keep(i)).collect();
            kept.sort_by_key(|i| {
                let latest = -i.updated_at.timestamp();
                let key = match sort {
                    WorkItemSort::Updated => (0, latest),
                    WorkItemSort::Newest => (0, -(i.sequence_id as i64)),
                    WorkItemSort::Oldest => (0, i.sequence_id as i64),
                    WorkItemSort::Priority => (i.priority.rank(), latest),
                };
                (key, i.id)
            });
            let expected: Vec<u64> = kept.into_iter().map(|i| i.sequence_id).collect();
            let filter = WorkItemFilter {
                sort,
                ..filter.clone()
            };
            for limit in [2, 50] {
                assert_eq!(
                    w.numbers(filter.clone(), limit).await,
                    expected,
                    "{way} {sort:?} {limit}"
                );
            }
        }
    }

    let by = |q: &str| WorkItemFilter {
        q: q.into(),
        ..Default::default()
    };
    assert_eq!(w.numbers(by("WEB-7"), 9).await, [7]);
    assert_eq!(w.numbers(by("web-7"), 9).await, [7]);
    assert_eq!(w.numbers(by("#7"), 9).await, [7]);
    assert_eq!(w.numbers(by("7"), 9).await, [7]);
    assert!(w.numbers(by("APP-7"), 9).await.is_empty());
    assert!(w.numbers(by("WEB-700"), 9).await.is_empty());
}
