use domain::objective::{BUDGET_DAYS, Objective, ObjectiveState, Pace};
use leptos::prelude::*;

use super::maintenance::{MaintenanceForm, MaintenanceList};
use crate::{
    Draft, IntegrationObjectives, MaintenanceRow,
    overview::figures::{lasts_words, left_words},
    paths,
    query::Query,
    sync::integration_choices::integration_choices,
    ui::{
        badge::{Badge, Shape, Tone},
        empty::Empty,
        form::{Button, LinkButton},
        frame::Frame,
        head::{Crumbs, PageHead},
        page::{draft_of, loaded, signed_in},
        table::TableRegion,
    },
};

struct Objectives {
    is_admin: bool,
    all: Vec<IntegrationObjectives>,
    maintenance: Vec<MaintenanceRow>,
    draft: Draft,
    choices: Vec<(String, String)>,
}

/// What is promised of all integrations, how it is kept, and when nothing counts.
#[component]
pub fn ObjectivesPage() -> impl IntoView {
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let draft = draft_of(&query).await?;
            let trends = crate::backend().trends;
            Ok(Objectives {
                is_admin: viewer.is_admin(),
                all: trends.objectives(&viewer).await?,
                maintenance: trends.maintenance(&viewer).await?,
                draft,
                choices: integration_choices(&viewer, None).await?,
            })
        },
        |page| {
            let Objectives {
                is_admin,
                all,
                maintenance,
                draft,
                choices,
            } = page;
            let crumbs = vec![("Overview".to_owned(), paths::OVERVIEW.to_owned())];
            let says = format!(
                "What is promised of each integration, how much of what may go wrong in {BUDGET_DAYS} days is left, and how fast it is used up."
            );
            let table = match all.is_empty() {
                true => view! {
                    <Empty title="Nothing is promised yet" says="Each integration begins with objectives that are right for most.">
                        {is_admin.then(|| view! { <LinkButton label="Add an integration" href=paths::NEW_INTEGRATION kind=Button::Primary/> })}
                    </Empty>
                }
                .into_any(),
                false => view! { <Table all/> }.into_any(),
            };
            view! {
                <Frame title="Objectives">
                    <Crumbs items=crumbs/>
                    <PageHead title="Objectives" says=move || says/>
                    {table}
                    <section>
                        <div class="section-head">
                            <h2>"Maintenance"</h2>
                            <p class="quiet">"does not count for objectives, and is drawn over the charts"</p>
                        </div>
                        <MaintenanceList maintenance is_admin/>
                        {is_admin.then(|| view! { <MaintenanceForm draft choices/> })}
                    </section>
                </Frame>
            }
        },
    )
}

#[component]
fn Table(all: Vec<IntegrationObjectives>) -> impl IntoView {
    let heads = Objective::ALL
        .map(|one| view! { <th scope="col">{one.name()}</th> })
        .collect_view();
    let lines = all
        .into_iter()
        .map(|one| {
            let cells = one
                .states
                .into_iter()
                .map(|state| view! { <td><Cell state/></td> })
                .collect_view();
            let excused = one
                .is_excused
                .then(|| view! { " " <Badge tone=Tone::Idle shape=Shape::Pause text="Maintenance"/> });
            view! {
                <tr>
                    <th scope="row"><a href=paths::objectives(one.integration)>{one.name}</a>{excused}</th>
                    {cells}
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="Objectives, worst first">
            <table class="objectives">
                <caption class="visually-hidden">"Objectives of each integration, worst first"</caption>
                <thead><tr><th scope="col">"Integration"</th>{heads}</tr></thead>
                <tbody>{lines}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

/// How one objective stands: what is left of its budget, and whether it is used up too fast.
#[component]
pub fn Cell(state: ObjectiveState) -> impl IntoView {
    let Some(left) = state.left() else {
        return view! { <span class="quiet">"nothing to measure"</span> }.into_any();
    };
    let promise = format!(
        "{} of {} % promised, {}",
        kept_words(&state),
        state.target.percent(),
        lasts_words(&state)
    );
    view! {
        <StandingBadge pace=state.pace() left/>
        " " <span class="row-says">{promise}</span>
    }
    .into_any()
}

/// The budget in a word, a shape and a colour.
#[component]
pub fn StandingBadge(pace: Option<Pace>, left: f64) -> impl IntoView {
    let (tone, shape) = match (pace, left) {
        (Some(Pace::Fast | Pace::Brisk), _) => (Tone::Bad, Shape::Triangle),
        (_, left) if left < 0.0 => (Tone::Bad, Shape::Triangle),
        (Some(Pace::Slow), _) => (Tone::Late, Shape::Half),
        _ => (Tone::Good, Shape::Dot),
    };
    let text = match (pace, left) {
        (Some(pace), left) if left >= 0.0 => {
            format!("{} left, {}", left_words(left), pace_words(pace))
        }
        (Some(pace), _) => format!("Overdrawn, {}", pace_words(pace)),
        (None, left) if left < 0.0 => "Overdrawn".to_owned(),
        (None, left) => format!("{} left", left_words(left)),
    };
    view! { <Badge tone shape text/> }
}

/// How fast a budget goes.
pub fn pace_words(pace: Pace) -> &'static str {
    match pace {
        Pace::Fast => "going very fast",
        Pace::Brisk => "going fast",
        Pace::Slow => "going too fast",
    }
}

/// What was kept, in percent, cut so that 100 % is all of it.
pub fn kept_words(state: &ObjectiveState) -> String {
    let tally = state.tally;
    let share = u128::from(tally.good) * 10_000 / u128::from(tally.all.max(1));
    match share {
        10_000 => "100 %".to_owned(),
        share => format!("{}.{:02} %", share / 100, share % 100),
    }
}
