use chrono::TimeDelta;
use domain::{
    changes::changes,
    ids::{IntegrationId, LabelId, MemberId, ProjectId, RunId, StateId, WorkItemId},
    mirror::{Label, Member, Priority, Project, State, StateGroup, WorkItem, WorkItemFilter},
    run::{Counts, Progress, Trigger},
};
use store::{Checkpoint, NewRun, RunRef, Start, Step, Store};
use uuid::Uuid;

use crate::support::{at, id, viewer};

/// An integration whose run is under way: two projects, two states, two labels, two members, no items yet.
pub(crate) struct Workspace {
    pub(crate) store: Store,
    pub(crate) run: RunRef,
    pub(crate) project: ProjectId,
}

impl Workspace {
    pub(crate) async fn synced(store: &Store, integration: IntegrationId) -> Self {
        let run = RunRef::from(&start(store, integration, integration.0, at(0)).await);
        let project = ProjectId(id(101));
        let projects = [
            self::project(1, "Website", true),
            self::project(2, "mobile", false),
        ];
        store.apply_projects(&run, &projects, at(1)).await.unwrap();
        store
            .apply_members(
                &run,
                project,
                &[member(301, "Maya"), member(302, "Ben")],
                at(2),
            )
            .await
            .unwrap();
        let states = [
            state(401, StateGroup::Backlog),
            state(402, StateGroup::Started),
        ];
        store
            .apply_states(&run, project, &states, at(3))
            .await
            .unwrap();
        store
            .apply_labels(&run, project, &[label(201, "bug"), label(202, "UX")], at(4))
            .await
            .unwrap();
        Self {
            store: store.clone(),
            run,
            project,
        }
    }

    /// A fetched page of work items, as a sync applies it.
    pub(crate) async fn apply(&self, page: Vec<WorkItem>) {
        let ids: Vec<WorkItemId> = page.iter().map(|item| item.id).collect();
        let stored = self
            .store
            .stored_items(self.run.integration, self.project, &page)
            .await
            .unwrap();
        let changes = changes(page, &stored);
        let (progress, counts) = (Progress::default(), Counts::default());
        let checkpoint = checkpoint(self.project, 1);
        let step = Step {
            checkpoint: &checkpoint,
            seen: &ids,
        };
        self.store
            .apply_items(
                &self.run,
                self.project,
                &changes,
                Some(step),
                &progress,
                &counts,
                at(100),
            )
            .await
            .unwrap();
    }

    /// The numbers of all items that a filter finds, gathered page by page.
    pub(crate) async fn numbers(&self, filter: WorkItemFilter, limit: u32) -> Vec<u64> {
        let (mut numbers, mut after) = (vec![], None);
        loop {
            let page = self
                .store
                .work_items(
                    &viewer(),
                    self.run.integration,
                    self.project,
                    &filter,
                    after.as_ref(),
                    limit,
                )
                .await
                .unwrap();
            numbers.extend(page.rows.into_iter().map(|row| row.sequence_id));
            after = page.next;
            if after.is_none() {
                return numbers;
            }
        }
    }
}

pub(crate) async fn start(
    store: &Store,
    integration: IntegrationId,
    run: Uuid,
    now: chrono::DateTime<chrono::Utc>,
) -> domain::run::SyncRun {
    let new = NewRun {
        id: RunId(run),
        integration,
        trigger: Trigger::Schedule,
        owner: id(800),
        follows: None,
    };
    match store
        .start_run(new, now, TimeDelta::seconds(15))
        .await
        .unwrap()
    {
        Start::Started(run) => run,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn checkpoint(project: ProjectId, page: u32) -> Checkpoint {
    Checkpoint {
        project,
        cursor: format!("1000:{page}:0"),
        page,
        started_at: at(0),
        watermark: None,
        overlooked: Default::default(),
    }
}

pub(crate) fn project(n: u128, name: &str, is_member: bool) -> Project {
    Project {
        id: ProjectId(id(100 + n)),
        identifier: name[..3].to_uppercase(),
        name: name.into(),
        description: String::new(),
        is_public: true,
        is_member,
        archived_at: None,
        total_members: 2,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn member(n: u128, name: &str) -> Member {
    Member {
        id: MemberId(id(n)),
        display_name: name.into(),
    }
}

pub(crate) fn label(n: u128, name: &str) -> Label {
    Label {
        id: LabelId(id(n)),
        name: name.into(),
        color: "#aa0000".into(),
        description: String::new(),
        parent: None,
    }
}

pub(crate) fn state(n: u128, group: StateGroup) -> State {
    State {
        id: StateId(id(n)),
        name: format!("state {n}"),
        color: String::new(),
        group,
        sequence: 1000,
    }
}

pub(crate) fn item(n: u128, name: &str, updated: i64) -> WorkItem {
    WorkItem {
        id: WorkItemId(id(1000 + n)),
        project: ProjectId(id(101)),
        sequence_id: n as u64,
        name: name.into(),
        description_html: "<p>text</p>".into(),
        priority: Priority::Medium,
        state: None,
        labels: vec![],
        assignees: vec![],
        parent: None,
        start_date: Some("2026-11-24".parse().unwrap()),
        target_date: None,
        completed_at: None,
        created_by: Some(MemberId(id(301))),
        created_at: at(0),
        updated_at: at(updated),
    }
}
