use leptos::prelude::*;

use super::{
    Series,
    marks::{self, ChartMark},
    plot::{GROUND, TALL, TEXT, TOP, labelled, middle, percent, within},
    words::brief,
};
use crate::ui::table::TableRegion;

/// What is drawn of a chart, whichever kind it is.
pub(super) struct Drawn {
    pub(super) title: String,
    pub(super) says: String,
    /// The oldest first.
    pub(super) stretches: Vec<Stretch>,
    /// Instead of a plot, when there is nothing to draw.
    pub(super) nothing: Option<&'static str>,
    /// Where the scale ends; `None`: at zero.
    pub(super) scale: Option<String>,
    /// Over all stretches.
    pub(super) over: AnyView,
    /// What the looks mean; `None` where there is but one.
    pub(super) legend: Option<AnyView>,
    pub(super) marks: Vec<ChartMark>,
    /// The heads of the table's columns; the first one is the time.
    pub(super) heads: Vec<String>,
}

/// A stretch of time.
pub(super) struct Stretch {
    pub(super) label: String,
    pub(super) moment: String,
    /// All there is to say of it, in a sentence.
    pub(super) says: String,
    pub(super) href: Option<String>,
    pub(super) view: AnyView,
    /// Its row of the table.
    pub(super) cells: Vec<String>,
}

/// A link's place among those that the arrow keys go through.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    pub(super) number: Option<usize>,
    pub(super) tab_index: Option<&'static str>,
}

impl Turn {
    /// Of what is no link.
    pub(super) const NONE: Turn = Turn {
        number: None,
        tab_index: None,
    };
}

/// A chart's caption, drawing, legend and table.
pub(super) fn figure(drawn: Drawn) -> AnyView {
    let Drawn {
        title,
        says,
        stretches,
        nothing,
        scale,
        over,
        legend,
        heads,
        mut marks,
    } = drawn;
    marks.sort_by(|one, next| within(one.from).total_cmp(&within(next.from)));
    let label = match says.is_empty() {
        true => title.clone(),
        false => format!("{title}. {says}"),
    };
    let twin = nothing.is_none().then(|| twin(&title, heads, &stretches));
    let is_dated = nothing.is_none() || !marks.is_empty();
    let labels = is_dated.then(|| labels(&stretches));
    let ground =
        is_dated.then(|| view! { <line class="chart-ground" x2="100%" y1=GROUND y2=GROUND/> });
    // What is not drawn needs no explanation.
    let legend = legend.filter(|_| nothing.is_none());
    let mark_legend = (!marks.is_empty()).then(|| marks::legend(&marks));
    let has_legend = legend.is_some() || mark_legend.is_some();
    let legend = has_legend.then(|| view! { <ul class="legend">{legend} {mark_legend}</ul> });
    let (stretch_turns, mark_turns) = turns(
        &stretches
            .iter()
            .map(|one| one.href.is_some())
            .collect::<Vec<_>>(),
        &marks,
    );
    let marks = marks::draw(marks.into_iter().zip(mark_turns).collect());
    let plot = match nothing {
        Some(nothing) => {
            view! { <text class="chart-nothing" x="50%" y={TOP + TALL / 2}>{nothing}</text> }
                .into_any()
        }
        None => {
            let count = stretches.len();
            let stretches = stretches
                .into_iter()
                .zip(stretch_turns)
                .enumerate()
                .map(|(n, (stretch, turn))| stretch_view(stretch, turn, n, count))
                .collect_view();
            view! { {scale.map(scale_view)} {stretches} {over} }.into_any()
        }
    };
    view! {
        <figure class="chart">
            <figcaption>
                <strong>{title}</strong>
                {(!says.is_empty()).then(|| view! { " " <span class="quiet">{says}</span> })}
            </figcaption>
            <svg class="chart-drawing" width="100%" height={GROUND + 28 + marks.tall} role="group" aria-label=label>
                {plot}
                {ground}
                <g aria-hidden="true" transform=format!("translate(0 {})", marks.tall)>{labels}</g>
                {marks.view}
            </svg>
            {legend}
            {twin}
        </figure>
    }
    .into_any()
}

fn scale_view(most: String) -> impl IntoView {
    view! {
        <line class="chart-most" x2="100%" y1=TOP y2=TOP/>
        <text class="chart-scale" y=TEXT>{most}</text>
    }
}

fn labels(stretches: &[Stretch]) -> impl IntoView + use<> {
    let count = stretches.len();
    labelled(count)
        .map(|n| {
            let left = percent(n as f64 / count as f64);
            view! { <text x=left y={GROUND + 20}>{stretches[n].label.clone()}</text> }
        })
        .collect_view()
}

/// What can be pointed at is the whole height.
fn stretch_view(stretch: Stretch, turn: Turn, n: usize, count: usize) -> AnyView {
    let (left, width) = (
        percent(n as f64 / count as f64),
        percent(1.0 / count as f64),
    );
    let inside = view! {
        <title>{stretch.says.clone()}</title>
        <rect class="chart-space" x=left width=width y=TOP height=TALL/>
        {stretch.view}
        <text class="chart-detail" y=TEXT aria-hidden="true">{brief(&stretch.says)}</text>
    };
    match stretch.href {
        Some(href) => view! {
            <a class="chart-part" href=href aria-label=stretch.says data-turn=turn.number tabindex=turn.tab_index>{inside}</a>
        }
        .into_any(),
        None => view! { <g class="chart-part">{inside}</g> }.into_any(),
    }
}

/// The turns of stretches, of which those that are links are told, and of marks: by where they stand. The latest stretch is where
/// the Tab key comes in.
fn turns(is_link: &[bool], marks: &[ChartMark]) -> (Vec<Turn>, Vec<Turn>) {
    let stretches = is_link.iter().enumerate().filter(|(_, is_link)| **is_link);
    let stretches = stretches.map(|(n, _)| (middle(n, is_link.len()), false, n));
    let linked_marks = marks
        .iter()
        .enumerate()
        .filter(|(_, mark)| mark.href.is_some());
    let linked_marks = linked_marks.map(|(n, mark)| (within(mark.from), true, n));
    let mut links: Vec<_> = stretches.chain(linked_marks).collect();
    links.sort_by(|one, next| one.0.total_cmp(&next.0));
    let latest = links.iter().rposition(|(_, is_mark, _)| !is_mark);
    let way_in = latest.or_else(|| links.len().checked_sub(1));

    let mut found = (
        vec![Turn::NONE; is_link.len()],
        vec![Turn::NONE; marks.len()],
    );
    for (number, (_, is_mark, n)) in links.into_iter().enumerate() {
        let turns = if is_mark { &mut found.1 } else { &mut found.0 };
        turns[n] = Turn {
            number: Some(number),
            tab_index: (way_in != Some(number)).then_some("-1"),
        };
    }
    found
}

/// What the looks of series mean, each beside a sample.
pub(super) fn legend(series: &[Series], sample: fn(&Series) -> AnyView) -> AnyView {
    series
        .iter()
        .map(|series| view! { <li>{sample(series)} " " {series.word.clone()}</li> })
        .collect_view()
        .into_any()
}

/// The same in numbers, the latest first.
fn twin(title: &str, heads: Vec<String>, stretches: &[Stretch]) -> impl IntoView + use<> {
    let rows = stretches
        .iter()
        .rev()
        .map(|stretch| {
            let moment = match &stretch.href {
                Some(href) => {
                    view! { <a href=href.clone()>{stretch.moment.clone()}</a> }.into_any()
                }
                None => stretch.moment.clone().into_any(),
            };
            let cells = stretch.cells.iter().cloned();
            let cells = cells
                .map(|cell| view! { <td class="number">{cell}</td> })
                .collect_view();
            view! { <tr><th scope="row">{moment}</th>{cells}</tr> }
        })
        .collect_view();
    let heads = heads
        .into_iter()
        .enumerate()
        .map(|(n, head)| view! { <th scope="col" class=(n > 0).then_some("number")>{head}</th> })
        .collect_view();
    let title = title.to_owned();
    view! {
        <details class="chart-table">
            <summary>"As a table"<span class="visually-hidden">{format!(": {title}")}</span></summary>
            <TableRegion label=title.clone()>
                <table>
                    <caption class="visually-hidden">{title}</caption>
                    <thead><tr>{heads}</tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableRegion>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::chart::MarkKind;

    fn mark(from: f64, href: Option<&str>) -> ChartMark {
        ChartMark {
            kind: MarkKind::Key,
            from,
            to: None,
            says: "Key replaced".to_owned(),
            href: href.map(str::to_owned),
        }
    }

    fn numbers(turns: &[Turn]) -> Vec<Option<usize>> {
        turns.iter().map(|turn| turn.number).collect()
    }

    #[test]
    fn links_take_turns_by_where_they_stand_and_tab_comes_in_at_the_latest_stretch() {
        let marks = [
            mark(0.2, Some("/a")),
            mark(0.4, None),
            mark(0.99, Some("/b")),
        ];
        let (stretches, marks) = turns(&[true, false, true, true], &marks);
        assert_eq!(numbers(&stretches), [Some(0), None, Some(2), Some(3)]);
        assert_eq!(numbers(&marks), [Some(1), None, Some(4)]);
        let stops = stretches.iter().chain(&marks);
        let stops: Vec<_> = stops
            .filter(|turn| turn.number.is_some() && turn.tab_index.is_none())
            .filter_map(|turn| turn.number)
            .collect();
        assert_eq!(stops, [3], "one stop");
    }

    #[test]
    fn tab_comes_in_at_the_latest_mark_where_no_stretch_is_a_link() {
        let (_, marks) = turns(&[false], &[mark(0.2, Some("/a")), mark(0.4, Some("/b"))]);
        let tabs: Vec<_> = marks.iter().map(|turn| turn.tab_index).collect();
        assert_eq!(tabs, [Some("-1"), None]);
    }
}
