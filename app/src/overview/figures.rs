use domain::{
    objective::{Kept, ObjectiveState},
    run::{Outcome, RunFilter, RunState, RunTime},
    silence::Coverage,
    trend::{Copies, Runs, Webhooks},
};
use leptos::prelude::*;

use crate::{
    LeastBudget, OldestCopy, OverviewNumbers, paths,
    sync::filter,
    trends::words::{percent, seconds, share},
    ui::{
        badge::Tone,
        link::Link,
        number::{count, number},
        panel::{Figure, Figures},
        time::one_unit,
    },
};

/// The five numbers above everything else, each with what it was before and a link to what is behind it.
#[component]
pub fn OverviewFigures(numbers: OverviewNumbers) -> impl IntoView {
    let OverviewNumbers {
        copies,
        copies_before,
        oldest,
        runs,
        runs_before,
        webhooks,
        webhooks_before,
        budget,
    } = numbers;
    view! {
        <Figures>
            <Fresh copies=copies.clone() before=copies_before.clone()/>
            <Oldest oldest copies before=copies_before/>
            <Success runs before=runs_before/>
            <CoverageFigure webhooks before=webhooks_before/>
            <Budget budget/>
        </Figures>
    }
    .into_any()
}

#[component]
fn Fresh(copies: Copies, before: Option<Copies>) -> impl IntoView {
    let (late, stale) = (copies.good - copies.fresh, copies.looked_at - copies.good);
    let tone = match (late, stale) {
        (0, 0) => Tone::Idle,
        (_, 0) => Tone::Late,
        _ => Tone::Bad,
    };
    let mut parts =
        vec![share(copies.fresh, copies.looked_at).unwrap_or_else(|| "none yet".to_owned())];
    parts.extend((late > 0).then(|| format!("{} late", number(late))));
    parts.extend((stale > 0).then(|| format!("{} stale", number(stale))));
    let before = before
        .and_then(|before| share(before.fresh, before.looked_at))
        .map(|share| format!("{share} a day ago"));
    view! {
        <Figure label="Projects fresh" value=number(copies.fresh) unit=format!("/ {}", number(copies.looked_at)) tone>
            <Says href=paths::PROJECTS.to_owned() says=parts.join(", ") before/>
        </Figure>
    }
    .into_any()
}

#[component]
fn Oldest(oldest: Option<OldestCopy>, copies: Copies, before: Option<Copies>) -> impl IntoView {
    let Some(oldest) = oldest else {
        return view! {
            <Figure label="Oldest copy" value="–">
                <Says href=paths::PROJECTS.to_owned() says="Nothing is copied yet.".to_owned() before=None/>
            </Figure>
        }
        .into_any();
    };
    let age = one_unit(oldest.age);
    let (value, unit) = age.split_once(' ').unwrap_or((&age, ""));
    let (value, unit) = (value.to_owned(), unit.to_owned());
    let says = format!("{} in {}", oldest.project_name, oldest.integration_name);
    let p95 = copies
        .lag_s
        .quantile(0.95)
        .map(|lag| format!("95 % at most {}", seconds(lag)));
    let before = before.map(|before| format!("a day ago {}", seconds(before.largest_lag_s)));
    let before = p95.into_iter().chain(before).collect::<Vec<_>>().join(", ");
    view! {
        <Figure label="Oldest copy" value unit>
            <Says href=paths::project(oldest.integration, oldest.project) says before=Some(before)/>
        </Figure>
    }
    .into_any()
}

#[component]
fn Success(runs: Runs, before: Runs) -> impl IntoView {
    let (kept, kept_before) = (kept(&runs), kept(&before));
    let tone = match kept {
        (good, all) if good < all => Tone::Late,
        _ => Tone::Idle,
    };
    let mut parts = vec![format!(
        "{} of {}",
        number(kept.0),
        count(kept.1, "run", "runs")
    )];
    for (outcome, word) in [
        (Outcome::Partial, "partial"),
        (Outcome::Interrupted, "interrupted"),
    ] {
        let times = runs.of(outcome);
        parts.extend((times > 0).then(|| format!("{} {word}", number(times))));
    }
    let before =
        share(kept_before.0, kept_before.1).map(|share| format!("{share} the 7 days before"));
    let filter = RunFilter {
        state: (runs.of(Outcome::Failed) > 0).then_some(RunState::Ended(Outcome::Failed)),
        time: RunTime::Days7,
        ..RunFilter::default()
    };
    let value = share(kept.0, kept.1).unwrap_or_else(|| "–".to_owned());
    view! {
        <Figure label="Syncs succeeded, 7 d" value tone>
            <Says href=filter::address(&filter, None) says=parts.join(", ") before/>
        </Figure>
    }
    .into_any()
}

/// Runs that succeeded, of those that nobody stopped: what the objective counts.
fn kept(runs: &Runs) -> (u64, u64) {
    Kept::new(&Copies::default(), runs, &Webhooks::default())
        .success
        .into()
}

#[component]
fn CoverageFigure(webhooks: Webhooks, before: Webhooks) -> impl IntoView {
    let of = |webhooks: &Webhooks| {
        let coverage = Coverage {
            told: webhooks.told,
            caught: webhooks.caught,
        };
        coverage.per_mille()
    };
    let says = match (webhooks.told, webhooks.caught) {
        (0, 0) => "nothing changed".to_owned(),
        (_, 0) => format!(
            "all {} told by webhooks",
            count(webhooks.told, "change", "changes")
        ),
        (_, caught) => format!("{} caught by polling", number(caught)),
    };
    let tone = if webhooks.caught > 0 {
        Tone::Late
    } else {
        Tone::Idle
    };
    let before = of(&before).map(|share| format!("{} the day before", percent(share)));
    let value = of(&webhooks).map_or_else(|| "–".to_owned(), percent);
    view! {
        <Figure label="Webhook coverage, 24 h" value tone>
            <Says href=paths::WEBHOOKS.to_owned() says before/>
        </Figure>
    }
    .into_any()
}

#[component]
fn Budget(budget: Option<LeastBudget>) -> impl IntoView {
    let Some(budget) = budget else {
        return view! {
            <Figure label="Error budget left, 28 d" value="–">
                <Says href=paths::OBJECTIVES.to_owned() says="nothing is measured yet".to_owned() before=None/>
            </Figure>
        }
        .into_any();
    };
    let LeastBudget {
        integration_name,
        state,
        before,
    } = budget;
    let left = state.left().unwrap_or(1.0);
    let tone = match left {
        ..=0.0 => Tone::Bad,
        ..0.25 => Tone::Late,
        _ => Tone::Idle,
    };
    let says = format!(
        "least: {integration_name}, {}",
        state.objective.name().to_lowercase()
    );
    let before = before.map(|before| format!("{} a week ago", left_words(before)));
    let lasts = Some(lasts_words(&state));
    let before = lasts
        .into_iter()
        .chain(before)
        .collect::<Vec<_>>()
        .join(", ");
    view! {
        <Figure label="Error budget left, 28 d" value=left_words(left) tone>
            <Says href=paths::OBJECTIVES.to_owned() says before=Some(before)/>
        </Figure>
    }
    .into_any()
}

/// "62 %"; what is overdrawn says so.
pub fn left_words(left: f64) -> String {
    match left {
        left if left < 0.0 => "overdrawn".to_owned(),
        left => format!("{:.0} %", left * 100.0),
    }
}

/// What is left, and for how long that lasts.
pub fn budget_words(state: &ObjectiveState, left: f64) -> String {
    match left {
        left if left <= 0.0 => left_words(left),
        left => format!("{} left, {}", left_words(left), lasts_words(state)),
    }
}

/// For how long what is left lasts.
pub fn lasts_words(state: &ObjectiveState) -> String {
    match (state.left(), state.lasts_days()) {
        (Some(left), _) if left <= 0.0 => "used up".to_owned(),
        (_, Some(days)) if days < 1.0 => "lasts less than a day".to_owned(),
        (_, Some(days)) if days > 365.0 => "lasts over a year".to_owned(),
        (_, Some(days)) => format!("lasts {days:.0} d"),
        (_, None) => "not being used up".to_owned(),
    }
}

#[component]
fn Says(href: String, says: String, before: Option<String>) -> impl IntoView {
    let before = before.filter(|before| !before.is_empty());
    view! {
        <Link href>{says}</Link>
        {before.map(|before| view! { <span class="figure-before">{before}</span> })}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use domain::objective::{Objective, Tally, Targets, Windows};

    use super::*;

    #[test]
    fn a_budget_says_what_is_left_and_for_how_long() {
        assert_eq!(left_words(0.618), "62 %");
        assert_eq!(left_words(-0.2), "overdrawn");
        let kept = |good, all| Kept {
            freshness: Tally { good, all },
            ..Kept::default()
        };
        let state = |budget, days3| {
            let windows = Windows {
                budget,
                days3,
                ..Windows::default()
            };
            ObjectiveState::new(Objective::Freshness, Targets::default().freshness, &windows)
        };
        let words = |budget, days3| lasts_words(&state(budget, days3));
        assert_eq!(words(kept(975, 1000), kept(95, 100)), "lasts 14 d");
        assert_eq!(words(kept(999, 1000), kept(100, 100)), "not being used up");
        assert_eq!(words(kept(900, 1000), kept(50, 100)), "used up");
        assert_eq!(
            words(kept(951, 1000), kept(0, 100)),
            "lasts less than a day"
        );
    }

    #[test]
    fn runs_that_somebody_stopped_are_not_counted() {
        let mut runs = Runs::default();
        for (outcome, times) in [
            (Outcome::Succeeded, 8),
            (Outcome::Failed, 1),
            (Outcome::Cancelled, 4),
            (Outcome::Interrupted, 2),
        ] {
            runs.ended.insert(outcome, times);
        }
        assert_eq!(kept(&runs), (8, 9));
    }
}
