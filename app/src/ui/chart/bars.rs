use leptos::prelude::*;

use super::{
    ChartMark, Series,
    frame::{Drawn, Stretch, figure, legend},
    plot::{GROUND, height, percent},
};

/// A chart of stacked bars over time, and the same as a table.
#[derive(Clone, Debug)]
pub struct BarChart {
    /// What is counted, such as "Calls to Plane".
    pub title: String,
    /// What there is to see, in a sentence.
    pub says: String,
    /// What the parts of each bar are, from the ground up.
    pub series: Vec<Series>,
    /// The oldest first.
    pub bars: Vec<ChartBar>,
    /// A number as people read it.
    pub format: fn(u64) -> String,
    /// The head of the table's first column, such as "Hour from".
    pub time: String,
    pub marks: Vec<ChartMark>,
}

#[derive(Clone, Debug)]
pub struct ChartBar {
    /// When it begins, short: below the chart.
    pub label: String,
    /// Exactly when.
    pub moment: String,
    /// One number for each series.
    pub parts: Vec<u64>,
    /// What is behind it; nothing is behind a bar of zero.
    pub href: Option<String>,
}

impl ChartBar {
    fn total(&self) -> u64 {
        self.parts
            .iter()
            .fold(0, |sum, part| sum.saturating_add(*part))
    }
}

/// Drawn on the server. Each bar that leads somewhere is a link.
#[component]
pub fn BarChartView(chart: BarChart) -> impl IntoView {
    let most = chart.bars.iter().map(ChartBar::total).max().unwrap_or(0);
    let is_stacked = chart.series.len() > 1;
    let words = chart.series.iter().map(|series| series.word.clone());
    let heads = [chart.time.clone()].into_iter().chain(words);
    let heads = heads.chain(is_stacked.then(|| "In all".to_owned()));
    let drawn = Drawn {
        stretches: stretches(&chart, most),
        nothing: (most == 0).then_some("Nothing in this time"),
        scale: Some((chart.format)(most)),
        over: ().into_any(),
        legend: is_stacked.then(|| legend(&chart.series, sample)),
        heads: heads.collect(),
        title: chart.title,
        says: chart.says,
        marks: chart.marks,
    };
    figure(drawn)
}

fn stretches(chart: &BarChart, most: u64) -> Vec<Stretch> {
    let count = chart.bars.len();
    let is_stacked = chart.series.len() > 1;
    let stretch = |(n, bar): (usize, &ChartBar)| {
        let numbers = bar.parts.iter().copied();
        let numbers = numbers.chain(is_stacked.then(|| bar.total()));
        Stretch {
            label: bar.label.clone(),
            moment: bar.moment.clone(),
            says: says(bar, chart),
            href: bar.href.clone().filter(|_| bar.total() > 0),
            view: parts(bar, &chart.series, most, (n, count)),
            cells: numbers.map(chart.format).collect(),
        }
    };
    chart.bars.iter().enumerate().map(stretch).collect()
}

/// "24 Nov 2026, 10:00 UTC: 41, of it Syncs 40, Webhooks 1".
fn says(bar: &ChartBar, chart: &BarChart) -> String {
    let total = (chart.format)(bar.total());
    let parts: Vec<String> = chart
        .series
        .iter()
        .zip(&bar.parts)
        .filter(|(_, part)| **part > 0)
        .map(|(series, part)| format!("{} {}", series.word, (chart.format)(*part)))
        .collect();
    if parts.is_empty() || chart.series.len() == 1 {
        return format!("{}: {total}", bar.moment);
    }
    format!("{}: {total}, of it {}", bar.moment, parts.join(", "))
}

/// Stacked; whatever there is can be seen. `place`: which of how many bars it is.
fn parts(bar: &ChartBar, series: &[Series], most: u64, place: (usize, usize)) -> AnyView {
    let (n, count) = place;
    let (left, width) = (
        percent(n as f64 / count as f64),
        percent(0.8 / count as f64),
    );
    let mut top = GROUND;
    series
        .iter()
        .zip(&bar.parts)
        .filter(|(_, part)| **part > 0)
        .map(|(series, part)| {
            let height = height(*part, most).max(2);
            top = top.saturating_sub(height);
            let class = format!("series-{}", series.look);
            view! { <rect class=class x=left.clone() width=width.clone() y=top height=height/> }
        })
        .collect_view()
        .into_any()
}

fn sample(series: &Series) -> AnyView {
    let class = format!("series-{}", series.look);
    view! {
        <svg class="chart-key" width="14" height="14" aria-hidden="true"><rect class=class width="14" height="14"/></svg>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::number::number;

    fn chart(parts: &[&[u64]], words: &[&str]) -> BarChart {
        let looks = ["1", "2"];
        BarChart {
            title: "Calls".to_owned(),
            says: String::new(),
            series: words
                .iter()
                .zip(looks)
                .map(|(word, look)| Series {
                    word: (*word).to_owned(),
                    look,
                })
                .collect(),
            bars: parts
                .iter()
                .map(|parts| ChartBar {
                    label: "10:00".to_owned(),
                    moment: "Today, 10:00".to_owned(),
                    parts: parts.to_vec(),
                    href: Some("/runs".to_owned()),
                })
                .collect(),
            format: number,
            time: "Hour".to_owned(),
            marks: vec![],
        }
    }

    fn html(chart: BarChart) -> String {
        view! { <BarChartView chart/> }.to_html()
    }

    #[test]
    fn a_bar_says_what_it_is_made_of() {
        let two = chart(&[&[1_200, 1], &[0, 0]], &["Syncs", "Webhooks"]);
        let said: Vec<_> = two.bars.iter().map(|bar| says(bar, &two)).collect();
        assert_eq!(
            said,
            [
                "Today, 10:00: 1,201, of it Syncs 1,200, Webhooks 1",
                "Today, 10:00: 0"
            ]
        );
        let one = chart(&[&[7]], &["Runs"]);
        assert_eq!(says(&one.bars[0], &one), "Today, 10:00: 7");
    }

    #[test]
    fn what_is_hardly_anything_can_be_seen() {
        let html = html(chart(&[&[100_000, 1]], &["Syncs", "Webhooks"]));
        assert!(
            html.contains(r#"y="23" height="2" class="series-2""#),
            "{html}"
        );
    }

    #[test]
    fn only_the_latest_bar_is_a_tab_stop_and_nothing_is_behind_zero() {
        let html = html(chart(&[&[3], &[2], &[0]], &["Runs"]));
        let links: Vec<_> = html.split("<a ").skip(1).collect();
        let drawn: Vec<_> = links
            .iter()
            .filter(|link| link.contains("data-turn"))
            .collect();
        assert_eq!(drawn.len(), 2, "{html}");
        assert!(drawn[0].contains(r#"tabindex="-1""#));
        assert!(!drawn[1].split('>').next().unwrap().contains("tabindex"));
        assert_eq!(links.len(), 4, "the table has the same two");
    }

    #[test]
    fn a_chart_without_anything_says_so_in_words() {
        for nothing in [chart(&[&[0], &[0]], &["Runs"]), chart(&[], &["Runs"])] {
            let html = html(nothing);
            assert!(html.contains("Nothing in this time"), "{html}");
            assert!(!html.contains("chart-ground") && !html.contains("<details"));
        }
    }

    #[test]
    fn numbers_beyond_all_bounds_are_drawn_inside() {
        let html = html(chart(
            &[&[u64::MAX, u64::MAX], &[1, 0]],
            &["Syncs", "Webhooks"],
        ));
        assert!(
            html.contains(r#"y="24" height="120" class="series-1""#),
            "{html}"
        );
    }
}
