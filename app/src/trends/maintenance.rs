use domain::objective::Maintenance;
use leptos::prelude::*;
use server_fn::ServerFn;

use super::api;
use crate::{
    Draft, MaintenanceRow, paths,
    ui::{
        badge::{Badge, Shape, Tone},
        form::{Button, ButtonForm, Field, FormErrors, SelectField, Submit},
        table::TableRegion,
        time::{Ago, Moment},
    },
    visit,
};

/// What goes on, is to come, or was lately.
#[component]
pub fn MaintenanceList(maintenance: Vec<MaintenanceRow>, is_admin: bool) -> impl IntoView {
    if maintenance.is_empty() {
        return view! { <p class="quiet">"None is announced, and there was none in the last 30 days."</p> }
            .into_any();
    }
    let lines = maintenance
        .into_iter()
        .map(|row| view! { <Line row is_admin/> })
        .collect_view();
    view! {
        <TableRegion label="Maintenance">
            <table class="maintenance">
                <caption class="visually-hidden">"Maintenance, the first to begin first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"From"</th>
                        <th scope="col">"Until"</th>
                        <th scope="col">"Of"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Why"</th>
                        {is_admin.then(|| view! { <th scope="col"><span class="visually-hidden">"End it"</span></th> })}
                    </tr>
                </thead>
                <tbody>{lines}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn Line(row: MaintenanceRow, is_admin: bool) -> impl IntoView {
    let now = visit().now;
    let Maintenance {
        id,
        integration,
        from,
        until,
        reason,
        by,
    } = row.maintenance;
    let of = match (integration, row.integration_name) {
        (Some(id), Some(name)) => view! { <a href=paths::integration(id)>{name}</a> }.into_any(),
        _ => "All integrations".into_any(),
    };
    let (tone, shape, word, act) = if until <= now {
        (Tone::Idle, Shape::Dash, "Over", None)
    } else if from <= now {
        (Tone::Late, Shape::Pause, "Goes on", Some("End now"))
    } else {
        (Tone::Idle, Shape::Ring, "To come", Some("Cancel"))
    };
    let act = act.filter(|_| is_admin).map(|label| {
        let about = format!("{label}: maintenance, {reason}");
        view! {
            <ButtonForm action=api::EndMaintenance::PATH label hidden=vec![("id", id.to_string())] kind=Button::Plain about/>
        }
    });
    view! {
        <tr>
            <th scope="row"><Moment at=from/></th>
            <td><Moment at=until/> " " <span class="row-says"><Ago at=until/></span></td>
            <td>{of}</td>
            <td><Badge tone shape text=word/></td>
            <td>{reason.clone()} " " <span class="row-says">"announced by " {by}</span></td>
            {is_admin.then(|| view! { <td>{act}</td> })}
        </tr>
    }
    .into_any()
}

/// Announces one.
#[component]
pub fn MaintenanceForm(draft: Draft, choices: Vec<(String, String)>) -> impl IntoView {
    let choices: Vec<(String, String)> = choices
        .into_iter()
        .map(|(value, label)| match value.is_empty() {
            true => (value, "All integrations".to_owned()),
            false => (value, label),
        })
        .collect();
    let minutes = match draft.values.is_empty() {
        true => "60".to_owned(),
        false => draft.value("minutes"),
    };
    view! {
        <details class="panel announce" open=!draft.values.is_empty()>
            <summary>"Announce maintenance…"</summary>
            <FormErrors errors=draft.errors.clone() message=draft.message.clone()/>
            <form class="form" method="post" action=api::AnnounceMaintenance::PATH autocomplete="off">
                <SelectField label="Of" name="integration" options=choices value=draft.value("integration") error=draft.error("integration")/>
                <Field
                    label="From" name="from" kind="datetime-local" value=draft.value("from") error=draft.error("from")
                    hint="UTC. Empty: from now on. What was measured before counts."
                />
                <Field label="For" name="minutes" kind="number" value=minutes error=draft.error("minutes") min=Some(1) max=Some(Maintenance::MOST.num_minutes()) unit="minutes" required=true/>
                <Field label="Why" name="reason" value=draft.value("reason") error=draft.error("reason") max_length=Some(200) required=true hint="Leads read it."/>
                <div class="actions"><Submit label="Announce"/></div>
            </form>
        </details>
    }
    .into_any()
}
