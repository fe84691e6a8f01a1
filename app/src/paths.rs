use domain::ids::{
    BulkId, BurstId, ChannelId, DraftId, IntegrationId, ProblemId, ProjectId, ReplayId, RuleId,
    RunId, TestId, WorkItemId,
};

pub const OVERVIEW: &str = "/";
pub const SET_UP: &str = "/setup";
pub const SIGN_IN: &str = "/sign-in";
pub const INTEGRATIONS: &str = "/integrations";
pub const NEW_INTEGRATION: &str = "/integrations/new";
pub const BULK: &str = "/bulk";
pub const PROJECTS: &str = "/projects";
pub const RUNS: &str = "/runs";
pub const WEBHOOKS: &str = "/webhooks";
pub const PROBLEMS: &str = "/problems";
pub const ALERTS: &str = "/alerts";
pub const NEW_RULE: &str = "/alerts/rules/new";
pub const CHANNELS: &str = "/alerts/channels";
pub const NEW_CHANNEL: &str = "/alerts/channels/new";
pub const ALERT_LOG: &str = "/alerts/log";
pub const REPLAYS: &str = "/webhooks/replays";
pub const BUDGET: &str = "/budget";
pub const OBJECTIVES: &str = "/objectives";
pub const PEOPLE: &str = "/settings/people";
pub const PROFILE: &str = "/settings/profile";
pub const SCREENS: &str = "/settings/screens";
/// What a screen on a wall shows.
pub const SCREEN: &str = "/screen";
/// Server-sent events: one now and one every half minute.
pub const LIVE_SCREEN: &str = "/live/screen";
pub const BACKUPS: &str = "/settings/backups";
pub const SETTINGS: &str = "/settings";

pub fn integration(id: IntegrationId) -> String {
    format!("/integrations/{id}")
}

pub fn edit_integration(id: IntegrationId) -> String {
    format!("/integrations/{id}/edit")
}

pub fn replace_key(id: IntegrationId) -> String {
    format!("/integrations/{id}/key")
}

pub fn delete_integration(id: IntegrationId) -> String {
    format!("/integrations/{id}/delete")
}

/// An integration's webhook.
pub fn webhook(id: IntegrationId) -> String {
    format!("/integrations/{id}/webhook")
}

/// The same, with what became of deliveries that were checked again.
pub fn webhook_checked(id: IntegrationId, checked: crate::Rechecked) -> String {
    format!(
        "{}?verified={}&rejected={}",
        webhook(id),
        checked.verified,
        checked.rejected
    )
}

/// What one edit in Plane brought.
pub fn burst(integration: IntegrationId, burst: BurstId) -> String {
    format!("/webhooks/{integration}/{burst}")
}

/// The same without masks; for admins, and told in the history.
pub fn burst_unmasked(integration: IntegrationId, id: BurstId) -> String {
    format!("{}?unmasked=true", burst(integration, id))
}

/// One replay of what webhooks brought.
pub fn replay(id: ReplayId) -> String {
    format!("{REPLAYS}/{id}")
}

pub fn history(id: IntegrationId) -> String {
    format!("/integrations/{id}/history")
}

/// Whether an integration's connection works, and its tests; with `.csv` or `.json` behind it, those tests as a file.
pub fn connection(id: IntegrationId) -> String {
    format!("/integrations/{id}/connection")
}

/// What is looked at of an integration, and the health log; with `.csv` or `.json` behind it, that log as a file.
pub fn health(id: IntegrationId) -> String {
    format!("/integrations/{id}/health")
}

/// Every call to Plane for an integration; with `.csv` or `.json` behind it, as a file.
pub fn calls(id: IntegrationId) -> String {
    format!("/integrations/{id}/calls")
}

/// Everything that happened to an integration; with `.csv` or `.json` behind it, as a file.
pub fn timeline(id: IntegrationId) -> String {
    format!("/integrations/{id}/timeline")
}

/// How syncing an integration went over time, drawn.
pub fn trends(id: IntegrationId) -> String {
    format!("/integrations/{id}/trends")
}

/// What is promised of an integration.
pub fn objectives(id: IntegrationId) -> String {
    format!("/integrations/{id}/objectives")
}

/// The result of one connection test, as a page.
pub fn connection_test(integration: IntegrationId, id: TestId) -> String {
    format!("/integrations/{integration}/tests/{id}")
}

pub fn project(integration: IntegrationId, project: ProjectId) -> String {
    format!("/integrations/{integration}/projects/{project}")
}

pub fn labels(integration: IntegrationId, project: ProjectId) -> String {
    format!("/integrations/{integration}/projects/{project}/labels")
}

/// The cycles and modules of a project.
pub fn collections(integration: IntegrationId, project: ProjectId) -> String {
    format!("/integrations/{integration}/projects/{project}/collections")
}

/// How a project's copy compares with Plane.
pub fn drift(integration: IntegrationId, project: ProjectId) -> String {
    format!("/integrations/{integration}/projects/{project}/drift")
}

pub fn deleted_items(integration: IntegrationId, project: ProjectId) -> String {
    format!("/integrations/{integration}/projects/{project}/deleted")
}

pub fn work_item(integration: IntegrationId, project: ProjectId, item: WorkItemId) -> String {
    format!("/integrations/{integration}/projects/{project}/work-items/{item}")
}

pub fn run(id: RunId) -> String {
    format!("/runs/{id}")
}

/// A rule of alerts.
pub fn rule(id: RuleId) -> String {
    format!("{ALERTS}/rules/{id}")
}

/// Where alerts go.
pub fn channel(id: ChannelId) -> String {
    format!("{CHANNELS}/{id}")
}

/// Where a screen begins: with it the browser becomes that screen.
pub fn screen(token: &str) -> String {
    format!("{SCREEN}/{token}")
}

/// One problem.
pub fn problem(id: ProblemId) -> String {
    format!("{PROBLEMS}/{id}")
}

/// One bulk operation.
pub fn bulk(id: BulkId) -> String {
    format!("/bulk/{id}")
}

/// Server-sent events of a bulk operation: `app::bulk::live::Event` as JSON, once at the start and on every change.
pub fn live_bulk(id: BulkId) -> String {
    format!("/live/bulk/{id}")
}

/// The run's calls to Plane.
pub fn run_calls(id: RunId) -> String {
    format!("/runs/{id}/calls")
}

/// Server-sent events of a run: `domain::run::SyncRun` as JSON, once at the start and on every change.
pub fn live_run(id: RunId) -> String {
    format!("/live/runs/{id}")
}

/// Server-sent events: one whenever webhooks brought something or that was applied, and one at the start.
pub const LIVE_WEBHOOKS: &str = "/live/webhooks";

/// POST: makes a connection test and streams `domain::connection_test::TestProgress` as server-sent events.
pub const LIVE_TEST: &str = "/live/connection-test";

/// `path` with the draft that keeps what was typed.
pub fn with_draft(path: &str, draft: DraftId) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}draft={draft}")
}
