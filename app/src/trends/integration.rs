use chrono::TimeDelta;
use domain::{
    ids::IntegrationId,
    objective::{BUDGET_DAYS, Burn, LEAST_EVENTS, Objective, ObjectiveState},
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{
    api,
    objectives::{StandingBadge, kept_words},
};
use crate::{
    Draft, Failure, IntegrationObjectives,
    integrations::param,
    overview::figures::budget_words,
    paths,
    query::Query,
    ui::{
        badge::{Badge, Shape, Tone},
        form::{Field, FormErrors, Hidden, LinkButton, Submit},
        frame::Frame,
        head::{Crumbs, PageHead},
        number::number,
        page::{draft_of, loaded, signed_in},
        panel::{Fact, Panel},
        table::TableRegion,
        time::one_unit,
    },
};

/// What is promised of one integration, how it is kept, and how fast its budgets are used up.
#[component]
pub fn IntegrationObjectivesPage() -> impl IntoView {
    let id = param::<IntegrationId>("id");
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let (id, draft) = (id?, draft_of(&query).await?);
            let all = crate::backend().trends.objectives(&viewer).await?;
            let found = all.into_iter().find(|one| one.integration == id);
            Ok((found.ok_or(Failure::NotFound)?, draft, viewer.is_admin()))
        },
        |(found, draft, is_admin)| {
            let IntegrationObjectives {
                integration: id,
                name,
                states,
                is_excused,
            } = found;
            let crumbs = vec![
                ("Integrations".to_owned(), paths::INTEGRATIONS.to_owned()),
                (name.clone(), paths::integration(id)),
            ];
            let form = is_admin.then(|| view! { <Form id states draft/> });
            let panels = states
                .into_iter()
                .map(|state| view! { <ObjectivePanel state/> })
                .collect_view();
            let title = format!("Objectives of {name}");
            view! {
                <Frame title=title.clone()>
                    <Crumbs items=crumbs/>
                    <PageHead title says=|| view! {
                        {is_excused.then(|| view! { <Badge tone=Tone::Idle shape=Shape::Pause text="Maintenance"/> " " })}
                        {format!("Over {BUDGET_DAYS} days, without maintenance. ")}
                        <a href=paths::OBJECTIVES>"All objectives"</a>
                    }>
                        <LinkButton label="Charts" href=paths::trends(id)/>
                    </PageHead>
                    {panels}
                    {form}
                </Frame>
            }
        },
    )
}

/// What an objective measures.
fn means(objective: Objective) -> &'static str {
    match objective {
        Objective::Freshness => {
            "Copies of projects that are at most twice as old as the schedule promises, looked at every five minutes; not in quiet hours."
        }
        Objective::Success => "Sync runs that succeeded, of those that nobody stopped.",
        Objective::Coverage => "Changes of which a webhook told before a sync found them.",
    }
}

#[component]
fn ObjectivePanel(state: ObjectiveState) -> impl IntoView {
    let name = state.objective.name();
    let Some(left) = state.left() else {
        return view! {
            <Panel title=name>
                <p>{means(state.objective)}</p>
                <p class="quiet">{format!("Nothing of it was measured in {BUDGET_DAYS} days.")}</p>
            </Panel>
        }
        .into_any();
    };
    let (pace, tally) = (state.pace(), state.tally);
    let lines = state
        .burns
        .into_iter()
        .map(|burn| view! { <BurnLine burn/> })
        .collect_view();
    let bad = format!(
        "{} of {} were not as promised",
        number(tally.bad()),
        number(tally.all)
    );
    let label = format!("How fast the budget of {} is used up", name.to_lowercase());
    view! {
        <Panel title=name aside=move || view! { <StandingBadge pace left/> }>
            <p>{means(state.objective)}</p>
            <dl class="facts">
                <Fact label="Promised">{format!("{} %", state.target.percent())}</Fact>
                <Fact label="Kept">{kept_words(&state)} " " <span class="row-says">{bad}</span></Fact>
                <Fact label="Error budget">{budget_words(&state, left)}</Fact>
            </dl>
            <TableRegion label=label.clone()>
                <table>
                    <caption class="visually-hidden">{label}</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Windows"</th>
                            <th scope="col" class="number">"Both must exceed"</th>
                            <th scope="col" class="number">"Long"</th>
                            <th scope="col" class="number">"Short"</th>
                            <th scope="col">"Says"</th>
                        </tr>
                    </thead>
                    <tbody>{lines}</tbody>
                </table>
            </TableRegion>
        </Panel>
    }
    .into_any()
}

#[component]
fn BurnLine(burn: Burn) -> impl IntoView {
    let length = |length: TimeDelta| one_unit(length);
    let rate =
        |rate: Option<f64>| rate.map_or_else(|| "–".to_owned(), |rate| format!("{rate:.1} ×"));
    let says = if burn.is_exceeded() {
        view! { <Badge tone=Tone::Bad shape=Shape::Triangle text="Too fast"/> }.into_any()
    } else if burn.is_guarded {
        view! { <span class="quiet">{format!("fewer than {LEAST_EVENTS} to judge by")}</span> }
            .into_any()
    } else {
        view! { <Badge tone=Tone::Good shape=Shape::Dot text="Slow enough"/> }.into_any()
    };
    let windows = format!(
        "{} and {}",
        length(burn.pace.long()),
        length(burn.pace.short())
    );
    view! {
        <tr>
            <th scope="row">{windows}</th>
            <td class="number">{format!("{:.1} ×", burn.pace.burn())}</td>
            <td class="number">{rate(burn.long)}</td>
            <td class="number">{rate(burn.short)}</td>
            <td>{says}</td>
        </tr>
    }
    .into_any()
}

#[component]
fn Form(id: IntegrationId, states: [ObjectiveState; 3], draft: Draft) -> impl IntoView {
    let fields = states
        .into_iter()
        .map(|state| {
            let name = state.objective.word();
            let typed = draft.values.get(name).cloned();
            let value = typed.unwrap_or_else(|| state.target.percent());
            view! {
                <Field label=state.objective.name() name=name value error=draft.error(name) unit="%" required=true max_length=Some(7)/>
            }
        })
        .collect_view();
    view! {
        <Panel title="What is promised">
            <FormErrors errors=draft.errors.clone() message=draft.message.clone()/>
            <form class="form" method="post" action=api::SaveObjectives::PATH autocomplete="off">
                <Hidden fields=vec![("id", id.to_string())]/>
                {fields}
                <p class="quiet">"From 50 to 99.99 %. What was measured is judged by it at once, the past too."</p>
                <div class="actions"><Submit label="Save objectives"/></div>
            </form>
        </Panel>
    }
    .into_any()
}
