#![doc = include_str!("../README.md")]

/// What people paste as Plane's address, made into a base URL.
pub mod address;
/// Leaving a Plane alone that is down.
mod breaker;
/// Plane's rate limit, kept on this side.
pub mod budget;
/// What a client remembers of each call.
pub mod calls;
/// Every way a call can fail, with a code, a sentence and advice.
pub mod error;
/// Plane's cursor pages.
pub mod pages;

/// Deliveries of Plane's webhooks.
pub mod webhook;

mod request;
mod wire;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use domain::{
    collection::{Collection, CollectionKind},
    ids::{CollectionId, MemberId, ProjectId, WorkItemId},
    integration::AuthScheme,
    mirror::{Label, Member, Project, State, WorkItem},
    text::{BaseUrl, WorkspaceSlug},
};
use secrecy::SecretString;
use tokio::{sync::watch, time::Instant};

pub use crate::{
    address::{Address, AddressError, normalise},
    budget::{Budget, BudgetKey, Budgets, Lane},
    calls::{Call, OnCall},
    error::Error,
    pages::{Cursor, List, ListPage},
};
use crate::{calls::Calls, error::AnswerFlaw, request::Counters, wire::FromWire};

/// Rows of a page: as many as this Plane gives.
const LARGEST: u32 = u32::MAX;
/// Rows of a page that every version gives.
const SAFE: u32 = 100;
/// Rows of a page of the latest changes.
const CHANGES: u32 = 100;

/// One workspace of one Plane, seen with one key. Every call waits for the key's budget; dropping a call cancels it.
pub struct Plane {
    http: reqwest::Client,
    base: BaseUrl,
    workspace: WorkspaceSlug,
    auth: AuthScheme,
    key: SecretString,
    budget: Arc<Budget>,
    options: Options,
    counters: Counters,
    calls: Calls,
    waiting: watch::Sender<Option<Wait>>,
    /// Learnt from a refusal; the largest page that this Plane gives.
    page_size: AtomicU32,
    old_paths: AtomicBool,
}

/// How a client behaves; the default suits a sync.
#[derive(Clone, Debug)]
pub struct Options {
    pub lane: Lane,
    /// A call that would have to wait longer for the budget fails with [`Error::RateLimited`] at once.
    pub max_wait: Duration,
    /// Whether a call that was answered 429 is made again once the budget allows, within `max_wait`.
    pub retry_limited: bool,
    /// When everything must be over.
    pub deadline: Option<Instant>,
    /// Largest answer, in bytes after decompression.
    pub body_limit: usize,
    /// Rows per page to begin with; a Plane that allows fewer says so, and is believed.
    pub page_size: u32,
    pub times: Times,
    /// This Plane is known to have the work item paths of v1.0 and older (see [`Plane::uses_old_paths`]).
    pub old_paths: bool,
    /// Hears of every call.
    pub on_call: Option<OnCall>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lane: Lane::Sync,
            max_wait: Duration::from_secs(180),
            retry_limited: true,
            deadline: None,
            body_limit: 32 * 1024 * 1024,
            page_size: 1000,
            times: Times::default(),
            old_paths: false,
            on_call: None,
        }
    }
}

/// How long Plane may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Lists make Plane compute a whole project first (plane-api.md section 3, "Cost").
    pub list: Duration,
    pub object: Duration,
    /// After so long without a word it is asked whether Plane is there at all.
    pub quiet: Duration,
    /// An answer that has begun must not crawl for longer than this.
    pub crawl: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            list: Duration::from_secs(90),
            object: Duration::from_secs(30),
            quiet: Duration::from_secs(20),
            crawl: Duration::from_secs(10),
        }
    }
}

/// What a client did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls with the key, answered or not.
    pub requests: u32,
    /// Answers 429.
    pub rate_limited: u32,
    /// Time spent waiting for the budget.
    pub waited: Duration,
    /// Of the answers' bodies, after decompression.
    pub bytes: u64,
}

/// A call that waits for the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    pub since: Instant,
    /// It waits at least until then.
    pub until: Instant,
}

/// The key's owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    pub id: MemberId,
    pub display_name: String,
}

/// What a Plane server says of itself to anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Such as `v1.3.1`.
    pub version: Option<String>,
    /// Such as `PLANE_COMMUNITY`.
    pub edition: Option<String>,
    pub is_self_managed: Option<bool>,
}

/// A project's counts, since v1.3.0. `work_items` includes archived and draft ones, which the list leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub work_items: Option<u64>,
    pub labels: Option<u32>,
    pub states: Option<u32>,
    pub members: Option<u32>,
}

impl Plane {
    /// A client over `http`, which must not follow redirects; it brings the connect timeout and the address filter.
    pub fn new(
        http: reqwest::Client,
        base: BaseUrl,
        workspace: WorkspaceSlug,
        auth: AuthScheme,
        key: SecretString,
        budget: Arc<Budget>,
        options: Options,
    ) -> Self {
        let page_size = options.page_size.min(budget.largest_page()).max(1);
        Self {
            http,
            base,
            workspace,
            auth,
            key,
            budget,
            counters: Counters::default(),
            calls: Calls::new(options.on_call.clone()),
            waiting: watch::Sender::new(None),
            page_size: page_size.into(),
            old_paths: AtomicBool::new(options.old_paths),
            options,
        }
    }

    /// The key's owner. [`Error::NotSupported`] before v0.28.
    pub async fn me(&self) -> Result<Me, Error> {
        self.object("/api/v1/users/me/").await
    }

    /// What the server says of itself, asked without the key and outside the limit.
    /// [`Error::NotPlane`] if something else answers.
    pub async fn instance(&self) -> Result<Instance, Error> {
        let json = self.get_openly("/api/instances/").await?;
        wire::decode(&json).ok_or(Error::NotPlane)
    }

    /// The projects the key's owner belongs to, and the public ones. Archived ones are among them.
    pub async fn projects(&self, cursor: Option<&Cursor>) -> Result<ListPage<Project>, Error> {
        self.page(
            &self.below("projects/"),
            Some(wire::PROJECT_FIELDS),
            Some("created_at"),
            LARGEST,
            cursor,
        )
        .await
    }

    /// How many projects [`Plane::projects`] would list: its smallest possible answer.
    pub async fn count_projects(&self) -> Result<u64, Error> {
        let query = [("per_page", "1"), ("fields", "id")];
        let json = self
            .get(&self.below("projects/"), &query, self.options.times.list)
            .await?;
        Ok(pages::read::<Counted>(&json, 1, None)?.total)
    }

    /// One project. [`Error::NotFound`] also for a private one that the key's owner does not belong to.
    pub async fn project(&self, project: ProjectId) -> Result<Project, Error> {
        self.object(&self.in_project(project, "")).await
    }

    /// A project's counts; cheap. Needs v1.3.0 and a role above guest.
    pub async fn summary(&self, project: ProjectId) -> Result<Summary, Error> {
        self.object(&self.in_project(project, "summary/")).await
    }

    /// The members of the workspace; [`Error::NoAccess`] for a guest's key, [`Error::NotSupported`] before v0.28.
    pub async fn workspace_members(&self) -> Result<List<Member>, Error> {
        self.array(&self.below("members/")).await
    }

    /// The members of a project, with the same limits.
    pub async fn members(&self, project: ProjectId) -> Result<List<Member>, Error> {
        self.array(&self.in_project(project, "members/")).await
    }

    /// The workflow states of a project; triage is never listed.
    pub async fn states(&self, project: ProjectId) -> Result<List<State>, Error> {
        self.all(
            &self.in_project(project, "states/"),
            Some(wire::STATE_FIELDS),
        )
        .await
    }

    /// The labels of a project. Empty for non-members and archived projects: that says nothing about what exists.
    pub async fn labels(&self, project: ProjectId) -> Result<List<Label>, Error> {
        self.all(
            &self.in_project(project, "labels/"),
            Some(wire::LABEL_FIELDS),
        )
        .await
    }

    /// One page of a project's work items, oldest first, so that new ones come at the end. Archived and draft items are
    /// not listed; an archived project lists none.
    pub async fn work_items(
        &self,
        project: ProjectId,
        cursor: Option<&Cursor>,
    ) -> Result<ListPage<WorkItem>, Error> {
        self.work_items_by(project, "created_at", u32::MAX, cursor)
            .await
    }

    /// One page of a project's work items, the latest change first. Pages are short: Plane computes the whole project for
    /// each, and mostly little has changed (plane-api.md section 3, "Cost").
    pub async fn changed_work_items(
        &self,
        project: ProjectId,
        cursor: Option<&Cursor>,
    ) -> Result<ListPage<WorkItem>, Error> {
        self.work_items_by(project, "-updated_at", CHANGES, cursor)
            .await
    }

    async fn work_items_by(
        &self,
        project: ProjectId,
        order: &str,
        most: u32,
        cursor: Option<&Cursor>,
    ) -> Result<ListPage<WorkItem>, Error> {
        let mut page: ListPage<WorkItem> = loop {
            let name = self.work_items_name();
            let path = self.in_project(project, &format!("{name}/"));
            let fields = Some(wire::WORK_ITEM_FIELDS);
            let answer = self.page(&path, fields, Some(order), most, cursor).await;
            if !self.goes_by_the_old_name(name, &answer) {
                break answer?;
            }
        };
        page.rows.iter_mut().for_each(|item| item.project = project);
        Ok(page)
    }

    /// How many work items [`Plane::work_items`] would list: its smallest possible answer.
    pub async fn count_work_items(&self, project: ProjectId) -> Result<u64, Error> {
        let query = [("per_page", "1"), ("fields", "id")];
        loop {
            let name = self.work_items_name();
            let path = self.in_project(project, &format!("{name}/"));
            let answer = self.get(&path, &query, self.options.times.list).await;
            if !self.goes_by_the_old_name(name, &answer) {
                return Ok(pages::read::<Counted>(&answer?, 1, None)?.total);
            }
        }
    }

    /// One work item. [`Error::NotFound`] for deleted, archived and draft ones alike.
    pub async fn work_item(&self, project: ProjectId, id: WorkItemId) -> Result<WorkItem, Error> {
        let item: WorkItem = loop {
            let name = self.work_items_name();
            let answer = self
                .object(&self.in_project(project, &format!("{name}/{id}/")))
                .await;
            if !self.goes_by_the_old_name(name, &answer) {
                break answer?;
            }
        };
        Ok(WorkItem { project, ..item })
    }

    /// The cycles or the modules of a project, with how many work items each has. Archived ones are not listed.
    pub async fn collections(
        &self,
        project: ProjectId,
        kind: CollectionKind,
    ) -> Result<List<Collection>, Error> {
        let path = self.in_project(project, &format!("{}s/", kind.word()));
        match kind {
            CollectionKind::Cycle => {
                let fields = Some(wire::CYCLE_FIELDS);
                let list: List<wire::Cycle> = self.all(&path, fields).await?;
                Ok(list.map(|cycle| cycle.0))
            }
            CollectionKind::Module => {
                let fields = Some(wire::MODULE_FIELDS);
                let list: List<wire::Module> = self.all(&path, fields).await?;
                Ok(list.map(|module| module.0))
            }
        }
    }

    /// The work items of a cycle or module.
    pub async fn collection_items(
        &self,
        project: ProjectId,
        kind: CollectionKind,
        id: CollectionId,
    ) -> Result<List<WorkItemId>, Error> {
        let items = match kind {
            CollectionKind::Cycle => wire::CYCLE_ITEMS,
            CollectionKind::Module => wire::MODULE_ITEMS,
        };
        let path = self.in_project(project, &format!("{}s/{id}/{items}/", kind.word()));
        let list: List<wire::ItemId> = self.all(&path, Some("id")).await?;
        Ok(list.map(|item| item.0))
    }

    /// What this client did so far.
    pub fn usage(&self) -> Usage {
        self.counters.usage()
    }

    /// The calls that were made since this was last asked: the latest thousand of them.
    pub fn take_calls(&self) -> Vec<Call> {
        self.calls.take()
    }

    /// The latest call that failed.
    pub fn last_failed(&self) -> Option<Call> {
        self.calls.failed()
    }

    /// What [`Call::after`] counts from.
    pub fn made(&self) -> Instant {
        self.calls.since()
    }

    /// How the current call waits for the budget; `None` while none waits.
    pub fn waiting(&self) -> watch::Receiver<Option<Wait>> {
        self.waiting.subscribe()
    }

    /// The workspace this client sees.
    pub fn workspace(&self) -> &WorkspaceSlug {
        &self.workspace
    }

    /// The budget this client spends from.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Whether this Plane was found to be v1.0 or older; worth keeping for [`Options::old_paths`].
    pub fn uses_old_paths(&self) -> bool {
        self.old_paths.load(Relaxed)
    }

    async fn object<T: FromWire>(&self, path: &str) -> Result<T, Error> {
        let json = self.get(path, &[], self.options.times.object).await?;
        wire::decode(&json).ok_or(Error::BadAnswer(AnswerFlaw::NotUnderstood))
    }

    /// A list that is not paged.
    async fn array<T: FromWire>(&self, path: &str) -> Result<List<T>, Error> {
        let json = self.get(path, &[], self.options.times.list).await?;
        let ListPage {
            rows, undecodable, ..
        } = pages::read(&json, self.options.page_size, None)?;
        Ok(List { rows, undecodable })
    }

    /// A paged list from its first to its last page; from the beginning once more if rows were removed meanwhile.
    async fn all<T: FromWire>(&self, path: &str, fields: Option<&str>) -> Result<List<T>, Error> {
        let mut list = List {
            rows: Vec::new(),
            undecodable: 0,
        };
        let mut cursor = None;
        let mut again = false;
        loop {
            let page = self
                .page(path, fields, None, LARGEST, cursor.as_ref())
                .await?;
            if page.shifted && !again {
                list = List {
                    rows: Vec::new(),
                    undecodable: 0,
                };
                (cursor, again) = (None, true);
                continue;
            }
            list.rows.extend(page.rows);
            list.undecodable += page.undecodable;
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(list),
            }
        }
    }

    async fn page<T: FromWire>(
        &self,
        path: &str,
        fields: Option<&str>,
        order: Option<&str>,
        most: u32,
        cursor: Option<&Cursor>,
    ) -> Result<ListPage<T>, Error> {
        let mut cursor = cursor.cloned();
        loop {
            let size = cursor
                .as_ref()
                .map_or_else(|| self.page_size.load(Relaxed).min(most), Cursor::size);
            let per_page = size.to_string();
            let mut query = vec![("per_page", per_page.as_str())];
            query.extend(cursor.as_ref().map(|cursor| ("cursor", cursor.plane())));
            query.extend(order.map(|order| ("order_by", order)));
            query.extend(fields.map(|fields| ("fields", fields)));
            match self.get(path, &query, self.options.times.list).await {
                Ok(json) => return pages::read(&json, size, cursor.as_ref()),
                Err(Error::BadRequest { status: 400, says }) => {
                    // One that does not say what it allows gets what every version allows.
                    let told = wire::largest_page(&says).filter(|largest| *largest < size);
                    let largest = told.or((size > SAFE).then_some(SAFE));
                    let Some(largest) = largest else {
                        return Err(Error::BadRequest { status: 400, says });
                    };
                    self.page_size.store(largest, Relaxed);
                    self.budget.learn_largest_page(largest);
                    // A place that can't be kept means the beginning: reading twice is harmless.
                    cursor = cursor.and_then(|cursor| cursor.resized(largest));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn work_items_name(&self) -> &'static str {
        if self.uses_old_paths() {
            wire::WORK_ITEMS_OLD
        } else {
            wire::WORK_ITEMS
        }
    }

    /// Whether this Plane did not know the newer path, so that the older one must be asked; it is remembered.
    fn goes_by_the_old_name<T>(&self, asked: &str, answer: &Result<T, Error>) -> bool {
        let unknown = asked == wire::WORK_ITEMS && matches!(answer, Err(Error::NotSupported));
        if unknown {
            self.old_paths.store(true, Relaxed);
        }
        unknown
    }

    fn below(&self, rest: &str) -> String {
        format!("/api/v1/workspaces/{}/{rest}", self.workspace)
    }

    fn in_project(&self, project: ProjectId, rest: &str) -> String {
        self.below(&format!("projects/{project}/{rest}"))
    }
}

impl fmt::Debug for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plane")
            .field("base", &self.base)
            .field("workspace", &self.workspace)
            .finish_non_exhaustive()
    }
}

/// A row that is only counted.
struct Counted;

impl FromWire for Counted {
    type Wire = serde::de::IgnoredAny;

    fn from_wire(_: serde::de::IgnoredAny) -> Option<Self> {
        Some(Counted)
    }
}

#[cfg(test)]
mod send_check {
    use super::*;
    fn spawned<F: Future + Send + 'static>(_: F) {}
    #[test]
    fn calls_may_move_between_threads() {
        async fn all(plane: Arc<Plane>, id: ProjectId, cursor: Option<Cursor>) {
            let _ = plane.work_items(id, cursor.as_ref()).await;
            let _ = plane.projects(cursor.as_ref()).await;
            let _ = plane.labels(id).await;
            let _ = plane.members(id).await;
            let _ = plane.work_item(id, WorkItemId(uuid::Uuid::nil())).await;
        }
        let _ = |plane, id, cursor| spawned(async move { all(plane, id, cursor).await });
    }
}
