use std::collections::BTreeSet;

use domain::{
    ids::IntegrationId,
    integration::{IntegrationFilter, Pause},
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::api::PlanBulk;
use crate::{
    Draft,
    integrations::list,
    islands::bulk_selection::BulkSelection,
    ui::{
        form::{Button, Field, FormErrors, Hidden, SelectField, Submit, field_id},
        number::number,
    },
};

/// Id of the form; the ticks in the table's rows belong to it.
pub const FORM: &str = "bulk";
/// Id of the tick in the table's head.
pub const WHOLE_PAGE: &str = "bulk-page";

/// What can be chosen.
const ACTIONS: [(&str, &str); 7] = [
    ("sync", "Sync now"),
    ("test", "Test the connection"),
    ("pause", "Pause"),
    ("resume", "Resume"),
    ("interval", "Change the interval"),
    ("add_tag", "Add a tag"),
    ("remove_tag", "Remove a tag"),
];

/// The integrations that were ticked in a form that came back.
pub fn ticked(draft: &Draft) -> BTreeSet<IntegrationId> {
    let ids = draft.value("ids");
    ids.split(',').filter_map(|id| id.parse().ok()).collect()
}

/// What to do to the ticked rows, or to all that match.
#[component]
pub fn BulkBar(filter: IntegrationFilter, matching: u32, draft: Draft) -> impl IntoView {
    let is_whole = IntegrationFilter {
        sort: filter.sort,
        ..IntegrationFilter::default()
    } == filter;
    let all = number(matching.into());
    let all = if is_whole {
        format!("All {all} integrations")
    } else {
        format!("All {all} that match")
    };
    let filter = list::write(&filter).on("");
    let options = ACTIONS.map(|(word, label)| (word.to_owned(), label.to_owned()));
    let some_or = |value: String, usual: &str| {
        if value.is_empty() {
            usual.to_owned()
        } else {
            value
        }
    };
    view! {
        <FormErrors errors=draft.errors.clone() message=draft.message.clone()/>
        <form id=FORM class="filters filters-bulk" method="post" action=PlanBulk::PATH autocomplete="off" aria-label="Many integrations at once">
            <Hidden fields=vec![("filter", filter)]/>
            <div class="bulk-choice">
                <label>
                    <input
                        id=field_id("ids") type="checkbox" name="all" value="true" checked=!draft.value("all").is_empty()
                        aria-invalid=draft.error("ids").map(|_| "true")
                    />
                    {all}
                </label>
                <BulkSelection form=FORM whole_page=WHOLE_PAGE/>
            </div>
            <SelectField
                label="With the chosen" name="action" options=options.to_vec()
                value=some_or(draft.value("action"), "sync") error=draft.error("action")
            />
            <div class="bulk-argument bulk-interval">
                <Field
                    label="New interval" name="interval_minutes" kind="number" min=Some(5) max=Some(1440) unit="minutes"
                    value=some_or(draft.value("interval_minutes"), "15") error=draft.error("interval_minutes")
                />
            </div>
            <div class="bulk-argument bulk-tag">
                <Field label="Tag" name="with_tag" max_length=Some(24) value=draft.value("with_tag") error=draft.error("with_tag")/>
            </div>
            <div class="bulk-argument bulk-note">
                <Field
                    label="Note" name="note" max_length=Some(Pause::NOTE_MAX as u32)
                    value=draft.value("note") error=draft.error("note")
                />
            </div>
            <Submit label="Preview" kind=Button::Plain/>
        </form>
    }
    .into_any()
}
