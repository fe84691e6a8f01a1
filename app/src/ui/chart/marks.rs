use leptos::prelude::*;

use super::{
    frame::Turn,
    plot::{GROUND, TALL, TEXT, TOP, lanes, percent, within},
    words::brief,
};
use crate::ui::number::number;

/// Something that happened, drawn over a chart: a rotated key, a change, an upgrade, an outage, maintenance.
#[derive(Clone, Debug)]
pub struct ChartMark {
    pub kind: MarkKind,
    /// Where it begins, as a share of the width, 0.0 to 1.0.
    pub from: f64,
    /// Where it ends, for what lasts (drawn as a band); `None`: a moment (drawn as a line with a small head).
    pub to: Option<f64>,
    /// "Key of Acme replaced by Maya, 24 Nov 2026, 10:12 UTC".
    pub says: String,
    pub href: Option<String>,
}

/// What kind of thing happened: a word, a letter and a colour each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    Key,
    Change,
    Upgrade,
    Outage,
    Maintenance,
}

impl MarkKind {
    /// What a person reads, and the letter in the head.
    pub fn word(self) -> &'static str {
        match self {
            MarkKind::Key => "Key",
            MarkKind::Change => "Change",
            MarkKind::Upgrade => "Upgrade",
            MarkKind::Outage => "Outage",
            MarkKind::Maintenance => "Maintenance",
        }
    }

    pub(super) fn class(self) -> &'static str {
        match self {
            MarkKind::Key => "mark-key",
            MarkKind::Change => "mark-change",
            MarkKind::Upgrade => "mark-upgrade",
            MarkKind::Outage => "mark-outage",
            MarkKind::Maintenance => "mark-maintenance",
        }
    }
}

/// Pixels of a head, and of the row that it stands in.
const HEAD: u64 = 14;
const LANE: u64 = 18;
/// So many are told in words.
const LISTED: usize = 100;

/// Marks over a plot.
pub(super) struct Drawing {
    pub(super) view: AnyView,
    /// Pixels that their heads take below the ground.
    pub(super) tall: u64,
}

/// Draws marks that stand in the order of their beginnings, each with its turn.
pub(super) fn draw(marks: Vec<(ChartMark, Turn)>) -> Drawing {
    let lanes = lanes(marks.iter().map(|(mark, _)| within(mark.from)));
    let rows = lanes.iter().max().map_or(0, |lane| lane + 1);
    let view = marks
        .into_iter()
        .zip(lanes)
        .map(|((mark, turn), lane)| mark_view(mark, turn, GROUND + 4 + LANE * lane as u64))
        .collect_view()
        .into_any();
    Drawing {
        view,
        tall: LANE * rows as u64,
    }
}

/// The line, which a band begins with too, however short it is; the head at `top`.
fn mark_view(mark: ChartMark, turn: Turn, top: u64) -> AnyView {
    let from = within(mark.from);
    let at = percent(from);
    let band = mark.to.map(|to| {
        let width = percent(within(to) - from);
        view! { <rect class="mark-band" x=at.clone() width=width y=TOP height=TALL/> }
    });
    let inside = view! {
        <title>{mark.says.clone()}</title>
        {band}
        <line class="mark-line" x1=at.clone() x2=at.clone() y1=TOP y2=top/>
        <svg x=at.clone() y=top overflow="visible">{head(mark.kind)}</svg>
        <text class="chart-detail" y=TEXT aria-hidden="true">{brief(&mark.says)}</text>
    };
    let class = format!("chart-part {}", mark.kind.class());
    match mark.href {
        Some(href) => {
            view! { <a class=class href=href aria-label=mark.says data-turn=turn.number tabindex=turn.tab_index>{inside}</a> }.into_any()
        }
        None => view! { <g class=class>{inside}</g> }.into_any(),
    }
}

/// Around `x` = 0.
fn head(kind: MarkKind) -> impl IntoView {
    view! {
        <rect class="mark-head" x="-7" width=HEAD height=HEAD rx="4"/>
        <text class="mark-letter" y="11">{&kind.word()[..1]}</text>
    }
}

/// A mark beside text.
fn key(kind: MarkKind) -> impl IntoView {
    view! {
        <svg class=format!("chart-key {}", kind.class()) viewBox="-7 0 14 14" width=HEAD height=HEAD aria-hidden="true">{head(kind)}</svg>
    }
}

/// What the letters in the heads mean.
pub(super) fn legend(marks: &[ChartMark]) -> AnyView {
    let mut kinds: Vec<_> = marks.iter().map(|mark| mark.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
        .into_iter()
        .map(|kind| view! { <li>{key(kind)} " " {kind.word()}</li> })
        .collect_view()
        .into_any()
}

/// All that is marked, in words, the latest first: once for all charts of a page.
#[component]
pub fn MarksView(
    marks: Vec<ChartMark>,
    /// What leads to it.
    id: &'static str,
) -> impl IntoView {
    if marks.is_empty() {
        return ().into_any();
    }
    let earlier = marks.len().saturating_sub(LISTED);
    let summary = format!("What happened in this time: {}", number(marks.len() as u64));
    let earlier = (earlier > 0).then(|| {
        let says = format!(
            "{} before that are not listed. A shorter time has fewer.",
            number(earlier as u64)
        );
        view! { <p>{says}</p> }
    });
    let lines = marks
        .into_iter()
        .rev()
        .take(LISTED)
        .map(|mark| {
            let says = match mark.href {
                Some(href) => view! { <a href=href>{mark.says}</a> }.into_any(),
                None => mark.says.into_any(),
            };
            view! { <li>{key(mark.kind)} <span><span class="visually-hidden">{mark.kind.word()} ": "</span>{says}</span></li> }
        })
        .collect_view();
    view! {
        <details class="chart-table">
            <summary>{summary}</summary>
            <div class="chart-happened" id=id>
                <ul>{lines}</ul>
                {earlier}
            </div>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_letter_of_its_own() {
        use MarkKind::{Change, Key, Maintenance, Outage, Upgrade};
        let mut letters = [Key, Change, Upgrade, Outage, Maintenance].map(|kind| &kind.word()[..1]);
        letters.sort_unstable();
        assert_eq!(letters, ["C", "K", "M", "O", "U"]);
    }

    fn mark(from: f64, to: Option<f64>) -> String {
        let mark = ChartMark {
            kind: MarkKind::Outage,
            from,
            to,
            says: "Plane did not answer, 24 Nov 2026, 10:12 UTC".to_owned(),
            href: None,
        };
        draw(vec![(mark, Turn::NONE)]).view.to_html()
    }

    #[test]
    fn what_lasts_is_a_band_and_a_moment_is_a_line() {
        let outage = mark(0.25, Some(0.75));
        assert!(
            outage.contains(r#"x="25.000%" width="50.000%""#),
            "{outage}"
        );
        let moment = mark(0.25, None);
        assert!(!moment.contains("mark-band") && moment.contains("mark-line"));
        let beyond = mark(-3.0, Some(9.0));
        assert!(
            beyond.contains(r#"x="0.000%" width="100.000%""#),
            "{beyond}"
        );
        let backwards = mark(0.5, Some(0.25));
        assert!(backwards.contains(r#"width="0.000%""#), "{backwards}");
    }
}
