//! Ports that answer what a test put in, people to sign in as, and a page as the browser would get it.

use std::{collections::BTreeSet, sync::Arc};

use app::{
    Accounts, Alerts, AlertsReport, Assets, Backend, BackupReport, Backups, Bulk, BulkForm,
    BulkReport, BurstReport, BurstRow, ChannelForm, CheckNow, DeliveryRow, Draft, Failure, Health,
    Inbox, IntegrationForm, Integrations, KeyBudget, Mirror, PasswordForm, PersonForm, ProblemForm,
    ProblemPage, ProblemReport, Problems, Rechecked, RuleForm, RunRecord, Runs, ScreenRow,
    SessionToken, SetUpForm, SilentWebhook, Theme, Totals, Visit, WebhookReport,
};
use async_trait::async_trait;
use axum::{body::Body, http::Request};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::{Admin, Role, User, Viewer},
    alerts::{Channel, DeliveryState},
    audit::AuditEntry,
    bulk::BulkOperation,
    checks::{Check, HealthChange},
    collection::Collection,
    connection_test::ConnectionTest,
    drift::DriftCheck,
    ids::{
        BulkId, BurstId, ChannelId, DraftId, IntegrationId, ProblemId, ProjectId, ReplayId, RuleId,
        RunId, TestId, UserId, WorkItemId,
    },
    inbox::{BurstFilter, Retention},
    integration::{
        DeletionCost, IntegrationCounts, IntegrationFilter, IntegrationList, IntegrationRow,
    },
    mirror::{
        DeletedItem, Facets, LabelCount, ProjectFilter, ProjectList, ProjectRow, Restore,
        WorkItemDetail, WorkItemFilter, WorkItemRow,
    },
    page::{Cursor, Page},
    problems::ProblemFilter,
    range::Range,
    replay::{Replay, ReplayScope},
    run::{RunFilter, SyncRun},
    run_log::ApiCall,
    timeline::{TimelineEntry, TimelineKind},
    usage::CallRecord,
};
use leptos::prelude::provide_context;
use scraper::{Html, Selector};

use crate::trends::CannedTrends;

/// Every answer of the ports. Lists are empty and single things are not found unless a test says otherwise.
#[derive(Clone)]
pub(crate) struct Canned {
    pub(crate) may_set_up: Result<bool, Failure>,
    pub(crate) people: Result<Vec<User>, Failure>,
    pub(crate) draft: Option<Draft>,
    pub(crate) integrations: Result<Page<IntegrationRow>, Failure>,
    /// `None`: as many as are on the page.
    pub(crate) matching: Option<u32>,
    pub(crate) counts: IntegrationCounts,
    pub(crate) integration: Result<IntegrationRow, Failure>,
    pub(crate) deletion_cost: Result<DeletionCost, Failure>,
    pub(crate) tests: Result<Page<ConnectionTest>, Failure>,
    pub(crate) test: Result<ConnectionTest, Failure>,
    pub(crate) history: Result<Page<AuditEntry>, Failure>,
    pub(crate) totals: Result<Totals, Failure>,
    pub(crate) projects: Result<ProjectList, Failure>,
    pub(crate) project: Result<ProjectRow, Failure>,
    pub(crate) work_items: Result<Page<WorkItemRow>, Failure>,
    pub(crate) work_item: Result<WorkItemDetail, Failure>,
    pub(crate) facets: Result<Facets, Failure>,
    pub(crate) labels: Result<Vec<LabelCount>, Failure>,
    pub(crate) deleted: Result<Page<DeletedItem>, Failure>,
    pub(crate) drift_checks: Result<Page<DriftCheck>, Failure>,
    pub(crate) runs: Result<Page<SyncRun>, Failure>,
    pub(crate) run: Result<SyncRun, Failure>,
    pub(crate) running: Result<Vec<SyncRun>, Failure>,
    pub(crate) record: RunRecord,
    pub(crate) calls: Page<ApiCall>,
    pub(crate) operations: Result<Page<BulkOperation>, Failure>,
    pub(crate) operation: Result<BulkReport, Failure>,
    pub(crate) webhook: Result<WebhookReport, Failure>,
    pub(crate) silent: Vec<SilentWebhook>,
    pub(crate) replay: Result<Replay, Failure>,
    pub(crate) bursts: Result<Page<BurstRow>, Failure>,
    pub(crate) burst: Result<BurstReport, Failure>,
    pub(crate) budgets: Result<Vec<KeyBudget>, Failure>,
    pub(crate) checks: Result<Vec<CheckNow>, Failure>,
    pub(crate) log: Result<Page<HealthChange>, Failure>,
    pub(crate) problems: Result<ProblemPage, Failure>,
    pub(crate) problem: Result<ProblemReport, Failure>,
    pub(crate) all_calls: Page<CallRecord>,
    pub(crate) timeline: Page<TimelineEntry>,
    pub(crate) alerts: AlertsReport,
    pub(crate) backups: BackupReport,
    pub(crate) signing_key: Option<String>,
    pub(crate) deliveries: Page<DeliveryRow>,
    pub(crate) trends: CannedTrends,
    pub(crate) screens: Vec<ScreenRow>,
}

impl Default for Canned {
    fn default() -> Self {
        Self {
            may_set_up: Ok(false),
            people: Ok(Vec::new()),
            draft: None,
            integrations: Ok(Page::empty()),
            matching: None,
            counts: IntegrationCounts::default(),
            integration: Err(Failure::NotFound),
            deletion_cost: Ok(DeletionCost::default()),
            tests: Ok(Page::empty()),
            test: Err(Failure::NotFound),
            history: Ok(Page::empty()),
            totals: Ok(Totals::default()),
            projects: Ok(ProjectList::default()),
            project: Err(Failure::NotFound),
            work_items: Ok(Page::empty()),
            work_item: Err(Failure::NotFound),
            facets: Ok(Facets::default()),
            labels: Ok(Vec::new()),
            deleted: Ok(Page::empty()),
            drift_checks: Ok(Page::empty()),
            runs: Ok(Page::empty()),
            run: Err(Failure::NotFound),
            running: Ok(Vec::new()),
            record: RunRecord::default(),
            calls: Page::empty(),
            operations: Ok(Page::empty()),
            operation: Err(Failure::NotFound),
            webhook: Err(Failure::NotFound),
            bursts: Ok(Page::empty()),
            burst: Err(Failure::NotFound),
            silent: Vec::new(),
            replay: Err(Failure::NotFound),
            checks: Ok(vec![]),
            log: Ok(Page::empty()),
            problems: Ok(ProblemPage {
                page: Page::empty(),
                counts: vec![],
                integrations: vec![],
            }),
            problem: Err(Failure::NotFound),
            all_calls: Page::empty(),
            timeline: Page::empty(),
            alerts: AlertsReport::default(),
            backups: BackupReport::Off,
            signing_key: None,
            deliveries: Page::empty(),
            budgets: Ok(Vec::new()),
            trends: CannedTrends::default(),
            screens: vec![],
        }
    }
}

/// The time of every request.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

/// A person who may change things.
pub(crate) fn admin() -> User {
    User {
        id: UserId(uuid::Uuid::from_u128(1)),
        email: "maya@example.com".parse().unwrap(),
        name: "Maya Keller".parse().unwrap(),
        role: Role::Admin,
        is_active: true,
        created_at: now() - TimeDelta::days(30),
        last_sign_in_at: Some(now() - TimeDelta::minutes(3)),
    }
}

/// A person who may only look.
pub(crate) fn lead() -> User {
    User {
        id: UserId(uuid::Uuid::from_u128(2)),
        email: "jonas@example.com".parse().unwrap(),
        name: "Jonas".parse().unwrap(),
        role: Role::Lead,
        last_sign_in_at: None,
        ..admin()
    }
}

/// What the browser got.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) html: String,
}

impl Answer {
    /// Whether an element is there.
    pub(crate) fn has(&self, selector: &str) -> bool {
        self.count(selector) > 0
    }

    pub(crate) fn count(&self, selector: &str) -> usize {
        self.document()
            .select(&Selector::parse(selector).unwrap())
            .count()
    }

    /// The words of each element, spaces as one; nothing between words of neighbouring elements.
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let selector = Selector::parse(selector).unwrap();
        self.document()
            .select(&selector)
            .map(|e| {
                e.text()
                    .collect::<String>()
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect()
    }

    /// The words of the first element.
    pub(crate) fn text(&self, selector: &str) -> String {
        self.texts(selector)
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("no {selector} in {}", self.html))
    }

    /// An attribute of the first element.
    pub(crate) fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        let document = self.document();
        let selector = Selector::parse(selector).unwrap();
        let found = document.select(&selector);
        found
            .filter_map(|element| element.attr(name).map(ToOwned::to_owned))
            .collect()
    }

    pub(crate) fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let document = self.document();
        let found = document
            .select(&Selector::parse(selector).unwrap())
            .next()?;
        found.value().attr(name).map(ToOwned::to_owned)
    }

    /// A screen reader lists the regions of a page by their names.
    fn expect_unique_regions(&self) {
        let document = self.document();
        let regions = Selector::parse("[role=region]").unwrap();
        let mut seen = BTreeSet::new();
        for region in document.select(&regions) {
            let name = region.attr("aria-label").unwrap_or_default().to_owned();
            assert!(
                seen.insert(name),
                "two regions of one name: {}",
                region.html()
            );
        }
    }

    fn document(&self) -> Html {
        Html::parse_document(&self.html)
    }
}

/// The page at `path` for `user` (`None`: nobody is signed in).
pub(crate) async fn get(canned: Canned, user: Option<User>, path: &str) -> Answer {
    get_with(
        canned,
        Visit {
            user,
            ..visit(path)
        },
    )
    .await
}

/// The page for a visit; its path says which.
pub(crate) async fn get_with(canned: Canned, visit: Visit) -> Answer {
    // Starts the framework's executor.
    let _ = leptos_axum::generate_route_list(|| ());
    let request = Request::builder()
        .uri(visit.path.clone())
        .body(Body::empty())
        .unwrap();
    let canned = Arc::new(canned);
    let backend = Backend {
        accounts: canned.clone(),
        integrations: canned.clone(),
        mirror: canned.clone(),
        runs: canned.clone(),
        bulk: canned.clone(),
        inbox: canned.clone(),
        health: canned.clone(),
        problems: canned.clone(),
        alerts: canned.clone(),
        trends: canned.clone(),
        screens: canned.clone(),
        backups: canned,
    };
    let provide = move || {
        provide_context(backend.clone());
        provide_context(visit.clone());
    };
    let response = app::render::render(request, provide, app::shell::shell).await;
    let status = response.status().as_u16();
    let location = response
        .headers()
        .get("location")
        .map(|to| to.to_str().unwrap().to_owned());
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    let answer = Answer {
        status,
        location,
        html: String::from_utf8(body.to_vec()).unwrap(),
    };
    answer.expect_unique_regions();
    answer
}

/// A visit of nobody.
pub(crate) fn visit(path: &str) -> Visit {
    Visit {
        user: None,
        screen: None,
        now: now(),
        theme: Theme::System,
        path: path.to_owned(),
        session: None,
        request_id: "request-1".to_owned(),
        is_secure: false,
        assets: Assets {
            css: Some("/pkg/main.css".to_owned()),
            js: Some("/pkg/hangar.js".to_owned()),
            wasm: Some("/pkg/hangar.wasm".to_owned()),
            dev_reload: false,
        },
    }
}

const CHANGES_NOTHING: &str = "a page changes nothing";

#[async_trait]
impl Accounts for Canned {
    async fn may_set_up(&self, _: &str) -> Result<bool, Failure> {
        self.may_set_up.clone()
    }
    async fn set_up(&self, _: SetUpForm) -> Result<SessionToken, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn sign_in(&self, _: &str, _: String) -> Result<SessionToken, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn sign_out(&self, _: &SessionToken) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn people(&self, _: &Viewer) -> Result<Vec<User>, Failure> {
        self.people.clone()
    }
    async fn add_person(&self, _: &Admin, _: PersonForm) -> Result<User, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn set_role(&self, _: &Admin, _: UserId, _: Role) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn set_active(&self, _: &Admin, _: UserId, _: bool) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn change_password(&self, _: &Viewer, _: PasswordForm) -> Result<SessionToken, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn draft(&self, _: Option<&Viewer>, _: DraftId) -> Result<Option<Draft>, Failure> {
        Ok(self.draft.clone())
    }
}

#[async_trait]
impl Integrations for Canned {
    async fn list(
        &self,
        _: &Viewer,
        _: &IntegrationFilter,
        _: Option<Cursor>,
    ) -> Result<IntegrationList, Failure> {
        let Page { rows, next } = self.integrations.clone()?;
        let matching = self.matching.unwrap_or(rows.len() as u32);
        Ok(IntegrationList {
            rows,
            next,
            matching,
        })
    }
    async fn counts(&self, _: &Viewer) -> Result<IntegrationCounts, Failure> {
        Ok(self.counts)
    }
    async fn get(&self, _: &Viewer, _: IntegrationId) -> Result<IntegrationRow, Failure> {
        self.integration.clone()
    }
    async fn create(&self, _: &Admin, _: IntegrationForm) -> Result<IntegrationId, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn update(&self, _: &Admin, _: IntegrationId, _: IntegrationForm) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn set_active(&self, _: &Admin, _: IntegrationId, _: bool) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn replace_key(
        &self,
        _: &Admin,
        _: IntegrationId,
        _: String,
        _: &str,
    ) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn deletion_cost(&self, _: &Viewer, _: IntegrationId) -> Result<DeletionCost, Failure> {
        self.deletion_cost.clone()
    }
    async fn delete(&self, _: &Admin, _: IntegrationId, _: &str) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn test(&self, _: &Admin, _: IntegrationId) -> Result<ConnectionTest, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn test_form(&self, _: &Admin, _: IntegrationForm) -> Result<DraftId, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn tests(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: bool,
        _: Option<Cursor>,
    ) -> Result<Page<ConnectionTest>, Failure> {
        self.tests.clone()
    }
    async fn connection_test(&self, _: &Viewer, _: TestId) -> Result<ConnectionTest, Failure> {
        self.test.clone()
    }
    async fn history(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: Option<Cursor>,
    ) -> Result<Page<AuditEntry>, Failure> {
        self.history.clone()
    }
}

#[async_trait]
impl Mirror for Canned {
    async fn totals(&self, _: &Viewer) -> Result<Totals, Failure> {
        self.totals.clone()
    }
    async fn projects(
        &self,
        _: &Viewer,
        _: &ProjectFilter,
        _: Option<Cursor>,
    ) -> Result<ProjectList, Failure> {
        self.projects.clone()
    }
    async fn project(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: ProjectId,
    ) -> Result<ProjectRow, Failure> {
        self.project.clone()
    }
    async fn work_items(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: ProjectId,
        _: &WorkItemFilter,
        _: Option<Cursor>,
    ) -> Result<Page<WorkItemRow>, Failure> {
        self.work_items.clone()
    }
    async fn work_item(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: ProjectId,
        _: WorkItemId,
    ) -> Result<WorkItemDetail, Failure> {
        self.work_item.clone()
    }
    async fn facets(&self, _: &Viewer, _: IntegrationId, _: ProjectId) -> Result<Facets, Failure> {
        self.facets.clone()
    }
    async fn labels(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: ProjectId,
    ) -> Result<Vec<LabelCount>, Failure> {
        self.labels.clone()
    }
    async fn collections(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: ProjectId,
    ) -> Result<Vec<Collection>, Failure> {
        Ok(self.facets.clone()?.collections)
    }
    async fn drift_checks(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: ProjectId,
        _: Option<Cursor>,
    ) -> Result<Page<DriftCheck>, Failure> {
        self.drift_checks.clone()
    }
    async fn deleted(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: ProjectId,
        _: Option<Cursor>,
    ) -> Result<Page<DeletedItem>, Failure> {
        self.deleted.clone()
    }
    async fn restore(
        &self,
        _: &Admin,
        _: IntegrationId,
        _: ProjectId,
        _: Restore,
    ) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn discard(
        &self,
        _: &Admin,
        _: IntegrationId,
        _: ProjectId,
        _: WorkItemId,
    ) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
}

#[async_trait]
impl Health for Canned {
    async fn budgets(&self, _: &Viewer, _: Range) -> Result<Vec<KeyBudget>, Failure> {
        self.budgets.clone()
    }
    async fn checks(&self, _: &Viewer, _: IntegrationId) -> Result<Vec<CheckNow>, Failure> {
        self.checks.clone()
    }
    async fn calls(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: bool,
        _: Option<Cursor>,
    ) -> Result<Page<CallRecord>, Failure> {
        Ok(self.all_calls.clone())
    }
    async fn timeline(
        &self,
        _: &Viewer,
        _: IntegrationId,
        only: Option<TimelineKind>,
        _: Option<Cursor>,
    ) -> Result<Page<TimelineEntry>, Failure> {
        let mut page = self.timeline.clone();
        page.rows
            .retain(|entry| only.is_none_or(|only| only == entry.kind()));
        Ok(page)
    }
    async fn log(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: Option<Check>,
        _: Option<Cursor>,
    ) -> Result<Page<HealthChange>, Failure> {
        self.log.clone()
    }
}

#[async_trait]
impl Alerts for Canned {
    async fn overview(&self, _: &Viewer) -> Result<AlertsReport, Failure> {
        Ok(self.alerts.clone())
    }
    async fn channel(&self, _: &Viewer, id: ChannelId) -> Result<Channel, Failure> {
        let mut channels = self.alerts.channels.iter();
        let found = channels.find(|channel| channel.id == id);
        found.cloned().ok_or(Failure::NotFound)
    }
    async fn signing_key(&self, _: &Admin, _: ChannelId) -> Result<Option<String>, Failure> {
        Ok(self.signing_key.clone())
    }
    async fn save_channel(&self, _: &Admin, _: ChannelForm) -> Result<ChannelId, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn delete_channel(&self, _: &Admin, _: ChannelId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn save_rule(&self, _: &Admin, _: RuleForm) -> Result<RuleId, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn delete_rule(&self, _: &Admin, _: RuleId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn test_rule(&self, _: &Admin, _: RuleId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn test_channel(&self, _: &Admin, _: ChannelId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn deliveries(
        &self,
        _: &Viewer,
        _: Option<ChannelId>,
        _: Option<RuleId>,
        _: Option<DeliveryState>,
        _: Option<Cursor>,
    ) -> Result<Page<DeliveryRow>, Failure> {
        Ok(self.deliveries.clone())
    }
}

#[async_trait]
impl Backups for Canned {
    async fn report(&self, viewer: &Viewer) -> Result<BackupReport, Failure> {
        let mut report = self.backups.clone();
        if let BackupReport::On { directory, .. } = &mut report {
            *directory = directory.take().filter(|_| viewer.is_admin());
        }
        Ok(report)
    }
    async fn make(&self, _: &Admin) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
}

#[async_trait]
impl Problems for Canned {
    async fn list(
        &self,
        _: &Viewer,
        _: &ProblemFilter,
        _: Option<Cursor>,
    ) -> Result<ProblemPage, Failure> {
        self.problems.clone()
    }
    async fn get(
        &self,
        _: &Viewer,
        _: ProblemId,
        _: Option<Cursor>,
    ) -> Result<ProblemReport, Failure> {
        self.problem.clone()
    }
    async fn act(&self, _: &Admin, _: ProblemId, _: ProblemForm) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
}

#[async_trait]
impl Runs for Canned {
    async fn start(&self, _: &Admin, _: IntegrationId) -> Result<RunId, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn pause(&self, _: &Admin, _: IntegrationId, _: &str) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn resume(&self, _: &Admin, _: IntegrationId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn cancel(&self, _: &Admin, _: RunId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn release(&self, _: &Admin, _: IntegrationId, _: ProjectId) -> Result<RunId, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn compare(&self, _: &Admin, _: IntegrationId, _: ProjectId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn reread(&self, _: &Admin, _: IntegrationId, _: ProjectId) -> Result<RunId, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn runs(
        &self,
        _: &Viewer,
        _: &RunFilter,
        _: Option<Cursor>,
    ) -> Result<Page<SyncRun>, Failure> {
        self.runs.clone()
    }
    async fn run(&self, _: &Viewer, _: RunId) -> Result<SyncRun, Failure> {
        self.run.clone()
    }
    async fn record(&self, _: &Viewer, _: &SyncRun) -> Result<RunRecord, Failure> {
        Ok(self.record.clone())
    }
    async fn calls(
        &self,
        _: &Viewer,
        _: &SyncRun,
        _: Option<Cursor>,
    ) -> Result<Page<ApiCall>, Failure> {
        Ok(self.calls.clone())
    }
    async fn running(&self, _: &Viewer) -> Result<Vec<SyncRun>, Failure> {
        self.running.clone()
    }
}

#[async_trait]
impl Bulk for Canned {
    async fn plan(&self, _: &Admin, _: BulkForm) -> Result<BulkId, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn start(&self, _: &Admin, _: BulkId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn stop(&self, _: &Admin, _: BulkId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn retry(&self, _: &Admin, _: BulkId) -> Result<BulkId, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn operations(
        &self,
        _: &Viewer,
        _: Option<Cursor>,
    ) -> Result<Page<BulkOperation>, Failure> {
        self.operations.clone()
    }
    async fn operation(&self, _: &Viewer, _: BulkId) -> Result<BulkReport, Failure> {
        self.operation.clone()
    }
}

#[async_trait]
impl Inbox for Canned {
    async fn webhook(&self, _: &Viewer, _: IntegrationId) -> Result<WebhookReport, Failure> {
        self.webhook.clone()
    }
    async fn create_webhook(&self, _: &Admin, _: IntegrationId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn save_secret(
        &self,
        _: &Admin,
        _: IntegrationId,
        _: String,
    ) -> Result<Rechecked, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn rotate(&self, _: &Admin, _: IntegrationId, _: bool) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn bursts(
        &self,
        _: &Viewer,
        _: &BurstFilter,
        _: Option<Cursor>,
    ) -> Result<Page<BurstRow>, Failure> {
        self.bursts.clone()
    }
    async fn burst(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: BurstId,
        _: Option<&Admin>,
    ) -> Result<BurstReport, Failure> {
        self.burst.clone()
    }
    async fn make_secret(&self, _: &Admin, _: IntegrationId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn hide_secret(&self, _: &Admin, _: IntegrationId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn test_itself(&self, _: &Admin, _: IntegrationId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn keep_events(&self, _: &Admin, _: IntegrationId, _: Retention) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn silent_webhooks(&self, _: &Viewer) -> Result<Vec<SilentWebhook>, Failure> {
        Ok(self.silent.clone())
    }
    async fn apply_again(&self, _: &Admin, _: IntegrationId, _: BurstId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn start_replay(&self, _: &Admin, _: ReplayScope, _: bool) -> Result<ReplayId, Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
    async fn replay(&self, _: &Viewer, _: ReplayId) -> Result<Replay, Failure> {
        self.replay.clone()
    }
    async fn replays(&self, _: &Viewer) -> Result<Vec<Replay>, Failure> {
        self.replay
            .clone()
            .map(|replay| vec![replay])
            .or(Ok(Vec::new()))
    }
    async fn cancel_replay(&self, _: &Admin, _: ReplayId) -> Result<(), Failure> {
        unreachable!("{CHANGES_NOTHING}")
    }
}
