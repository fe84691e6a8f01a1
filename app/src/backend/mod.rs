/// Copies of the whole database.
mod backups;
/// Screens on walls.
mod screens;
/// How syncing went over time, and what is promised.
mod trends;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Role, User, Viewer},
    alerts::{Channel, Delivery, DeliveryState, Incident, Rule},
    audit::AuditEntry,
    bulk::{BulkItem, BulkOperation, Requests},
    checks::{Check, Finding, HealthChange},
    collection::Collection,
    connection_test::ConnectionTest,
    drift::DriftCheck,
    ids::{
        BulkId, BurstId, ChannelId, DraftId, IntegrationId, ProblemId, ProjectId, ReplayId, RuleId,
        RunId, TestId, UserId, WorkItemId,
    },
    inbox::{Burst, BurstFilter, Retention, Webhook},
    integration::{
        DeletionCost, IntegrationCounts, IntegrationFilter, IntegrationList, IntegrationRow,
    },
    mirror::{
        DeletedItem, Facets, LabelCount, ProjectFilter, ProjectList, ProjectRow, Restore,
        WorkItemDetail, WorkItemFilter, WorkItemRow,
    },
    page::{Cursor, Page},
    problems::{Class, Problem, ProblemEvent, ProblemFilter, ProblemState},
    range::Range,
    replay::{Replay, ReplayScope},
    run::{RunFilter, SyncRun},
    run_log::{ApiCall, Timeline},
    screen::Screen,
    silence::{Coverage, Silence},
    timeline::{TimelineEntry, TimelineKind},
    usage::{CallRecord, CallTally, Forecast, PlaneKey, Usage},
};
use leptos::prelude::{expect_context, use_context};
use serde::{Deserialize, Serialize};

pub use backups::{BackupReport, BackupRow, Backups};
pub use screens::{ScreenRow, Screens};
pub use trends::{
    Charts, IntegrationObjectives, LeastBudget, MaintenanceForm, MaintenanceRow, OldestCopy,
    OverviewNumbers, TargetsForm, Trends,
};

use crate::{failure::Failure, integrations::api::TypedKey};

/// What pages and server functions can ask for. Provided as context for every render and every server function.
#[derive(Clone)]
pub struct Backend {
    pub accounts: Arc<dyn Accounts>,
    pub integrations: Arc<dyn Integrations>,
    pub mirror: Arc<dyn Mirror>,
    pub runs: Arc<dyn Runs>,
    pub bulk: Arc<dyn Bulk>,
    pub inbox: Arc<dyn Inbox>,
    pub health: Arc<dyn Health>,
    pub problems: Arc<dyn Problems>,
    pub alerts: Arc<dyn Alerts>,
    pub trends: Arc<dyn Trends>,
    pub screens: Arc<dyn Screens>,
    pub backups: Arc<dyn Backups>,
}

/// Who sent this request and how; provided as context beside [`Backend`].
#[derive(Clone, Debug)]
pub struct Visit {
    /// `None`: nobody is signed in.
    pub user: Option<User>,
    /// The screen that asks, if it asks for a screen's page.
    pub screen: Option<Screen>,
    /// The time of the request: pages say "3 min ago" against it.
    pub now: DateTime<Utc>,
    pub theme: Theme,
    /// Path and query of the page, for links that keep the filters and for the way back after signing in.
    pub path: String,
    /// The session cookie's value, for signing out.
    pub session: Option<SessionToken>,
    /// Joins a page to the log lines of its request.
    pub request_id: String,
    /// The portal is reached over https: cookies are marked so.
    pub is_secure: bool,
    pub assets: Assets,
}

/// Addresses of the built files; `None` for the scripts when the site was not built.
#[derive(Clone, Debug, Default)]
pub struct Assets {
    pub css: Option<String>,
    pub js: Option<String>,
    pub wasm: Option<String>,
    /// Reload the page when the server was rebuilt (`cargo xtask dev`).
    pub dev_reload: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub fn word(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    pub fn from_word(word: &str) -> Self {
        match word {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::System,
        }
    }
}

/// The secret in the session cookie. Never printed, never serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(pub String);

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken(***)")
    }
}

/// A change that was made: where to go next. Forms are redirected there, islands navigate there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub to: String,
}

impl Done {
    pub fn go(to: impl Into<String>) -> Result<Self, Failure> {
        Ok(Self { to: to.into() })
    }
}

/// A form that came back: what was typed, what is wrong with it. Secrets are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    pub id: Option<DraftId>,
    pub values: BTreeMap<String, String>,
    pub errors: BTreeMap<String, String>,
    pub message: Option<String>,
    /// The API key that was typed is kept sealed on the server; this is all that is shown of it.
    pub key_last_four: Option<String>,
    /// The connection test that was made with these values.
    pub test: Option<ConnectionTest>,
}

impl Draft {
    pub fn value(&self, name: &str) -> String {
        self.values.get(name).cloned().unwrap_or_default()
    }

    pub fn error(&self, name: &str) -> Option<String> {
        self.errors.get(name).cloned()
    }
}

/// First start, signing in and out, people.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Whether the set-up link's token is the right one and nobody has used it.
    async fn may_set_up(&self, token: &str) -> Result<bool, Failure>;
    /// Makes the first admin, once, and signs him in.
    async fn set_up(&self, form: SetUpForm) -> Result<SessionToken, Failure>;
    async fn sign_in(&self, email: &str, password: String) -> Result<SessionToken, Failure>;
    async fn sign_out(&self, session: &SessionToken) -> Result<(), Failure>;
    async fn people(&self, viewer: &Viewer) -> Result<Vec<User>, Failure>;
    async fn add_person(&self, admin: &Admin, form: PersonForm) -> Result<User, Failure>;
    async fn set_role(&self, admin: &Admin, person: UserId, role: Role) -> Result<(), Failure>;
    /// Signing in is refused, and sessions end at once, while `is_active` is false.
    async fn set_active(
        &self,
        admin: &Admin,
        person: UserId,
        is_active: bool,
    ) -> Result<(), Failure>;
    /// Ends every session of the person; answers the new one.
    async fn change_password(
        &self,
        viewer: &Viewer,
        form: PasswordForm,
    ) -> Result<SessionToken, Failure>;
    /// A form that came back to this visitor.
    async fn draft(&self, viewer: Option<&Viewer>, id: DraftId) -> Result<Option<Draft>, Failure>;
}

#[derive(Clone)]
pub struct SetUpForm {
    pub token: String,
    pub name: String,
    pub email: String,
    pub password: String,
}

#[derive(Clone)]
pub struct PersonForm {
    pub name: String,
    pub email: String,
    pub password: String,
    pub role: String,
}

#[derive(Clone)]
pub struct PasswordForm {
    pub current: String,
    pub new: String,
}

/// Integrations and their connection tests.
#[async_trait]
pub trait Integrations: Send + Sync {
    async fn list(
        &self,
        viewer: &Viewer,
        filter: &IntegrationFilter,
        after: Option<Cursor>,
    ) -> Result<IntegrationList, Failure>;
    async fn counts(&self, viewer: &Viewer) -> Result<IntegrationCounts, Failure>;
    async fn get(&self, viewer: &Viewer, id: IntegrationId) -> Result<IntegrationRow, Failure>;
    async fn create(&self, admin: &Admin, form: IntegrationForm) -> Result<IntegrationId, Failure>;
    /// Refused with `Conflict` when somebody changed the integration since `form.version`.
    async fn update(
        &self,
        admin: &Admin,
        id: IntegrationId,
        form: IntegrationForm,
    ) -> Result<(), Failure>;
    async fn set_active(
        &self,
        admin: &Admin,
        id: IntegrationId,
        is_active: bool,
    ) -> Result<(), Failure>;
    /// Tests the new key first; keeps the old one when the test fails.
    async fn replace_key(
        &self,
        admin: &Admin,
        id: IntegrationId,
        new_key: String,
        expires_on: &str,
    ) -> Result<(), Failure>;
    async fn deletion_cost(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
    ) -> Result<DeletionCost, Failure>;
    /// `typed_name` must be the integration's name.
    async fn delete(
        &self,
        admin: &Admin,
        id: IntegrationId,
        typed_name: &str,
    ) -> Result<(), Failure>;
    /// Makes a connection test of a saved integration and keeps it.
    async fn test(&self, admin: &Admin, id: IntegrationId) -> Result<ConnectionTest, Failure>;
    /// Tests a form before it is saved; the draft keeps values, sealed key and result.
    async fn test_form(&self, admin: &Admin, form: IntegrationForm) -> Result<DraftId, Failure>;
    /// Tests of its connection, the latest first.
    async fn tests(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
        only_failed: bool,
        after: Option<Cursor>,
    ) -> Result<Page<ConnectionTest>, Failure>;
    async fn connection_test(&self, viewer: &Viewer, id: TestId)
    -> Result<ConnectionTest, Failure>;
    async fn history(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
        after: Option<Cursor>,
    ) -> Result<Page<AuditEntry>, Failure>;
}

/// What the form of an integration sends, unchecked. Field names as in the form and in `Failure::Invalid`.
#[derive(Clone, Default)]
pub struct IntegrationForm {
    pub integration_name: String,
    pub description: String,
    pub base_url: String,
    pub workspace: String,
    pub project_id: String,
    pub auth_scheme: String,
    pub interval_minutes: String,
    /// `22:00`; empty: no quiet hours.
    pub quiet_from: String,
    pub quiet_to: String,
    /// Name of a time zone.
    pub quiet_zone: String,
    pub test_minutes: String,
    /// `2027-01-31`; empty: the key has no last day, as far as is known.
    pub key_expires_on: String,
    /// Words, with commas between them.
    pub tags: String,
    /// Empty: the key kept in the draft, or the integration's own.
    pub api_key: String,
    /// The integration that is edited: a test of the form without a key uses its key. `None` for a new one.
    pub integration: Option<IntegrationId>,
    /// The version that was edited; `None` for a new integration.
    pub version: Option<u32>,
    pub draft: Option<DraftId>,
}

/// The copy: never a call to Plane.
#[async_trait]
pub trait Mirror: Send + Sync {
    async fn totals(&self, viewer: &Viewer) -> Result<Totals, Failure>;
    async fn projects(
        &self,
        viewer: &Viewer,
        filter: &ProjectFilter,
        after: Option<Cursor>,
    ) -> Result<ProjectList, Failure>;
    async fn project(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<ProjectRow, Failure>;
    async fn work_items(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        filter: &WorkItemFilter,
        after: Option<Cursor>,
    ) -> Result<Page<WorkItemRow>, Failure>;
    async fn work_item(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        item: WorkItemId,
    ) -> Result<WorkItemDetail, Failure>;
    async fn facets(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<Facets, Failure>;
    async fn labels(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<Vec<LabelCount>, Failure>;
    /// Cycles, then modules, each the latest first.
    async fn collections(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<Vec<Collection>, Failure>;
    /// Comparisons with Plane, the latest first.
    async fn drift_checks(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        after: Option<Cursor>,
    ) -> Result<Page<DriftCheck>, Failure>;
    /// Work items that Plane does not have any more, the latest first.
    async fn deleted(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        after: Option<Cursor>,
    ) -> Result<Page<DeletedItem>, Failure>;
    /// Puts deleted work items back as they were, and keeps them though Plane does not list them.
    async fn restore(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
        which: Restore,
    ) -> Result<(), Failure>;
    /// Takes out again what was put back.
    async fn discard(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
        item: WorkItemId,
    ) -> Result<(), Failure>;
}

/// What the copy holds in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub integrations: u32,
    pub projects: u32,
    pub work_items: u64,
}

/// What is to be seen of a run beside itself.
#[derive(Clone, Debug, Default)]
pub struct RunRecord {
    pub timeline: Timeline,
    /// The run of the same integration before it; of one under way there is none yet.
    pub before: Option<SyncRun>,
}

/// Sync runs.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Starts a run, or answers the one that is under way.
    async fn start(&self, admin: &Admin, integration: IntegrationId) -> Result<RunId, Failure>;
    async fn cancel(&self, admin: &Admin, run: RunId) -> Result<(), Failure>;
    /// Lets the work items go that a project holds back, if Plane confirms each; starts a run for it, or answers the one that is
    /// under way.
    async fn release(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<RunId, Failure>;
    /// Compares a project's copy with Plane, and keeps what was found.
    async fn compare(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<(), Failure>;
    /// Has everything of a project read again; starts a run for it, or answers the one that is under way.
    async fn reread(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<RunId, Failure>;
    /// No scheduled run starts any more, and one that is under way ends; `note` may be empty.
    async fn pause(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        note: &str,
    ) -> Result<(), Failure>;
    async fn resume(&self, admin: &Admin, integration: IntegrationId) -> Result<(), Failure>;
    async fn runs(
        &self,
        viewer: &Viewer,
        filter: &RunFilter,
        after: Option<Cursor>,
    ) -> Result<Page<SyncRun>, Failure>;
    async fn run(&self, viewer: &Viewer, id: RunId) -> Result<SyncRun, Failure>;
    /// What the run did when, and the run before it.
    async fn record(&self, viewer: &Viewer, run: &SyncRun) -> Result<RunRecord, Failure>;
    /// The run's calls to Plane that are kept.
    async fn calls(
        &self,
        viewer: &Viewer,
        run: &SyncRun,
        after: Option<Cursor>,
    ) -> Result<Page<ApiCall>, Failure>;
    async fn running(&self, viewer: &Viewer) -> Result<Vec<SyncRun>, Failure>;
}

/// What dashboards show: never a call to Plane.
#[async_trait]
pub trait Health: Send + Sync {
    /// What each key used of its limit in this time, the closest to it first.
    async fn budgets(&self, viewer: &Viewer, range: Range) -> Result<Vec<KeyBudget>, Failure>;
    /// What all checks of an integration say now.
    async fn checks(&self, viewer: &Viewer, id: IntegrationId) -> Result<Vec<CheckNow>, Failure>;
    /// Calls to Plane for an integration, or those that failed, the latest first.
    async fn calls(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
        only_failed: bool,
        after: Option<Cursor>,
    ) -> Result<Page<CallRecord>, Failure>;
    /// What happened to an integration, of one kind or of all, the latest first; among all, of the tests those that say something new.
    async fn timeline(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
        only: Option<TimelineKind>,
        after: Option<Cursor>,
    ) -> Result<Page<TimelineEntry>, Failure>;
    /// When its checks began to say something else, or one of them did, the latest first.
    async fn log(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
        check: Option<Check>,
        after: Option<Cursor>,
    ) -> Result<Page<HealthChange>, Failure>;
}

/// What a check says.
#[derive(Clone, Debug)]
pub struct CheckNow {
    pub finding: Finding,
    /// Since when it says that; `None`: it was not written down yet, or there is nothing to tell by.
    pub since: Option<DateTime<Utc>>,
}

/// What a key used of Plane's limit.
#[derive(Clone, Debug)]
pub struct KeyBudget {
    pub key: PlaneKey,
    /// Calls a minute, as far as is known.
    pub limit: u32,
    /// Calls that could be made right now.
    pub free: u32,
    /// Calls that wait for their turn.
    pub waiting: u32,
    /// The calls of each bar of the range, the oldest first.
    pub bars: Vec<(DateTime<Utc>, Usage)>,
    /// All of the time before that is as long; `None`: there were none.
    pub before: Option<CallTally>,
    /// Today's busiest minute.
    pub forecast: Option<Forecast>,
    /// Who uses the key now, the busiest first.
    pub users: Vec<KeyUser>,
}

/// An integration's part of what a key used.
#[derive(Clone, Debug)]
pub struct KeyUser {
    pub integration: IntegrationId,
    pub name: String,
    pub usage: Usage,
    /// The calls that a sync of everything took last time.
    pub full_sync: Option<u32>,
}

/// Failures that are grouped.
#[async_trait]
pub trait Problems: Send + Sync {
    /// The most pressing first.
    async fn list(
        &self,
        viewer: &Viewer,
        filter: &ProblemFilter,
        after: Option<Cursor>,
    ) -> Result<ProblemPage, Failure>;
    /// One of them, with its story behind `after`.
    async fn get(
        &self,
        viewer: &Viewer,
        id: ProblemId,
        after: Option<Cursor>,
    ) -> Result<ProblemReport, Failure>;
    /// What an admin says to it; said twice, it is so already.
    async fn act(&self, admin: &Admin, id: ProblemId, form: ProblemForm) -> Result<(), Failure>;
}

/// A problem in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemRow {
    pub problem: Problem,
    pub integration_name: String,
    /// What it comes of.
    pub cause: Option<(ProblemId, Class)>,
}

/// One page of problems.
#[derive(Clone, Debug)]
pub struct ProblemPage {
    pub page: Page<ProblemRow>,
    /// How many there are of each state.
    pub counts: Vec<(ProblemState, u32)>,
    /// The integrations of all unresolved ones that the filter shows, on all pages.
    pub integrations: Vec<IntegrationId>,
}

/// A problem with what belongs to it.
#[derive(Clone, Debug)]
pub struct ProblemReport {
    pub row: ProblemRow,
    /// What comes of it.
    pub effects: Vec<ProblemRow>,
    /// The projects that it concerned this time, by name.
    pub projects: Vec<(ProjectId, String)>,
    /// The latest first.
    pub story: Page<ProblemEvent>,
    /// Who could see to it.
    pub people: Vec<User>,
    /// What a sync of the integration costs.
    pub cost: Option<Requests>,
}

/// What an admin says to a problem, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemForm {
    Acknowledge,
    Reopen,
    Snooze { hours: u32 },
    Wake,
    Assign(Option<UserId>),
    Note(String),
}

/// Who is told of problems, and by which channel.
#[async_trait]
pub trait Alerts: Send + Sync {
    async fn overview(&self, viewer: &Viewer) -> Result<AlertsReport, Failure>;
    async fn channel(&self, viewer: &Viewer, id: ChannelId) -> Result<Channel, Failure>;
    /// What a webhook is signed by, for ten minutes after it was saved.
    async fn signing_key(&self, admin: &Admin, id: ChannelId) -> Result<Option<String>, Failure>;
    /// Makes a channel, or changes one; rules that told nobody tell a new one.
    async fn save_channel(&self, admin: &Admin, form: ChannelForm) -> Result<ChannelId, Failure>;
    async fn delete_channel(&self, admin: &Admin, id: ChannelId) -> Result<(), Failure>;
    /// Makes a rule, or changes one.
    async fn save_rule(&self, admin: &Admin, form: RuleForm) -> Result<RuleId, Failure>;
    async fn delete_rule(&self, admin: &Admin, id: RuleId) -> Result<(), Failure>;
    /// Sends a sample of the rule to each of its channels; how that went is in the log.
    async fn test_rule(&self, admin: &Admin, id: RuleId) -> Result<(), Failure>;
    /// The same to one channel.
    async fn test_channel(&self, admin: &Admin, id: ChannelId) -> Result<(), Failure>;
    /// What was sent, the latest first.
    async fn deliveries(
        &self,
        viewer: &Viewer,
        channel: Option<ChannelId>,
        rule: Option<RuleId>,
        state: Option<DeliveryState>,
        after: Option<Cursor>,
    ) -> Result<Page<DeliveryRow>, Failure>;
}

/// All rules and channels, by name.
#[derive(Clone, Debug, Default)]
pub struct AlertsReport {
    pub rules: Vec<RuleRow>,
    pub channels: Vec<Channel>,
}

/// A rule with what comes of it.
#[derive(Clone, Debug)]
pub struct RuleRow {
    pub rule: Rule,
    /// How often it would have begun to tell in the last days.
    pub would: u32,
    /// What it tells of right now.
    pub open: Vec<Incident>,
}

/// A message in the log.
#[derive(Clone, Debug)]
pub struct DeliveryRow {
    pub delivery: Delivery,
    /// `None`: the channel is gone.
    pub channel_name: Option<String>,
}

/// What the form of a channel sends, unchecked.
#[derive(Clone, Default)]
pub struct ChannelForm {
    /// `None`: a new one.
    pub id: Option<ChannelId>,
    /// The version that was edited; 0 for a new one.
    pub version: u32,
    pub kind: String,
    pub name: String,
    pub is_on: bool,
    /// Of a hook; empty: the one that is kept.
    pub url: String,
    /// To sign by; empty: the one that is kept, or a new one.
    pub key: String,
    pub host: String,
    pub port: String,
    pub security: String,
    pub user: String,
    /// Empty: the one that is kept.
    pub password: String,
    pub from: String,
    pub recipients: String,
}

/// What the form of a rule sends, unchecked.
#[derive(Clone, Debug, Default)]
pub struct RuleForm {
    /// `None`: a new one.
    pub id: Option<RuleId>,
    /// The version that was edited; 0 for a new one.
    pub version: u32,
    pub name: String,
    pub is_on: bool,
    pub classes: Vec<String>,
    pub pressing: String,
    /// `all`, `tag` or `integrations`.
    pub scope: String,
    pub tag: String,
    pub integrations: Vec<String>,
    pub channels: Vec<String>,
    pub to_owner: bool,
    pub after_minutes: String,
    pub remind_hours: String,
    pub tells_end: bool,
    pub quiet_from: String,
    pub quiet_to: String,
    pub quiet_zone: String,
}

/// Bulk operations: one action on many integrations.
#[async_trait]
pub trait Bulk: Send + Sync {
    /// Looks at what an action would do, and keeps that as an operation. Nothing is done yet.
    async fn plan(&self, admin: &Admin, form: BulkForm) -> Result<BulkId, Failure>;
    /// Starts a planned operation; one that was started already stays as it is.
    async fn start(&self, admin: &Admin, id: BulkId) -> Result<(), Failure>;
    /// No further item begins; what is under way ends.
    async fn stop(&self, admin: &Admin, id: BulkId) -> Result<(), Failure>;
    /// Plans what failed or was not done once more; however often it is asked for, that is one new operation.
    async fn retry(&self, admin: &Admin, id: BulkId) -> Result<BulkId, Failure>;
    /// Operations, latest first.
    async fn operations(
        &self,
        viewer: &Viewer,
        after: Option<Cursor>,
    ) -> Result<Page<BulkOperation>, Failure>;
    async fn operation(&self, viewer: &Viewer, id: BulkId) -> Result<BulkReport, Failure>;
}

/// An operation with each of its items, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkReport {
    pub operation: BulkOperation,
    pub items: Vec<BulkItem>,
}

/// Plane's webhooks, and what they brought.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// An integration's webhook, if its address was made.
    async fn webhook(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
    ) -> Result<WebhookReport, Failure>;
    /// Makes the address; one that is there stays.
    async fn create_webhook(
        &self,
        admin: &Admin,
        integration: IntegrationId,
    ) -> Result<(), Failure>;
    /// Sets the secret that Plane made. The one before counts for a day more. What was not believed is checked again.
    async fn save_secret(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        secret: String,
    ) -> Result<Rechecked, Failure>;
    /// Until the new secret is pasted, or for a day, deliveries that fail are held and answered as received; or ends that.
    async fn rotate(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        is_open: bool,
    ) -> Result<(), Failure>;
    /// Makes a secret here, for senders that take one, and shows it for ten minutes.
    async fn make_secret(&self, admin: &Admin, integration: IntegrationId) -> Result<(), Failure>;
    /// Shows it no more.
    async fn hide_secret(&self, admin: &Admin, integration: IntegrationId) -> Result<(), Failure>;
    /// Sends a signed delivery over the public address; how that went is in the next report.
    async fn test_itself(&self, admin: &Admin, integration: IntegrationId) -> Result<(), Failure>;
    /// Sets how long events are kept, and forgets what is older at once.
    async fn keep_events(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        keeps: Retention,
    ) -> Result<(), Failure>;
    /// Those that should have told of something and did not.
    async fn silent_webhooks(&self, viewer: &Viewer) -> Result<Vec<SilentWebhook>, Failure>;
    /// What was received, latest first.
    async fn bursts(
        &self,
        viewer: &Viewer,
        filter: &BurstFilter,
        after: Option<Cursor>,
    ) -> Result<Page<BurstRow>, Failure>;
    /// One of them. For whom it is `unmasked`, e-mail addresses and secrets are shown, which goes into the history.
    async fn burst(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        id: BurstId,
        unmasked: Option<&Admin>,
    ) -> Result<BurstReport, Failure>;
    /// Applies one burst once more, whatever became of it.
    async fn apply_again(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        burst: BurstId,
    ) -> Result<(), Failure>;
    /// Begins to apply bursts once more, or to look at what that would change.
    async fn start_replay(
        &self,
        admin: &Admin,
        scope: ReplayScope,
        is_dry: bool,
    ) -> Result<ReplayId, Failure>;
    async fn replay(&self, viewer: &Viewer, id: ReplayId) -> Result<Replay, Failure>;
    /// The latest ones.
    async fn replays(&self, viewer: &Viewer) -> Result<Vec<Replay>, Failure>;
    async fn cancel_replay(&self, admin: &Admin, id: ReplayId) -> Result<(), Failure>;
}

/// A webhook that should have told of something and did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilentWebhook {
    pub integration: IntegrationId,
    pub integration_name: String,
    pub silence: Silence,
    pub since: DateTime<Utc>,
}

/// A webhook with what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookReport {
    pub integration: IntegrationRow,
    pub webhook: Option<Webhook>,
    /// What is entered in Plane, if it was made.
    pub address: Option<String>,
    /// Where Plane shows its webhooks.
    pub plane_settings: String,
    /// Whatever Plane would refuse the address for.
    pub refusals: Vec<AddressProblem>,
    /// Who was first with the changes of the last day, and of the last week.
    pub day: Coverage,
    pub week: Coverage,
    /// A secret that was made here a moment ago, to be copied; for admins alone.
    pub made_secret: Option<TypedKey>,
}

/// Why Plane would refuse an address, or not deliver to it, and what lifts that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressProblem {
    pub says: String,
    pub advice: String,
}

/// What became of deliveries that were not believed, with a new secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rechecked {
    pub verified: u32,
    pub rejected: u32,
}

/// A burst in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct BurstRow {
    pub burst: Burst,
    pub integration_name: String,
    /// `WEB-7`, of a work item whose project is copied.
    pub identifier: Option<String>,
}

/// A burst with its events, the first one first.
#[derive(Clone, Debug, PartialEq)]
pub struct BurstReport {
    pub row: BurstRow,
    pub events: Vec<EventReport>,
    /// The work item in the copy, if it is there.
    pub is_copied: bool,
    /// In Plane.
    pub plane_url: Option<String>,
}

/// An event as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct EventReport {
    pub received_at: DateTime<Utc>,
    /// Its name: `work_item.updated`.
    pub name: String,
    pub field: Option<String>,
    /// What the field was and is, as far as the event tells.
    pub before: Option<String>,
    pub after: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
    pub duplicates: u32,
    /// Name and value.
    pub headers: Vec<(String, String)>,
    /// Indented, with e-mail addresses and secrets masked unless an admin asked for them.
    pub body: String,
    /// A command that sends it once more, for whoever sees it without masks.
    pub curl: Option<String>,
}

/// What the list's form for many integrations sends, unchecked but for ids and filter.
#[derive(Clone, Debug, Default)]
pub struct BulkForm {
    pub ids: Vec<IntegrationId>,
    /// All that the filter shows, whatever is ticked.
    pub all: bool,
    pub filter: IntegrationFilter,
    /// `domain::bulk::BulkAction` as JSON names it.
    pub action: String,
    pub interval_minutes: String,
    pub with_tag: String,
    pub note: String,
}

/// The ports, in a page or a server function.
pub fn backend() -> Backend {
    expect_context()
}

/// This request.
pub fn visit() -> Visit {
    expect_context()
}

/// The guard of everything that reads: somebody signed in.
pub fn viewer() -> Result<Viewer, Failure> {
    use_context::<Visit>()
        .and_then(|v| v.user)
        .map(User::viewer)
        .ok_or(Failure::SignIn)
}

/// The guard of a screen's page: a screen, or somebody signed in who wants to see it.
pub fn screen_viewer() -> Result<Viewer, Failure> {
    let screen = use_context::<Visit>().and_then(|visit| visit.screen);
    match screen {
        Some(screen) => Viewer::of_screen(&screen).map_err(|_| Failure::SignIn),
        None => viewer(),
    }
}

/// The guard of everything that changes something: the first line of its server function.
pub fn admin() -> Result<Admin, Failure> {
    let user = use_context::<Visit>()
        .and_then(|v| v.user)
        .ok_or(Failure::SignIn)?;
    user.admin().ok_or(Failure::Forbidden)
}

/// The session cookie's name: the `__Host-` prefix pins it to this very host, and browsers take it over https alone.
pub fn session_cookie(is_secure: bool) -> &'static str {
    if is_secure { "__Host-hangar" } else { "hangar" }
}

/// The same of the cookie that makes a browser a screen.
pub fn screen_cookie(is_secure: bool) -> &'static str {
    if is_secure {
        "__Host-hangar-screen"
    } else {
        "hangar-screen"
    }
}

/// Hands the browser its session, in answer to a server function.
pub fn begin_session(session: &SessionToken) {
    set_cookie(session_cookie(visit().is_secure), &session.0, "HttpOnly; ");
}

/// Takes the session away from the browser; the server has ended it.
pub fn end_session() {
    set_cookie(
        session_cookie(visit().is_secure),
        "",
        "Max-Age=0; HttpOnly; ",
    );
}

/// Remembers the theme for a year.
pub fn remember_theme(theme: Theme) {
    set_cookie("hangar-theme", theme.word(), "Max-Age=31536000; ");
}

fn set_cookie(name: &str, value: &str, attributes: &str) {
    let secure = if visit().is_secure { "Secure; " } else { "" };
    let cookie = format!("{name}={value}; {attributes}{secure}Path=/; SameSite=Lax");
    if let Ok(cookie) = http::HeaderValue::from_str(&cookie) {
        expect_context::<leptos_axum::ResponseOptions>()
            .append_header(http::header::SET_COOKIE, cookie);
    }
}
