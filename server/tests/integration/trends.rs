//! How syncing went is measured every five minutes, adds up, and is judged by what was promised.

use app::Trends as _;
use chrono::TimeDelta;
use domain::{
    objective::{Objective, ObjectiveState},
    range::Range,
    run::{Outcome, RunFilter},
    trend::{HappeningKind, Stretch, Trend},
};
use fake_plane::{Fault, What};
use serde_json::Value;
use server::{
    rng::Rng,
    trends::{LagLog, TrendsService},
};
use store::TrendRow;

use crate::support::Watched;

impl Watched {
    /// Five minutes at a time: what is due is done, stretches are closed, and the checks are looked at.
    async fn measured(&self, minutes: i64) {
        for _ in 0..minutes / 5 {
            self.later(5).await;
            self.portal.portal.trends.keep_up().await.unwrap();
            self.portal.portal.health.watch().await.unwrap();
        }
    }

    async fn stretches(&self, stretch: Stretch) -> Vec<TrendRow> {
        let now = self.portal.clock.now();
        let store = &self.portal.portal.store;
        let from = now - TimeDelta::days(40);
        store.trends_of_each(stretch, from, now).await.unwrap()
    }

    /// Everything of the integration, added.
    async fn sum(&self, stretch: Stretch) -> Trend {
        let mut sum = Trend::default();
        for row in self.stretches(stretch).await {
            let mine = row.each.iter().filter(|(id, _)| *id == self.id);
            mine.for_each(|(_, trend)| sum.merge(trend));
        }
        sum
    }

    async fn objective(&self, objective: Objective) -> ObjectiveState {
        let viewer = self.portal.viewer().await;
        let trends = &self.portal.portal.trends;
        let all = trends.objectives(&viewer).await.unwrap();
        let mine = all
            .into_iter()
            .find(|one| one.integration == self.id)
            .unwrap();
        let mut states = mine.states.into_iter();
        states.find(|state| state.objective == objective).unwrap()
    }

    async fn problem(&mut self, class: &str) -> Option<Value> {
        let answer = self
            .admin
            .get(&format!("/problems.json?class={class}"))
            .await;
        let all: Vec<Value> = serde_json::from_str(&answer.text).unwrap();
        all.into_iter().next()
    }
}

fn down() -> Fault {
    Fault::new(What::Status(500, String::new(), vec![]))
}

#[tokio::test]
async fn stretches_hold_what_was_measured_and_add_up() {
    let world = Watched::new().await;
    world.measured(40).await;
    world.portal.plane.fail(down());
    world.measured(60).await;
    world.portal.plane.heal();
    world.measured(60).await;

    let shorts = world.stretches(Stretch::Short).await;
    let starts: Vec<_> = shorts.iter().map(|row| row.start).collect();
    assert!(starts.len() >= 31, "{}", starts.len());
    let is_next =
        |two: &[chrono::DateTime<chrono::Utc>]| two[1] - two[0] == Stretch::Short.length();
    assert!(
        starts.windows(2).all(is_next),
        "each once, without a gap: {starts:?}"
    );

    let [short, hour, day] = [
        world.sum(Stretch::Short).await,
        world.sum(Stretch::Hour).await,
        world.sum(Stretch::Day).await,
    ];
    assert_eq!(short, hour);
    assert_eq!(hour, day);

    // The runs of the list, counted anew.
    let viewer = world.portal.viewer().await;
    let runs = &world.portal.portal.backend.runs;
    let all = runs
        .runs(&viewer, &RunFilter::default(), None)
        .await
        .unwrap();
    assert!(all.next.is_none());
    let until = starts.last().copied().unwrap() + Stretch::Short.length();
    let ended = all
        .rows
        .iter()
        .filter(|run| run.finished_at.is_some_and(|at| at < until));
    let ended: Vec<Outcome> = ended.filter_map(|run| run.outcome).collect();
    for outcome in Outcome::ALL {
        let counted = ended.iter().filter(|one| **one == outcome).count() as u64;
        assert_eq!(day.runs.of(outcome), counted, "{outcome:?}");
    }
    assert!(
        day.runs.of(Outcome::Succeeded) >= 4 && day.runs.count() > day.runs.of(Outcome::Succeeded)
    );

    let copies = &day.copies;
    assert!(
        copies.looked_at > copies.good,
        "some were too old while Plane was down: {copies:?}"
    );
    assert!(copies.good >= copies.fresh && copies.fresh > 0);
    assert!(copies.largest_lag_s > 30 * 60, "{copies:?}");

    let charts = world
        .portal
        .portal
        .trends
        .charts(&viewer, None, Range::Hours6)
        .await
        .unwrap();
    let mut drawn = Trend::default();
    for (_, trend) in &charts.bars {
        trend.iter().for_each(|trend| drawn.merge(trend));
    }
    assert_eq!(drawn.runs, day.runs, "what is drawn is what was measured");
    let outages = charts
        .happenings
        .iter()
        .filter(|one| one.kind == HappeningKind::Outage);
    assert_eq!(outages.count(), 1, "{:?}", charts.happenings);
}

#[tokio::test]
async fn two_portals_measure_once_and_what_was_missed_is_looked_at_afterwards() {
    let world = Watched::new().await;
    world.measured(30).await;
    let before = world.stretches(Stretch::Short).await.len();
    // Nobody measures for three hours, in which nothing is synced.
    world.portal.clock.advance(TimeDelta::hours(3));
    let ours = &world.portal.portal.trends;
    let rng = Rng::seeded(9);
    let lags = LagLog::new(&rng);
    let theirs = TrendsService::new(ours.store.clone(), ours.clock.clone(), rng, lags);
    let (a, b) = tokio::join!(ours.keep_up(), theirs.keep_up());
    a.unwrap();
    b.unwrap();
    let shorts = world.stretches(Stretch::Short).await;
    assert_eq!(shorts.len(), before + 36);
    let lags: Vec<u64> = shorts[before..]
        .iter()
        .map(|row| row.each[0].1.copies.largest_lag_s)
        .collect();
    assert!(
        lags.windows(2).all(|two| two[1] == two[0] + 300),
        "copies aged: {lags:?}"
    );
    let sums = [
        world.sum(Stretch::Short).await,
        world.sum(Stretch::Hour).await,
    ];
    assert_eq!(sums[0], sums[1], "nothing is counted twice");
}

#[tokio::test]
async fn an_error_budget_that_goes_too_fast_is_a_problem_until_it_does_not() {
    let mut world = Watched::new().await;
    world.measured(60).await;
    let state = world.objective(Objective::Freshness).await;
    assert_eq!((state.left(), state.pace()), (Some(1.0), None));
    assert!(world.problem("objective.burning").await.is_none());

    world.portal.plane.fail(down());
    world.measured(120).await;
    let state = world.objective(Objective::Freshness).await;
    assert!(
        state.pace().is_some() && state.left().unwrap() < 0.0,
        "{state:?}"
    );
    let problem = world.problem("objective.burning").await.unwrap();
    assert!(
        problem["cause"].is_string(),
        "the copy is stale, and that is told: {problem}"
    );
    let page = world.admin.get("/objectives").await;
    let row = page.all(".objectives tbody tr").join(" ");
    assert!(
        row.contains("Acme") && row.contains("Overdrawn, going very fast"),
        "{row}"
    );
    let overview = world.admin.get("/").await;
    assert!(
        overview
            .figure("Error budget left, 28 d")
            .contains("overdrawn")
    );

    world.portal.plane.heal();
    world.measured(7 * 60).await;
    let state = world.objective(Objective::Freshness).await;
    assert!(
        !matches!(
            state.pace(),
            Some(domain::objective::Pace::Fast | domain::objective::Pace::Brisk)
        ),
        "{state:?}"
    );
}

#[tokio::test]
async fn maintenance_counts_for_nothing_and_is_drawn() {
    let mut world = Watched::new().await;
    world.measured(30).await;
    let before = world.sum(Stretch::Short).await.kept.freshness;
    let id = world.id.to_string();
    let fields = [
        ("integration", id.as_str()),
        ("from", ""),
        ("minutes", "120"),
        ("reason", "Plane moves house"),
    ];
    let done = world.admin.post("announce_maintenance", &fields).await;
    assert_eq!(done.location(), "/objectives");
    world.portal.plane.fail(down());
    world.measured(90).await;
    let sum = world.sum(Stretch::Short).await;
    assert!(sum.copies.looked_at > sum.copies.good, "it is measured");
    let during = sum.kept.freshness.all - before.all;
    assert!(
        during <= 2 * 3,
        "but nothing of it counts, except what was over: {during}"
    );
    assert_eq!(world.objective(Objective::Freshness).await.pace(), None);
    let page = world.admin.get("/objectives").await;
    assert!(
        page.words().contains("Plane moves house announced by Maya"),
        "{}",
        page.words()
    );
    let overview = world.admin.get("/?range=6h").await;
    assert!(
        overview
            .words()
            .contains("Maintenance of Acme: Plane moves house")
    );
    let history = world.admin.get(&format!("{}/history", world.page)).await;
    assert!(history.words().contains("Announced maintenance of Acme"));

    let running = page.attribute("input[name=id]", "value").unwrap();
    let ended = world
        .admin
        .post("end_maintenance", &[("id", &running)])
        .await;
    assert_eq!(ended.location(), "/objectives");
    world.measured(30).await;
    let after = world.sum(Stretch::Short).await.kept.freshness;
    assert!(after.bad() > 0, "now it counts");

    for (field, value) in [
        ("integration", "nonsense"),
        ("from", "2020-01-01T00:00"),
        ("minutes", "0"),
        ("minutes", "10081"),
        ("reason", "  "),
    ] {
        let mut fields = fields;
        fields
            .iter_mut()
            .find(|(name, _)| *name == field)
            .unwrap()
            .1 = value;
        let refused = world
            .admin
            .post_on("/objectives", "announce_maintenance", &fields)
            .await;
        assert!(refused.location().contains("draft="), "{field} {value}");
        let form = world.admin.get(&refused.location()).await;
        let mistake = format!("[name={field}][aria-invalid=true]");
        assert!(
            form.has(&mistake),
            "{field}: {:?}",
            form.all(".field-error")
        );
        assert!(form.has("details.announce[open]"), "the form is seen");
    }
}

#[tokio::test]
async fn what_is_promised_is_changed_by_an_admin_and_judges_the_past_too() {
    let mut world = Watched::new().await;
    world.measured(60).await;
    world.portal.plane.fail(down());
    world.measured(60).await;
    let page = format!("{}/objectives", world.page);
    let id = world.id.to_string();
    let promise = |freshness: &'static str| {
        let id = id.clone();
        move || {
            vec![
                ("id", id.clone()),
                ("freshness", freshness.to_owned()),
                ("success", "99".to_owned()),
                ("coverage", "99,5".to_owned()),
            ]
        }
    };
    let left = world.objective(Objective::Freshness).await.left().unwrap();
    let send = promise("50")();
    let fields: Vec<(&str, &str)> = send
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let saved = world.admin.post_on(&page, "save_objectives", &fields).await;
    assert_eq!(saved.location(), page);
    let state = world.objective(Objective::Freshness).await;
    assert!(
        state.left().unwrap() > left && state.target.percent() == "50",
        "{state:?}"
    );
    assert_eq!(
        world.objective(Objective::Coverage).await.target.percent(),
        "99.5"
    );
    let history = world.admin.get(&format!("{}/history", world.page)).await;
    assert!(
        history
            .words()
            .contains("Promised freshness 50 %, sync success 99 %, webhook coverage 99.5 %.")
    );

    let send = promise("100")();
    let fields: Vec<(&str, &str)> = send
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let refused = world.admin.post_on(&page, "save_objectives", &fields).await;
    let form = world.admin.get(&refused.location()).await;
    assert!(
        form.has("[name=freshness][aria-invalid=true]"),
        "{}",
        refused.location()
    );
    assert_eq!(
        form.attribute("[name=coverage]", "value").as_deref(),
        Some("99,5"),
        "what was typed stays"
    );
    assert_eq!(
        world.objective(Objective::Freshness).await.target.percent(),
        "50"
    );
}
