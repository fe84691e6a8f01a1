use leptos::prelude::*;

use super::{
    ChartMark, Series,
    frame::{Drawn, Stretch, figure, legend},
    plot::{GROUND, TALL, TOP, WIDE, height, line, percent},
};

/// A chart of lines over time, and the same as a table.
#[derive(Clone, Debug)]
pub struct LineChart {
    /// What is measured, such as "Age of copies".
    pub title: String,
    /// What there is to see, in a sentence.
    pub says: String,
    pub series: Vec<Series>,
    /// One for each stretch of time, the oldest first.
    pub points: Vec<ChartPoint>,
    /// What should not be exceeded, or undershot.
    pub target: Option<ChartTarget>,
    /// A number as people read it.
    pub format: fn(u64) -> String,
    /// The head of the table's first column, such as "Hour from".
    pub time: String,
    pub marks: Vec<ChartMark>,
}

#[derive(Clone, Debug)]
pub struct ChartPoint {
    /// When it begins, short: below the chart.
    pub label: String,
    /// Exactly when.
    pub moment: String,
    /// One for each series; `None`: nothing was measured, which is a gap and never a zero.
    pub values: Vec<Option<u64>>,
    /// What is behind it; nothing is behind what was not measured.
    pub href: Option<String>,
}

impl ChartPoint {
    fn is_measured(&self) -> bool {
        self.values.iter().any(Option::is_some)
    }
}

/// A line across the chart with its word.
#[derive(Clone, Debug)]
pub struct ChartTarget {
    pub word: String,
    pub value: u64,
}

/// Drawn on the server. Each stretch of time that leads somewhere is a link.
#[component]
pub fn LineChartView(chart: LineChart) -> impl IntoView {
    let measured = chart
        .points
        .iter()
        .flat_map(|point| &point.values)
        .flatten();
    let target = chart.target.as_ref().map(|target| &target.value);
    let most = measured.chain(target).copied().max().unwrap_or(0);
    let is_measured = chart.points.iter().any(ChartPoint::is_measured);
    let lines = (0..chart.series.len()).map(|n| line_view(&chart, n, most));
    let lines = lines.collect_view();
    let target = chart
        .target
        .as_ref()
        .map(|target| target_view(target, chart.format, most));
    let words = chart.series.iter().map(|series| series.word.clone());
    let drawn = Drawn {
        stretches: stretches(&chart),
        nothing: (!is_measured).then_some("Nothing was measured in this time"),
        scale: (most > 0).then(|| (chart.format)(most)),
        over: view! { {lines} {target} }.into_any(),
        legend: (chart.series.len() > 1).then(|| legend(&chart.series, sample)),
        heads: [chart.time.clone()].into_iter().chain(words).collect(),
        title: chart.title,
        says: chart.says,
        marks: chart.marks,
    };
    figure(drawn)
}

fn stretches(chart: &LineChart) -> Vec<Stretch> {
    let cell = |value: &Option<u64>| value.map_or_else(|| "–".to_owned(), chart.format);
    let stretch = |point: &ChartPoint| Stretch {
        label: point.label.clone(),
        moment: point.moment.clone(),
        says: says(point, chart),
        href: point.href.clone().filter(|_| point.is_measured()),
        view: ().into_any(),
        cells: point.values.iter().map(cell).collect(),
    };
    chart.points.iter().map(stretch).collect()
}

/// "24 Nov 2026, 10:00 UTC: p50 3 min, p95 12 min".
fn says(point: &ChartPoint, chart: &LineChart) -> String {
    let is_alone = chart.series.len() == 1;
    let measured = chart.series.iter().zip(&point.values);
    let measured = measured.filter_map(|(series, value)| {
        let value = (chart.format)((*value)?);
        Some(match is_alone {
            true => value,
            false => format!("{} {value}", series.word),
        })
    });
    let measured: Vec<_> = measured.collect();
    match measured.is_empty() {
        true => format!("{}: nothing was measured", point.moment),
        false => format!("{}: {}", point.moment, measured.join(", ")),
    }
}

/// The line of the `n`th series.
fn line_view(chart: &LineChart, n: usize, most: u64) -> impl IntoView + use<> {
    let values = chart
        .points
        .iter()
        .map(|point| point.values.get(n).copied().flatten());
    let line = line(&values.collect::<Vec<_>>(), most);
    let dots = line.alone.into_iter().map(|(x, value)| {
        view! { <circle class="chart-dot" cx=percent(x) cy={GROUND - height(value, most)} r="3"/> }
    });
    let dots = dots.collect_view();
    let path = (!line.path.is_empty()).then(|| {
        view! {
            <svg y=TOP width="100%" height=TALL viewBox=format!("0 0 {WIDE} {TALL}") preserveAspectRatio="none" overflow="visible">
                <path class="chart-line" d=line.path/>
            </svg>
        }
    });
    view! { <g class=format!("line-{}", chart.series[n].look)>{path} {dots}</g> }
}

/// Pixels that a word takes.
const WORD: u64 = 16;

/// The word stands over its line, or below where that would be in the way of the line at the top.
fn target_view(
    target: &ChartTarget,
    format: fn(u64) -> String,
    most: u64,
) -> impl IntoView + use<> {
    let y = GROUND - height(target.value, most);
    let word_y = if y < TOP + WORD { y + WORD } else { y - 6 };
    view! {
        <line class="chart-target" x2="100%" y1=y y2=y/>
        <text class="chart-target-word" x="100%" y=word_y>{format!("{}: {}", target.word, format(target.value))}</text>
    }
}

fn sample(series: &Series) -> AnyView {
    let class = format!("chart-key line-{}", series.look);
    view! {
        <svg class=class width="26" height="14" aria-hidden="true"><line class="chart-line" x2="26" y1="7" y2="7"/></svg>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(minutes: u64) -> String {
        format!("{minutes} min")
    }

    fn chart(values: &[[Option<u64>; 2]], target: Option<u64>) -> LineChart {
        let series = |word: &str, look| Series {
            word: word.to_owned(),
            look,
        };
        let point = |(hour, values): (usize, &[Option<u64>; 2])| ChartPoint {
            label: format!("{hour:02}:00"),
            moment: format!("24 Nov 2026, {hour:02}:00 UTC"),
            values: values.to_vec(),
            href: Some(format!("/runs?hour={hour}")),
        };
        LineChart {
            title: "Age of copies".to_owned(),
            says: String::new(),
            series: vec![series("p50", "1"), series("p95", "4")],
            points: values.iter().enumerate().map(point).collect(),
            target: target.map(|value| ChartTarget {
                word: "schedule".to_owned(),
                value,
            }),
            format: minutes,
            time: "Hour from".to_owned(),
            marks: vec![],
        }
    }

    fn html(chart: LineChart) -> String {
        view! { <LineChartView chart/> }.to_html()
    }

    #[test]
    fn a_stretch_says_what_was_measured_in_it() {
        let chart = chart(&[[Some(3), Some(12)], [None, Some(9)], [None, None]], None);
        let said: Vec<_> = chart
            .points
            .iter()
            .map(|point| says(point, &chart))
            .collect();
        assert_eq!(
            said,
            [
                "24 Nov 2026, 00:00 UTC: p50 3 min, p95 12 min",
                "24 Nov 2026, 01:00 UTC: p95 9 min",
                "24 Nov 2026, 02:00 UTC: nothing was measured",
            ]
        );
    }

    #[test]
    fn what_was_not_measured_is_a_gap_a_dash_and_no_link() {
        let html = html(chart(
            &[[Some(0), Some(5)], [None, None], [Some(4), Some(10)]],
            None,
        ));
        assert_eq!(html.matches("chart-dot").count(), 4, "each alone: {html}");
        assert!(!html.contains("<path"), "{html}");
        assert_eq!(html.matches("–</td>").count(), 2);
        assert_eq!(html.matches("data-turn").count(), 2);
    }

    #[test]
    fn the_scale_begins_at_zero_and_includes_the_target() {
        let html = html(chart(&[[Some(10), None], [Some(0), None]], Some(40)));
        assert!(html.contains(">40 min</text>"), "the scale: {html}");
        assert!(html.contains("schedule: 40 min"));
        assert!(
            html.contains(r#"d="M250.0 90L750.0 120""#),
            "a quarter of it: {html}"
        );
        // At the top, its word stands below it.
        assert!(html.contains(r#"x="100%" y="40""#), "{html}");
    }

    #[test]
    fn zeros_are_measured_and_nothing_is_said_in_words() {
        let zeros = html(chart(&[[Some(0), Some(0)], [Some(0), Some(0)]], None));
        assert!(zeros.contains("<path") && !zeros.contains("Nothing was measured"));
        let nothing = html(chart(&[[None, None]], Some(40)));
        assert!(nothing.contains("Nothing was measured in this time"));
        assert!(!nothing.contains("chart-ground") && !nothing.contains("chart-target"));
    }
}
