use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    range::Range,
    usage::{CallTally, Forecast, PlaneKey, Purpose, Usage},
};
use leptos::prelude::*;

use super::range::{self, RangeChips};
use crate::{
    KeyBudget, KeyUser, paths,
    ui::{
        badge::Tone,
        chart::{BarChart, BarChartView, ChartBar, Series},
        empty::Empty,
        frame::Frame,
        head::PageHead,
        number::{count, number},
        page::{loaded, signed_in},
        panel::{Figure, Figures, Panel},
        table::TableRegion,
        time::duration_words,
    },
    visit,
};

/// A minute that uses more of the limit than this, in hundredths, is close to it.
const CLOSE: u64 = 80;

/// Each key's share of Plane's limit: what is free, what was used, for what and by whom, what is to come.
#[component]
pub fn BudgetPage() -> impl IntoView {
    let range = range::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            crate::backend().health.budgets(&viewer, range).await
        },
        move |budgets| {
            let says = "Plane allows each key so many calls a minute. All integrations with the same key share them.";
            view! {
                <Frame title="API budget">
                    <PageHead title="API budget" says=move || says/>
                    {if budgets.is_empty() {
                        view! { <Empty title="No key yet" says="As soon as an integration is added, the calls with its key are counted here."/> }.into_any()
                    } else {
                        let now = visit().now;
                        let keys = budgets.into_iter().map(|budget| view! { <Key budget range now/> }).collect_view();
                        view! { <RangeChips range/> {keys} }.into_any()
                    }}
                </Frame>
            }
        },
    )
}

#[component]
fn Key(budget: KeyBudget, range: Range, now: DateTime<Utc>) -> impl IntoView {
    let title = format!("Key {}", key_name(&budget.key));
    let users = match budget.users.len() {
        0 => "no integration uses it any more".to_owned(),
        n => format!("used by {}", count(n as u64, "integration", "integrations")),
    };
    let mut total = Usage::default();
    budget.bars.iter().for_each(|(_, usage)| total.merge(usage));
    view! {
        <Panel title aside=move || users>
            <KeyFigures budget=budget.clone() total=total.clone() range/>
            <BarChartView chart=calls_chart(&budget, range, now)/>
            <Users users=budget.users limit=budget.limit key=key_name(&budget.key)/>
        </Panel>
    }
    .into_any()
}

#[component]
fn KeyFigures(budget: KeyBudget, total: Usage, range: Range) -> impl IntoView {
    let all = total.total();
    let limit = u64::from(budget.limit);
    let waiting = match budget.waiting {
        0 => "nothing waits".to_owned(),
        n => format!(
            "{} wait for their turn",
            count(u64::from(n), "call", "calls")
        ),
    };
    let free_tone = if budget.free == 0 {
        Tone::Late
    } else {
        Tone::Idle
    };
    let before = before(budget.before.as_ref());
    let peak = share(total.peak, limit);
    let refused = match all.limited {
        0 => "Plane refused none".to_owned(),
        n => format!("Plane answered {} with 429", count(n, "call", "calls")),
    };
    let refused_tone = if all.limited > 0 {
        Tone::Bad
    } else {
        Tone::Idle
    };
    let forecast = budget
        .forecast
        .map(|forecast| view! { <ForecastFigure forecast limit/> });
    view! {
        <Figures>
            <Figure label="Free now" value=number(u64::from(budget.free)) unit=format!("/ {} a minute", number(limit)) tone=free_tone>
                {waiting}
            </Figure>
            <Figure label=format!("Calls in {}", range.label()) value=number(all.calls)>{before}</Figure>
            <Figure label="Busiest minute" value=number(total.peak) unit="calls" tone=closeness(total.peak, limit)>{peak}</Figure>
            {forecast}
            <Figure label="Waited for the limit" value=duration_words(ms(all.waited_ms)) tone=refused_tone>{refused}</Figure>
        </Figures>
    }
    .into_any()
}

#[component]
fn ForecastFigure(forecast: Forecast, limit: u64) -> impl IntoView {
    let says = format!(
        "around {} UTC, {}",
        forecast.hour.format("%H:%M"),
        share(forecast.calls, limit)
    );
    view! {
        <Figure label="Today’s peak, expected" value=number(forecast.calls) unit="a minute" tone=closeness(forecast.calls, limit)>
            {says}
        </Figure>
    }
    .into_any()
}

/// Who uses the key, the busiest first.
#[component]
fn Users(users: Vec<KeyUser>, limit: u32, key: String) -> impl IntoView {
    if users.is_empty() {
        return ().into_any();
    }
    let rows = users
        .into_iter()
        .map(|user| {
            let total = user.usage.total();
            let slow = total.took.quantile(0.95).map_or_else(|| "–".to_owned(), |took| duration_words(ms(took)));
            let failures = total.failures();
            let often = total.failed.iter().max_by_key(|(_, n)| **n).map(|(code, _)| code.replace('_', " "));
            view! {
                <tr>
                    <th scope="row"><a href=paths::integration(user.integration)>{user.name}</a></th>
                    <td class="number">{number(total.calls)}</td>
                    <td class="number">{slow}</td>
                    <td class="number">
                        {number(failures)} {often.map(|often| view! { " " <span class="row-says">{format!("mostly {often}")}</span> })}
                    </td>
                    <td class="number">{duration_words(ms(total.waited_ms))}</td>
                    <td class="number">{full_sync(user.full_sync, limit)}</td>
                </tr>
            }
        })
        .collect_view();
    let label = format!("Calls with key {key} by integration");
    view! {
        <TableRegion label=label.clone()>
            <table>
                <caption class="visually-hidden">{label}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Integration"</th>
                        <th scope="col" class="number">"Calls"</th>
                        <th scope="col" class="number">"95 % took at most"</th>
                        <th scope="col" class="number">"Failed"</th>
                        <th scope="col" class="number">"Waited"</th>
                        <th scope="col" class="number">"A full sync costs"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

/// "124 calls, about 3 min": what it cost last time, and how long the limit makes it take at least.
fn full_sync(calls: Option<u32>, limit: u32) -> String {
    let Some(calls) = calls else {
        return "not known yet".to_owned();
    };
    let minutes = f64::from(calls) / f64::from(limit.max(1));
    let time = match minutes {
        ..1.0 => "less than a minute".to_owned(),
        minutes => format!("about {} min", number(minutes.ceil() as u64)),
    };
    format!("{}, {time}", count(u64::from(calls), "call", "calls"))
}

/// How the number of calls compares with the period before.
fn before(before: Option<&CallTally>) -> String {
    match before.map(|before| before.calls) {
        None | Some(0) => "none in the period before".to_owned(),
        Some(calls) => format!("{} in the period before", number(calls)),
    }
}

fn share(calls: u64, limit: u64) -> String {
    format!("{} % of the limit", calls * 100 / limit.max(1))
}

fn closeness(calls: u64, limit: u64) -> Tone {
    if calls * 100 >= limit * CLOSE {
        Tone::Late
    } else {
        Tone::Idle
    }
}

fn ms(ms: u64) -> TimeDelta {
    TimeDelta::milliseconds(i64::try_from(ms).unwrap_or(i64::MAX / 1000))
}

/// A key may be in use at two Planes.
fn key_name(key: &PlaneKey) -> String {
    format!("{} at {}", key.fingerprint, host(&key.origin))
}

fn host(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

const LOOKS: [(Purpose, &str); 5] = [
    (Purpose::Sync, "1"),
    (Purpose::Webhook, "2"),
    (Purpose::Compare, "3"),
    (Purpose::ConnectionTest, "4"),
    (Purpose::HealthCheck, "5"),
];

/// The calls of each bar by what they were for; purposes without any are left out.
fn calls_chart(budget: &KeyBudget, range: Range, now: DateTime<Utc>) -> BarChart {
    let calls = |usage: &Usage, purpose| {
        usage
            .by_purpose
            .get(&purpose)
            .map_or(0, |tally| tally.calls)
    };
    let used: Vec<_> = LOOKS
        .into_iter()
        .filter(|(purpose, _)| {
            budget
                .bars
                .iter()
                .any(|(_, usage)| calls(usage, *purpose) > 0)
        })
        .collect();
    let bars = budget.bars.iter().map(|(start, usage)| ChartBar {
        label: label(*start, range),
        moment: start.format("%-d %b %Y, %H:%M UTC").to_string(),
        parts: used
            .iter()
            .map(|(purpose, _)| calls(usage, *purpose))
            .collect(),
        href: None,
    });
    let bars: Vec<_> = bars.collect();
    let most = bars
        .iter()
        .map(|bar| bar.parts.iter().sum::<u64>())
        .max()
        .unwrap_or(0);
    let says = match most {
        0 => format!("No call in the last {}.", range.label()),
        _ => format!(
            "The last {} up to {} UTC, at most {} in {}.",
            range.label(),
            now.format("%H:%M"),
            count(most, "call", "calls"),
            duration_words(range.bar()),
        ),
    };
    BarChart {
        title: format!("Calls with key {}", key_name(&budget.key)),
        says,
        series: used
            .into_iter()
            .map(|(purpose, look)| Series {
                word: purpose.word().to_owned(),
                look,
            })
            .collect(),
        bars,
        format: number,
        marks: vec![],
        time: format!("{} from", duration_words(range.bar())),
    }
}

fn label(start: DateTime<Utc>, range: Range) -> String {
    let format = match range {
        Range::Hours6 | Range::Hours24 => "%H:%M",
        Range::Days7 | Range::Days30 | Range::Days90 => "%-d %b",
    };
    start.format(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_sync_is_told_in_calls_and_minutes() {
        assert_eq!(full_sync(Some(124), 60), "124 calls, about 3 min");
        assert_eq!(full_sync(Some(1), 60), "1 call, less than a minute");
        assert_eq!(full_sync(None, 60), "not known yet");
    }

    #[test]
    fn the_period_before_is_told() {
        let calls = |calls| CallTally {
            calls,
            ..CallTally::default()
        };
        assert_eq!(before(Some(&calls(1_200))), "1,200 in the period before");
        assert_eq!(before(None), "none in the period before");
    }

    #[test]
    fn close_to_the_limit_is_a_warning() {
        assert_eq!(
            (closeness(47, 60), closeness(48, 60)),
            (Tone::Idle, Tone::Late)
        );
        assert_eq!(share(48, 60), "80 % of the limit");
    }
}
