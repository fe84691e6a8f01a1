use domain::{
    connection_test::StageState,
    freshness::Freshness,
    mirror::{Access, CopyState, Label, Priority, State, StateGroup},
    run::Outcome,
};
use leptos::prelude::*;

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Late,
    Bad,
    Idle,
    Accent,
}

impl Tone {
    /// The word in CSS classes.
    pub fn word(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Late => "late",
            Tone::Bad => "bad",
            Tone::Idle => "idle",
            Tone::Accent => "accent",
        }
    }
}

/// The shape that says the same as the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// ●
    Dot,
    /// ◐
    Half,
    /// ▲
    Triangle,
    /// ‖
    Pause,
    /// –
    Dash,
    /// ○
    Ring,
    /// ?
    Question,
    /// A ring that turns.
    Turning,
}

/// A state: a word, a shape and a colour together.
#[component]
pub fn Badge(tone: Tone, shape: Shape, #[prop(into)] text: String) -> impl IntoView {
    view! { <span class=format!("badge tone-{}", tone.word())><ShapeMark shape/>{text}</span> }
        .into_any()
}

/// The shape alone, in the colour of the text around it.
#[component]
pub fn ShapeMark(shape: Shape) -> impl IntoView {
    let drawn = match shape {
        Shape::Dot => view! { <circle cx="6" cy="6" r="4.5" fill="currentColor"/> }.into_any(),
        Shape::Half => view! {
            <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" stroke-width="1.5"/>
            <path d="M6 2a4 4 0 0 1 0 8z" fill="currentColor"/>
        }
        .into_any(),
        Shape::Triangle => view! { <path d="M6 1.2 11.2 10.6H.8z" fill="currentColor"/> }.into_any(),
        Shape::Pause => view! { <path d="M3 2h2v8H3zM7 2h2v8H7z" fill="currentColor"/> }.into_any(),
        Shape::Dash => view! { <path d="M2 5h8v2H2z" fill="currentColor"/> }.into_any(),
        Shape::Ring => {
            view! { <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" stroke-width="1.5"/> }.into_any()
        }
        Shape::Question => view! {
            <path
                d="M3.8 4.4a2.2 2.2 0 1 1 3.3 1.9c-.8.5-1.1.9-1.1 1.7M6 10.2v.1"
                fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round"
            />
        }
        .into_any(),
        Shape::Turning => view! {
            <circle class="turning" cx="6" cy="6" r="4" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="17 8.2"/>
        }
        .into_any(),
    };
    view! { <svg class="shape" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">{drawn}</svg> }.into_any()
}

/// How old a copy is.
#[component]
pub fn FreshnessBadge(freshness: Freshness) -> impl IntoView {
    let (tone, shape) = freshness_look(freshness);
    view! { <Badge tone shape text=freshness.word()/> }
}

/// How old the copy of a project is; where there is none, why.
#[component]
pub fn CopyBadge(state: CopyState, access: Access) -> impl IntoView {
    match state {
        CopyState::Copied(freshness) => view! { <FreshnessBadge freshness/> }.into_any(),
        CopyState::NotCopied => view! { <AccessBadge access/> }.into_any(),
    }
}

/// Colour and shape of a freshness.
pub fn freshness_look(freshness: Freshness) -> (Tone, Shape) {
    match freshness {
        Freshness::Fresh => (Tone::Good, Shape::Dot),
        Freshness::Late => (Tone::Late, Shape::Half),
        Freshness::Stale => (Tone::Bad, Shape::Triangle),
        Freshness::Never => (Tone::Idle, Shape::Ring),
        Freshness::Paused => (Tone::Idle, Shape::Pause),
        Freshness::Inactive => (Tone::Idle, Shape::Dash),
        Freshness::Unknown => (Tone::Idle, Shape::Question),
    }
}

/// How a run ended; `None` while it is under way.
#[component]
pub fn OutcomeBadge(outcome: Option<Outcome>) -> impl IntoView {
    let (tone, shape) = outcome_look(outcome);
    view! { <Badge tone shape text=outcome.map_or("Running", Outcome::word)/> }
}

/// Colour and shape of an outcome. Only a whole success is green.
pub fn outcome_look(outcome: Option<Outcome>) -> (Tone, Shape) {
    match outcome {
        None => (Tone::Accent, Shape::Turning),
        Some(Outcome::Succeeded) => (Tone::Good, Shape::Dot),
        Some(Outcome::Partial | Outcome::Held | Outcome::RateLimited | Outcome::Interrupted) => {
            (Tone::Late, Shape::Half)
        }
        Some(Outcome::Unreachable | Outcome::Rejected | Outcome::Failed) => {
            (Tone::Bad, Shape::Triangle)
        }
        Some(Outcome::Cancelled) => (Tone::Idle, Shape::Pause),
    }
}

/// How a stage of a connection test ended.
#[component]
pub fn StageBadge(state: StageState) -> impl IntoView {
    let (tone, shape, word) = match state {
        StageState::Passed => (Tone::Good, Shape::Dot, "Passed"),
        StageState::Warned => (Tone::Late, Shape::Half, "Look at this"),
        StageState::Failed => (Tone::Bad, Shape::Triangle, "Failed"),
        StageState::NotTried => (Tone::Idle, Shape::Ring, "Not tried"),
    };
    view! { <Badge tone shape text=word/> }
}

/// How a connection test ended.
#[component]
pub fn TestBadge(success: bool) -> impl IntoView {
    if success {
        view! { <Badge tone=Tone::Good shape=Shape::Dot text="Connection works"/> }
    } else {
        view! { <Badge tone=Tone::Bad shape=Shape::Triangle text="Connection fails"/> }
    }
}

/// Whether a project's work items can be copied.
#[component]
pub fn AccessBadge(access: Access) -> impl IntoView {
    let (tone, shape, word) = match access {
        Access::Readable => (Tone::Good, Shape::Dot, "Member"),
        Access::NotMember => (Tone::Idle, Shape::Ring, "Not a member"),
        Access::Archived => (Tone::Idle, Shape::Pause, "Archived"),
        Access::Gone => (Tone::Late, Shape::Half, "No longer in Plane"),
    };
    view! { <Badge tone shape text=word/> }
}

/// Whether a person or an integration is switched on.
#[component]
pub fn ActiveBadge(is_active: bool) -> impl IntoView {
    if is_active {
        view! { <Badge tone=Tone::Good shape=Shape::Dot text="Active"/> }
    } else {
        view! { <Badge tone=Tone::Idle shape=Shape::Pause text="Inactive"/> }
    }
}

/// A work item's state: its group is the shape, Plane's colour the colour, its name the word. Plane's colour stands on the
/// picture; the style sheet draws the shape in it, or in the nearest one that can be seen in the theme.
#[component]
pub fn StateBadge(state: Option<State>) -> impl IntoView {
    let Some(state) = state else {
        return view! { <span class="quiet">"No state"</span> }.into_any();
    };
    let color = plane_color(&state.color);
    let drawn = match state.group {
        StateGroup::Backlog | StateGroup::Triage => view! {
            <circle cx="6" cy="6" r="4.5" fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="2 1.8"/>
        }
        .into_any(),
        StateGroup::Unstarted | StateGroup::Unknown => {
            view! { <circle cx="6" cy="6" r="4.5" fill="none" stroke="currentColor" stroke-width="1.5"/> }.into_any()
        }
        StateGroup::Started => view! {
            <circle cx="6" cy="6" r="4.5" fill="none" stroke="currentColor" stroke-width="1.5"/>
            <path d="M6 3.2a2.8 2.8 0 0 1 0 5.6z" fill="currentColor"/>
        }
        .into_any(),
        StateGroup::Completed => view! {
            <circle cx="6" cy="6" r="5.25" fill="currentColor"/>
            <path class="shape-cut" d="M3.6 6.2 5.3 7.9 8.5 4.5" fill="none" stroke-width="1.4"/>
        }
        .into_any(),
        StateGroup::Cancelled => view! {
            <circle cx="6" cy="6" r="5.25" fill="currentColor"/>
            <path class="shape-cut" d="M4.2 4.2 7.8 7.8M7.8 4.2 4.2 7.8" fill="none" stroke-width="1.4"/>
        }
        .into_any(),
    };
    view! {
        <span class="state" title=format!("Group: {}", state.group.word())>
            <svg class="shape" viewBox="0 0 12 12" width="12" height="12" color=color aria-hidden="true"><g>{drawn}</g></svg>
            {state.name}
        </span>
    }
    .into_any()
}

/// How pressing a work item is: bars and Plane's word.
#[component]
pub fn PriorityBadge(priority: Priority) -> impl IntoView {
    let filled = match priority {
        Priority::Urgent => 4,
        Priority::High => 3,
        Priority::Medium => 2,
        Priority::Low => 1,
        Priority::None => 0,
    };
    let bars = (0..4)
        .map(|bar| {
            let height = 3 + bar * 2;
            let class = if bar < filled { "bar-on" } else { "bar-off" };
            view! {
                <rect class=class x=(bar * 3).to_string() y=(10 - height).to_string() width="2" height=height.to_string() rx="0.5"/>
            }
        })
        .collect_view();
    view! {
        <span class=format!("priority priority-{}", priority.word())>
            <svg class="shape" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">{bars}</svg>
            {capitalised(priority.word())}
        </span>
    }
    .into_any()
}

/// A label: a dot in Plane's colour beside its name, so that the name is readable in both themes. The style sheet draws
/// an edge around it in the nearest colour that can be seen.
#[component]
pub fn LabelChip(label: Label) -> impl IntoView {
    let color = plane_color(&label.color);
    view! {
        <span class="label">
            <svg class="shape" viewBox="0 0 12 12" width="10" height="10" color=color aria-hidden="true">
                <circle cx="6" cy="6" r="5" fill="currentColor"/>
            </svg>
            {label.name}
        </span>
    }
    .into_any()
}

/// Plane's colour if it is one; the colour of the text otherwise.
pub fn plane_color(color: &str) -> String {
    let is_hex = color.len() == 7
        && color.starts_with('#')
        && color[1..].bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex {
        color.to_owned()
    } else {
        "currentColor".to_owned()
    }
}

/// First letter large.
pub fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|c| c.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_hex_colour_reaches_the_page() {
        assert_eq!(plane_color("#3A3a9f"), "#3A3a9f");
        for odd in [
            "", "red", "#fff", "#12345g", "#123456;", "url(#a)", "#é2345",
        ] {
            assert_eq!(plane_color(odd), "currentColor", "{odd}");
        }
    }

    #[test]
    fn only_a_whole_success_is_green() {
        assert_eq!(outcome_look(Some(Outcome::Succeeded)).0, Tone::Good);
        assert!(
            Outcome::ALL
                .into_iter()
                .filter(|outcome| *outcome != Outcome::Succeeded)
                .all(|outcome| outcome_look(Some(outcome)).0 != Tone::Good)
        );
        assert_eq!(outcome_look(None), (Tone::Accent, Shape::Turning));
    }
}
