use leptos::prelude::*;

use super::table::TableRegion;

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
}

/// One kind of part.
#[derive(Clone, Debug)]
pub struct Series {
    pub word: String,
    /// Its colour and pattern: `1` to `6`, or `bad`.
    pub look: &'static str,
}

#[derive(Clone, Debug)]
pub struct ChartBar {
    /// When it begins, short: below the chart.
    pub label: String,
    /// Exactly when.
    pub moment: String,
    /// One number for each series.
    pub parts: Vec<u64>,
    /// What is behind it.
    pub href: Option<String>,
}

impl ChartBar {
    fn total(&self) -> u64 {
        self.parts.iter().sum()
    }
}

/// Pixels from the ground to the largest bar, and from the top to the ground.
const TALL: u64 = 120;
const GROUND: u64 = 144;
/// So many labels fit below on a narrow screen.
const LABELS: usize = 4;

/// Drawn on the server in shares of the width, so that it fits any. Each bar that leads somewhere is a link.
#[component]
pub fn BarChartView(chart: BarChart) -> impl IntoView {
    let most = chart.bars.iter().map(ChartBar::total).max().unwrap_or(0);
    let legend = (chart.series.len() > 1).then(|| view! { <Legend series=chart.series.clone()/> });
    view! {
        <figure class="chart">
            <Drawing chart=chart.clone() most/>
            {legend}
            <details class="chart-table">
                <summary>"As a table"<span class="visually-hidden">{format!(": {}", chart.title)}</span></summary>
                <Twin chart/>
            </details>
        </figure>
    }
    .into_any()
}

#[component]
fn Drawing(chart: BarChart, most: u64) -> impl IntoView {
    let count = chart.bars.len().max(1);
    let width = 100.0 / count as f64;
    let bars = chart
        .bars
        .iter()
        .enumerate()
        .map(|(n, bar)| {
            let left = n as f64 * width;
            let drawn = view! {
                <svg x=format!("{left:.3}%") width=format!("{:.3}%", width * 0.8) overflow="visible">
                    <title>{says(bar, &chart)}</title>
                    // What can be pointed at is the whole height.
                    <rect class="chart-space" y={GROUND - TALL} width="100%" height=TALL/>
                    {parts(bar, &chart.series, most)}
                </svg>
            };
            match &bar.href {
                Some(href) if bar.total() > 0 => view! { <a href=href.clone() aria-label=says(bar, &chart)>{drawn}</a> }.into_any(),
                _ => drawn.into_any(),
            }
        })
        .collect_view();
    let step = count.div_ceil(LABELS).max(1);
    let labels = chart
        .bars
        .iter()
        .enumerate()
        .step_by(step)
        .map(|(n, bar)| view! { <text x=format!("{:.3}%", n as f64 * width) y={GROUND + 20}>{bar.label.clone()}</text> })
        .collect_view();
    let scale = (most > 0).then(|| {
        view! {
            <line class="chart-most" x2="100%" y1={GROUND - TALL} y2={GROUND - TALL}/>
            <text y={GROUND - TALL - 6}>{(chart.format)(most)}</text>
        }
    });
    view! {
        <svg class="chart-drawing" width="100%" height={GROUND + 28} role="group" aria-label=format!("{}. {}", chart.title, chart.says)>
            {scale}
            <line class="chart-ground" x2="100%" y1=GROUND y2=GROUND/>
            {bars}
            <g aria-hidden="true">{labels}</g>
        </svg>
    }
    .into_any()
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
    match parts.len() {
        0 | 1 if chart.series.len() == 1 => format!("{}: {total}", bar.moment),
        0 => format!("{}: {total}", bar.moment),
        _ => format!("{}: {total}, of it {}", bar.moment, parts.join(", ")),
    }
}

/// Stacked; whatever there is can be seen.
fn parts(bar: &ChartBar, series: &[Series], most: u64) -> impl IntoView + use<> {
    let mut top = GROUND;
    series
        .iter()
        .zip(&bar.parts)
        .filter(|(_, part)| **part > 0)
        .map(|(series, part)| {
            let height = (u128::from(*part) * u128::from(TALL) / u128::from(most.max(1))) as u64;
            let height = height.max(2);
            top = top.saturating_sub(height);
            view! { <rect class=format!("series-{}", series.look) y=top width="100%" height=height/> }
        })
        .collect_view()
}

#[component]
fn Legend(series: Vec<Series>) -> impl IntoView {
    let entries = series
        .into_iter()
        .map(|series| {
            view! {
                <li>
                    <svg class="chart-key" width="14" height="14" aria-hidden="true">
                        <rect class=format!("series-{}", series.look) width="14" height="14"/>
                    </svg>
                    " " {series.word}
                </li>
            }
        })
        .collect_view();
    view! { <ul class="legend">{entries}</ul> }.into_any()
}

/// The chart's numbers.
#[component]
fn Twin(chart: BarChart) -> impl IntoView {
    let is_stacked = chart.series.len() > 1;
    let heads = chart
        .series
        .iter()
        .map(|series| view! { <th scope="col" class="number">{series.word.clone()}</th> })
        .collect_view();
    let rows = chart
        .bars
        .iter()
        .rev()
        .map(|bar| {
            let moment = match &bar.href {
                Some(href) => view! { <a href=href.clone()>{bar.moment.clone()}</a> }.into_any(),
                None => bar.moment.clone().into_any(),
            };
            let parts = bar
                .parts
                .iter()
                .map(|part| view! { <td class="number">{(chart.format)(*part)}</td> })
                .collect_view();
            let total =
                is_stacked.then(|| view! { <td class="number">{(chart.format)(bar.total())}</td> });
            view! { <tr><th scope="row">{moment}</th>{parts}{total}</tr> }
        })
        .collect_view();
    view! {
        <TableRegion label=chart.title.clone()>
            <table>
                <caption class="visually-hidden">{chart.title.clone()}</caption>
                <thead>
                    <tr>
                        <th scope="col">{chart.time.clone()}</th>
                        {heads}
                        {is_stacked.then(|| view! { <th scope="col" class="number">"In all"</th> })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
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
                    href: None,
                })
                .collect(),
            format: number,
            time: "Hour".to_owned(),
        }
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
        let chart = chart(&[&[100_000, 1]], &["Syncs", "Webhooks"]);
        let html = view! { <BarChartView chart/> }.to_html();
        assert!(html.contains(r#"height="2" class="series-2""#), "{html}");
    }
}
