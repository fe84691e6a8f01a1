use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{
    inbox::BurstFilter,
    objective::{Objective, Targets},
    range::Range,
    run::{Outcome, RunFilter, RunTime},
    silence::Coverage,
    trend::Trend,
    usage::{Purpose, Usage},
};
use leptos::prelude::*;

use super::{
    errors::Errors,
    happened,
    words::{bar_label, bar_moment, milliseconds, percent, seconds},
};
use crate::{
    Charts, paths,
    query::Query,
    sync::filter,
    ui::{
        chart::{
            BarChart, BarChartView, ChartBar, ChartMark, ChartPoint, ChartTarget, LineChart,
            LineChartView, MarksView, Series,
        },
        number::{count, number},
        time::moment,
    },
    webhooks,
};

/// All charts of a range, of an integration or of all together. Nothing in them depends on who looks, so they are drawn once.
#[component]
pub fn ChartsView(charts: Arc<Charts>) -> impl IntoView {
    // Drawn by components, which escape what people typed.
    let drawn = charts.drawn.get_or_init(|| draw(&charts));
    view! { <div inner_html=drawn.clone()></div> }
}

fn draw(charts: &Charts) -> String {
    let (marks, all) = happened::marks(&charts.happenings, charts.range, charts.now);
    let drawing = Drawing { charts, marks };
    view! {
        <div class="charts">
            <LineChartView chart=drawing.lag()/>
            <BarChartView chart=drawing.runs()/>
            <LineChartView chart=drawing.durations()/>
            <BarChartView chart=drawing.items()/>
            <LineChartView chart=drawing.webhook_lag()/>
            <LineChartView chart=drawing.coverage()/>
            <BarChartView chart=drawing.calls()/>
            <Errors usage=charts.calls.clone() range=charts.range of=charts.of/>
        </div>
        <MarksView marks=all id=happened::ID/>
        <p class="quiet small">{format!("Measured up to {}.", moment(charts.until))}</p>
    }
    .to_html()
}

/// The two that say most, for a screen on a wall.
#[component]
pub fn WallCharts(charts: Arc<Charts>) -> impl IntoView {
    let drawing = Drawing {
        charts: &charts,
        marks: vec![],
    };
    let unpressed = |href: &mut Option<String>| *href = None;
    let (mut lag, mut runs) = (drawing.lag(), drawing.runs());
    lag.points
        .iter_mut()
        .for_each(|point| unpressed(&mut point.href));
    runs.bars
        .iter_mut()
        .for_each(|bar| unpressed(&mut bar.href));
    view! { <div class="charts"><LineChartView chart=lag/><BarChartView chart=runs/></div> }
        .into_any()
}

/// What every chart of a page has in common.
struct Drawing<'a> {
    charts: &'a Charts,
    marks: Vec<ChartMark>,
}

impl Drawing<'_> {
    /// Runs of the time of a bar.
    fn runs_of(&self, start: DateTime<Utc>) -> String {
        let filter = RunFilter {
            integration: self.charts.of,
            time: RunTime::Span {
                from: start,
                until: start + self.charts.range.bar(),
            },
            ..RunFilter::default()
        };
        filter::address(&filter, None)
    }

    /// What webhooks brought in the time of a bar.
    fn received_in(&self, start: DateTime<Utc>) -> String {
        let filter = BurstFilter {
            integration: self.charts.of,
            span: Some((start, start + self.charts.range.bar())),
            ..BurstFilter::default()
        };
        webhooks::filter::address(&filter, None)
    }

    fn time(&self) -> String {
        match self.charts.range {
            Range::Hours6 => "Ten minutes from",
            Range::Hours24 => "Hour from",
            Range::Days7 => "Six hours from",
            Range::Days30 | Range::Days90 => "Day from",
        }
        .to_owned()
    }

    /// A chart of lines; each point has a value for each series, `None` where nothing was measured.
    fn lines(
        &self,
        title: &str,
        says: String,
        series: &[(&str, &'static str)],
        format: fn(u64) -> String,
        values: impl Fn(&Trend) -> Vec<Option<u64>>,
        href: impl Fn(DateTime<Utc>) -> Option<String>,
    ) -> LineChart {
        let points = self.charts.bars.iter().map(|(start, trend)| ChartPoint {
            label: bar_label(*start, self.charts.range),
            moment: bar_moment(*start),
            values: match trend {
                Some(trend) => values(trend),
                None => vec![None; series.len()],
            },
            href: href(*start),
        });
        LineChart {
            title: title.to_owned(),
            says,
            series: named(series),
            points: points.collect(),
            target: None,
            format,
            time: self.time(),
            marks: self.marks.clone(),
        }
    }

    /// A chart of bars out of what was measured.
    fn bars(
        &self,
        title: &str,
        says: String,
        series: &[(&str, &'static str)],
        values: impl Fn(&Trend) -> Vec<u64>,
    ) -> BarChart {
        let bars = self.charts.bars.iter().map(|(start, trend)| ChartBar {
            label: bar_label(*start, self.charts.range),
            moment: bar_moment(*start),
            parts: match trend {
                Some(trend) => values(trend),
                None => vec![0; series.len()],
            },
            href: Some(self.runs_of(*start)),
        });
        BarChart {
            title: title.to_owned(),
            says,
            series: named(series),
            bars: bars.collect(),
            format: number,
            time: self.time(),
            marks: self.marks.clone(),
        }
    }

    /// All of the range.
    fn sum(&self) -> Trend {
        let mut sum = Trend::default();
        let trends = self.charts.bars.iter();
        trends
            .filter_map(|(_, trend)| trend.as_ref())
            .for_each(|trend| sum.merge(trend));
        sum
    }

    fn lag(&self) -> LineChart {
        let series = [("half of all", "1"), ("95 %", "4"), ("oldest", "bad")];
        let copies = self.sum().copies;
        let says = match copies.lag_s.quantile(0.95) {
            Some(p95) => format!(
                "95 % at most {}, the oldest {}.",
                seconds(p95),
                seconds(copies.largest_lag_s)
            ),
            None => String::new(),
        };
        let values = |trend: &Trend| {
            let copies = &trend.copies;
            let largest = (!copies.lag_s.is_empty()).then_some(copies.largest_lag_s);
            vec![
                copies.lag_s.quantile(0.5),
                copies.lag_s.quantile(0.95),
                largest,
            ]
        };
        let href = |start| Some(self.runs_of(start));
        LineChart {
            target: self.charts.schedule.map(|schedule| ChartTarget {
                word: "twice the schedule".to_owned(),
                value: u64::try_from((schedule * 2).num_seconds()).unwrap_or(0),
            }),
            ..self.lines("Age of copies", says, &series, seconds, values, href)
        }
    }

    fn runs(&self) -> BarChart {
        let series = [
            ("Succeeded", "2"),
            ("Partial or held", "4"),
            ("Rate limited", "1"),
            ("Interrupted", "3"),
            ("Failed", "bad"),
            ("Cancelled", "5"),
        ];
        let runs = self.sum().runs;
        let says = match runs.count() {
            0 => String::new(),
            all => format!(
                "{} of {} succeeded.",
                number(runs.of(Outcome::Succeeded)),
                number(all)
            ),
        };
        self.bars("Sync runs", says, &series, |trend| {
            let of = |outcomes: &[Outcome]| outcomes.iter().map(|one| trend.runs.of(*one)).sum();
            vec![
                of(&[Outcome::Succeeded]),
                of(&[Outcome::Partial, Outcome::Held]),
                of(&[Outcome::RateLimited]),
                of(&[Outcome::Interrupted]),
                of(&[Outcome::Failed, Outcome::Unreachable, Outcome::Rejected]),
                of(&[Outcome::Cancelled]),
            ]
        })
    }

    fn durations(&self) -> LineChart {
        let series = [("half of all", "1"), ("95 %", "4"), ("99 %", "bad")];
        let took = self.sum().runs.took_ms;
        let says = took
            .quantile(0.95)
            .map(|p95| format!("95 % took at most {}.", milliseconds(p95)));
        let values = |trend: &Trend| {
            let took = &trend.runs.took_ms;
            [0.5, 0.95, 0.99].map(|share| took.quantile(share)).to_vec()
        };
        let href = |start| Some(self.runs_of(start));
        self.lines(
            "Duration of runs",
            says.unwrap_or_default(),
            &series,
            milliseconds,
            values,
            href,
        )
    }

    fn items(&self) -> BarChart {
        let says = match self.sum().runs.items {
            0 => String::new(),
            items => format!("{} in all. The more, the longer runs take.", number(items)),
        };
        let values = |trend: &Trend| vec![trend.runs.items];
        self.bars("Work items read", says, &[("Work items", "1")], values)
    }

    fn webhook_lag(&self) -> LineChart {
        let series = [("half of all", "1"), ("95 %", "4")];
        let webhooks = self.sum().webhooks;
        let says = webhooks.lag_ms.quantile(0.95).map(|p95| {
            format!(
                "From a change in Plane to the copy: 95 % at most {}.",
                milliseconds(p95)
            )
        });
        let values = |trend: &Trend| {
            let lag = &trend.webhooks.lag_ms;
            vec![lag.quantile(0.5), lag.quantile(0.95)]
        };
        self.lines(
            "Webhook lag",
            says.unwrap_or_default(),
            &series,
            milliseconds,
            values,
            |start| Some(self.received_in(start)),
        )
    }

    fn coverage(&self) -> LineChart {
        let of = |trend: &Trend| {
            let coverage = Coverage {
                told: trend.webhooks.told,
                caught: trend.webhooks.caught,
            };
            coverage.per_mille()
        };
        let sum = self.sum();
        let says = of(&sum).map(|share| {
            format!(
                "{} of {} told by webhooks first.",
                percent(share),
                count(sum.webhooks.told + sum.webhooks.caught, "change", "changes")
            )
        });
        let target = Targets::default().of(Objective::Coverage);
        let promised = u64::from(u16::from(target)) / 10;
        LineChart {
            target: Some(ChartTarget {
                word: "promised".to_owned(),
                value: promised,
            }),
            ..self.lines(
                "Webhook coverage",
                says.unwrap_or_default(),
                &[("told by webhooks", "2")],
                percent,
                |trend| vec![of(trend)],
                |start| Some(self.received_in(start)),
            )
        }
    }

    fn calls(&self) -> BarChart {
        let looks = [
            (Purpose::Sync, "1"),
            (Purpose::Webhook, "2"),
            (Purpose::Compare, "3"),
            (Purpose::ConnectionTest, "4"),
            (Purpose::HealthCheck, "5"),
        ];
        let budget = Query::default()
            .with("range", Some(self.charts.range.word()))
            .on(paths::BUDGET);
        let mut all = Usage::default();
        let calls = self.charts.calls.iter();
        let bars = calls.map(|(start, usage)| {
            all.merge(usage);
            let of = |purpose| {
                usage
                    .by_purpose
                    .get(&purpose)
                    .map_or(0, |tally| tally.calls)
            };
            ChartBar {
                label: bar_label(*start, self.charts.range),
                moment: bar_moment(*start),
                parts: looks.iter().map(|(purpose, _)| of(*purpose)).collect(),
                href: Some(budget.clone()),
            }
        });
        let bars = bars.collect();
        let total = all.total();
        let says = match total.calls {
            0 => String::new(),
            calls => format!(
                "{}; {} answered 429, {} waited for the limit.",
                count(calls, "call", "calls"),
                number(total.limited),
                milliseconds(total.waited_ms)
            ),
        };
        let series: Vec<_> = looks
            .iter()
            .map(|(purpose, look)| (purpose.word(), *look))
            .collect();
        BarChart {
            title: "Calls to Plane".to_owned(),
            says,
            series: named(&series),
            bars,
            format: number,
            time: self.time(),
            marks: self.marks.clone(),
        }
    }
}

fn named(series: &[(&str, &'static str)]) -> Vec<Series> {
    let series = series.iter();
    series
        .map(|(word, look)| Series {
            word: (*word).to_owned(),
            look,
        })
        .collect()
}
