use std::sync::{Arc, OnceLock};

use app::{
    Charts, Failure, IntegrationObjectives, LeastBudget, MaintenanceForm, MaintenanceRow,
    OldestCopy, OverviewNumbers, TargetsForm, Trends,
};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::{Admin, Viewer},
    ids::{IntegrationId, MaintenanceId, ProblemId, ProjectId},
    objective::{Kept, Maintenance, Objective, ObjectiveState, Tally, Targets, Windows},
    range::Range,
    run::Outcome,
    trend::{Copies, Happening, HappeningKind, Place, Trend},
    usage::{CallTally, Purpose, Usage},
};
use uuid::Uuid;

use crate::{
    canned::{Answer, Canned, admin, get, lead, now},
    integrations::one,
};

/// What the port of trends answers.
#[derive(Clone, Default)]
pub(crate) struct CannedTrends {
    pub(crate) numbers: OverviewNumbers,
    pub(crate) charts: Option<Charts>,
    pub(crate) objectives: Vec<IntegrationObjectives>,
    pub(crate) maintenance: Vec<MaintenanceRow>,
}

#[async_trait]
impl Trends for Canned {
    async fn figures(&self, _: &Viewer) -> Result<OverviewNumbers, Failure> {
        Ok(self.trends.numbers.clone())
    }
    async fn charts(
        &self,
        _: &Viewer,
        _: Option<IntegrationId>,
        range: Range,
    ) -> Result<Arc<Charts>, Failure> {
        let charts = self.trends.charts.clone();
        Ok(Arc::new(charts.unwrap_or_else(|| empty(range))))
    }
    async fn objectives(&self, _: &Viewer) -> Result<Vec<IntegrationObjectives>, Failure> {
        Ok(self.trends.objectives.clone())
    }
    async fn set_targets(
        &self,
        _: &Admin,
        _: IntegrationId,
        _: TargetsForm,
    ) -> Result<(), Failure> {
        unreachable!("a page changes nothing")
    }
    async fn maintenance(&self, _: &Viewer) -> Result<Vec<MaintenanceRow>, Failure> {
        Ok(self.trends.maintenance.clone())
    }
    async fn announce(&self, _: &Admin, _: MaintenanceForm) -> Result<(), Failure> {
        unreachable!("a page changes nothing")
    }
    async fn end_maintenance(&self, _: &Admin, _: MaintenanceId) -> Result<(), Failure> {
        unreachable!("a page changes nothing")
    }
}

/// Charts of a portal that is new.
fn empty(range: Range) -> Charts {
    let starts = range.starts(now());
    Charts {
        of: None,
        range,
        now: now(),
        until: now(),
        bars: starts.iter().map(|start| (*start, None)).collect(),
        calls: starts
            .iter()
            .map(|start| (*start, Usage::default()))
            .collect(),
        schedule: None,
        happenings: vec![],
        drawn: OnceLock::new(),
    }
}

fn trend(lag_s: u64, failed: u64) -> Trend {
    let mut trend = Trend {
        copies: Copies {
            looked_at: 24,
            fresh: 20,
            good: 23,
            largest_lag_s: lag_s * 3,
            ..Copies::default()
        },
        ..Trend::default()
    };
    trend.copies.lag_s.add_many(lag_s, 20);
    trend.runs.ended.insert(Outcome::Succeeded, 4);
    if failed > 0 {
        trend.runs.ended.insert(Outcome::Failed, failed);
    }
    trend.runs.took_ms.add(8_000);
    trend.runs.items = 1_200;
    trend.webhooks.told = 99;
    trend.webhooks.caught = 1;
    trend.webhooks.lag_ms.add(400);
    trend
}

/// A day with two hours that are known, the second with a failure, an outage and a rotated key.
fn charts() -> Charts {
    let mut charts = empty(Range::Hours24);
    charts.schedule = Some(TimeDelta::minutes(15));
    charts.bars[21].1 = Some(trend(300, 0));
    charts.bars[22].1 = Some(trend(900, 2));
    let mut tally = CallTally {
        calls: 40,
        limited: 3,
        ..CallTally::default()
    };
    tally.failed.insert("timeout".to_owned(), 5);
    tally.failed.insert("refused".to_owned(), 2);
    charts.calls[22].1.by_purpose.insert(Purpose::Sync, tally);
    let start = charts.bars[22].0;
    charts.happenings = vec![
        Happening {
            kind: HappeningKind::Outage,
            from: start,
            until: Some(start + TimeDelta::minutes(20)),
            says: "Plane did not work for Acme".to_owned(),
            place: Place::Problem(ProblemId(Uuid::from_u128(7))),
        },
        Happening {
            kind: HappeningKind::Key,
            from: start + TimeDelta::minutes(30),
            until: None,
            says: "Acme, Maya Keller: Replaced the key.".to_owned(),
            place: Place::Integration(IntegrationId(Uuid::from_u128(1))),
        },
    ];
    charts
}

fn state(objective: Objective, budget: (u64, u64), recent: (u64, u64)) -> ObjectiveState {
    let kept = |tally: (u64, u64)| {
        let tally = Tally::from(tally);
        Kept {
            freshness: tally,
            success: tally,
            coverage: tally,
        }
    };
    let windows = Windows {
        minutes5: kept(recent),
        minutes30: kept(recent),
        hour1: kept(recent),
        hours6: kept(recent),
        days3: kept(recent),
        budget: kept(budget),
    };
    ObjectiveState::new(objective, Targets::default().of(objective), &windows)
}

fn objectives() -> Vec<IntegrationObjectives> {
    vec![
        IntegrationObjectives {
            integration: IntegrationId(Uuid::from_u128(1)),
            name: "Acme <product>".to_owned(),
            states: [
                state(Objective::Freshness, (900, 1000), (0, 20)),
                state(Objective::Success, (995, 1000), (20, 20)),
                state(Objective::Coverage, (0, 0), (0, 0)),
            ],
            is_excused: false,
        },
        IntegrationObjectives {
            integration: IntegrationId(Uuid::from_u128(2)),
            name: "Studio".to_owned(),
            states: [
                state(Objective::Freshness, (1000, 1000), (20, 20)),
                state(Objective::Success, (10, 10), (0, 3)),
                state(Objective::Coverage, (0, 0), (0, 0)),
            ],
            is_excused: true,
        },
    ]
}

fn numbers() -> OverviewNumbers {
    let mut numbers = OverviewNumbers {
        copies: trend(250, 0).copies,
        copies_before: Some(trend(300, 0).copies),
        oldest: Some(OldestCopy {
            integration: IntegrationId(Uuid::from_u128(1)),
            integration_name: "Acme".to_owned(),
            project: ProjectId(Uuid::from_u128(5)),
            project_name: "Mobile".to_owned(),
            age: TimeDelta::minutes(47),
        }),
        budget: Some(LeastBudget {
            integration_name: "Acme".to_owned(),
            state: state(Objective::Freshness, (981, 1000), (95, 100)),
            before: Some(0.7),
        }),
        ..OverviewNumbers::default()
    };
    for (outcome, times) in [
        (Outcome::Succeeded, 412),
        (Outcome::Partial, 2),
        (Outcome::Failed, 2),
        (Outcome::Interrupted, 3),
    ] {
        numbers.runs.ended.insert(outcome, times);
    }
    numbers.runs_before.ended.insert(Outcome::Succeeded, 50);
    numbers.webhooks.told = 1_743;
    numbers.webhooks.caught = 7;
    numbers
}

/// The overview of a portal with something in it.
async fn overview(trends: CannedTrends, path: &str) -> Answer {
    let canned = Canned { trends, ..one() };
    get(canned, Some(lead()), path).await
}

#[tokio::test]
async fn five_numbers_stand_above_everything_each_with_what_it_was_and_a_link() {
    let trends = CannedTrends {
        numbers: numbers(),
        ..CannedTrends::default()
    };
    let page = overview(trends, "/").await;
    assert_eq!(
        page.texts(".figure"),
        [
            "Projects fresh20 / 2483.3 %, 3 late, 1 stale83.3 % a day ago",
            "Oldest copy47 minMobile in Acme95 % at most 4 min, a day ago 15 min",
            "Syncs succeeded, 7 d99 %412 of 416 runs, 2 partial, 3 interrupted100 % the 7 days before",
            "Webhook coverage, 24 h99.6 %7 caught by polling",
            "Error budget left, 28 d62 %least: Acme, freshnesslasts 17 d, 70 % a week ago",
        ]
    );
    assert_eq!(page.count(".figure a[href]"), 5);
}

#[tokio::test]
async fn a_portal_that_measured_nothing_says_so() {
    let page = overview(CannedTrends::default(), "/").await;
    assert_eq!(
        page.texts(".figure"),
        [
            "Projects fresh0 / 0none yet",
            "Oldest copy–Nothing is copied yet.",
            "Syncs succeeded, 7 d–0 of 0 runs",
            "Webhook coverage, 24 h–nothing changed",
            "Error budget left, 28 d–nothing is measured yet",
        ]
    );
    assert_eq!(page.count("figure.chart"), 8);
    assert!(
        page.text("main")
            .contains("No call to Plane failed in 24 h.")
    );
    assert!(!page.has("main form"), "a lead has nothing to press");
}

#[tokio::test]
async fn what_is_drawn_stands_in_a_table_too_and_leads_to_what_is_behind_it() {
    let trends = CannedTrends {
        charts: Some(charts()),
        ..CannedTrends::default()
    };
    let page = overview(trends, "/").await;
    let rows = page.texts("tbody tr");
    let has = |row: &str| rows.iter().any(|one| one.ends_with(row));
    // Age of copies, runs by outcome, calls.
    assert!(has("15 min15 min45 min"), "{rows:?}");
    assert!(
        has("4000206") || has("400020 6") || has("4000 206"),
        "{rows:?}"
    );
    assert!(has("Plane does not answer in time5"), "{rows:?}");
    let span = "/runs?since=2026-11-18T";
    let behind = page.attributes("figure.chart a", "href");
    assert!(
        behind.iter().any(|href| href.starts_with(span)),
        "{behind:?}"
    );
    let received = "/webhooks?since=2026-11-18T";
    let lag_and_coverage = behind.iter().filter(|href| href.starts_with(received));
    assert!(lag_and_coverage.count() >= 4, "{behind:?}");
    let problem = format!("/problems/{}", Uuid::from_u128(7));
    assert!(behind.contains(&problem), "{behind:?}");
    assert!(
        page.text("main")
            .contains("Acme, Maya Keller: Replaced the key.")
    );
}

#[tokio::test]
async fn what_happened_often_is_one_mark_in_each_chart_and_listed_once() {
    let mut charts = charts();
    let start = charts.bars[20].0;
    charts.happenings = (0..130)
        .map(|n| Happening {
            kind: HappeningKind::Change,
            from: start + TimeDelta::seconds(n),
            until: None,
            says: format!("Acme, Maya Keller: Renamed <b>{n}</b>."),
            place: Place::Integration(IntegrationId(Uuid::from_u128(1))),
        })
        .collect();
    let trends = CannedTrends {
        charts: Some(charts),
        ..CannedTrends::default()
    };
    let page = overview(trends, "/").await;
    assert_eq!(page.count("a.mark-change"), 7, "one in each chart");
    let says = page.attribute("a.mark-change", "aria-label").unwrap();
    assert!(says.ends_with(", 130 changes within 1 h"), "{says}");
    let listed = page.texts("#happened li");
    assert_eq!(listed.len(), 100);
    // The latest first, and what people typed is text.
    assert!(listed[0].contains("Renamed <b>129</b>."), "{}", listed[0]);
    assert!(!page.has("#happened b"));
    let text = page.text("#happened");
    assert!(text.contains("30 before that are not listed."), "{text}");
}

#[tokio::test]
async fn objectives_say_what_is_left_and_how_fast_it_goes() {
    let canned = Canned {
        trends: CannedTrends {
            objectives: objectives(),
            ..CannedTrends::default()
        },
        ..one()
    };
    let page = get(canned, Some(lead()), "/objectives").await;
    assert_eq!(page.text("h1"), "Objectives");
    assert_eq!(
        page.texts(".objectives tbody tr"),
        [
            "Acme <product>Overdrawn, going very fast 90.00 % of 95 % promised, used up50 % left 99.50 % of 99 % promised, not being used upnothing to measure",
            "Studio Maintenance100 % left 100 % of 95 % promised, not being used up100 % left 100 % of 99 % promised, lasts less than a daynothing to measure",
        ]
    );
    assert!(!page.has("main form"), "a lead has nothing to press");
}

#[tokio::test]
async fn one_integrations_budgets_are_shown_with_both_windows() {
    let page = |user| async move {
        let canned = Canned {
            trends: CannedTrends {
                objectives: objectives(),
                ..CannedTrends::default()
            },
            ..one()
        };
        let path = format!("/integrations/{}/objectives", Uuid::from_u128(2));
        get(canned, Some(user), &path).await
    };
    let seen = page(lead()).await;
    let rows = seen.texts("tbody tr");
    assert!(
        rows.contains(&"1 h and 5 min14.4 ×0.0 ×0.0 ×Slow enough".to_owned()),
        "{rows:?}"
    );
    assert!(
        rows.contains(&"1 h and 5 min14.4 ×100.0 ×100.0 ×fewer than 10 to judge by".to_owned()),
        "{rows:?}"
    );
    assert!(!seen.has("main form"));
    let edited = page(admin()).await;
    assert_eq!(
        edited
            .attribute("input[name=freshness]", "value")
            .as_deref(),
        Some("95")
    );
}

#[tokio::test]
async fn maintenance_is_listed_and_an_admin_may_end_it() {
    let at = |minutes| now() + TimeDelta::minutes(minutes);
    let row = |n, from: DateTime<Utc>, until| MaintenanceRow {
        maintenance: Maintenance {
            id: MaintenanceId(Uuid::from_u128(n)),
            integration: (n == 1).then(|| IntegrationId(Uuid::from_u128(1))),
            from,
            until,
            reason: "Upgrade of Plane".to_owned(),
            by: "Maya Keller".to_owned(),
        },
        integration_name: (n == 1).then(|| "Acme".to_owned()),
    };
    let canned = || Canned {
        trends: CannedTrends {
            objectives: objectives(),
            maintenance: vec![
                row(1, at(-90), at(-30)),
                row(2, at(-10), at(50)),
                row(3, at(600), at(660)),
            ],
            ..CannedTrends::default()
        },
        ..one()
    };
    let page = get(canned(), Some(admin()), "/objectives").await;
    assert_eq!(
        page.texts(".maintenance td:nth-child(4)"),
        ["Over", "Goes on", "To come"]
    );
    assert_eq!(
        page.texts(".maintenance td:nth-child(3)"),
        ["Acme", "All integrations", "All integrations"]
    );
    assert_eq!(page.texts(".maintenance button"), ["End now", "Cancel"]);
    let page = get(canned(), Some(lead()), "/objectives").await;
    assert!(page.has(".maintenance") && !page.has(".maintenance button"));
}
