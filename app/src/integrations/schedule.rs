use chrono::{DateTime, Utc};
use domain::{
    ids::IntegrationId,
    integration::{IntegrationRow, Pause, Standing},
    quiet::QuietHours,
    schedule::Scheduled,
};
use leptos::prelude::*;
use server_fn::ServerFn;

use crate::{
    sync::api::{PauseIntegration, ResumeIntegration},
    ui::{
        badge::Tone,
        form::{Button, ButtonForm, Field, Hidden, Submit},
        notice::Notice,
        panel::Fact,
        time::{Ago, duration_words, one_unit},
    },
};

/// The button that pauses, with room for a note.
#[component]
pub fn PauseMenu(id: IntegrationId) -> impl IntoView {
    view! {
        <details class="row-menu pause-menu">
            <summary>"Pause…"</summary>
            <form class="form" method="post" action=PauseIntegration::PATH autocomplete="off">
                <Hidden fields=vec![("id", id.to_string())]/>
                <Field
                    label="Note" name="note" max_length=Some(Pause::NOTE_MAX as u32)
                    hint="Why, and until when. No scheduled sync starts, and one that is under way ends. The copy stays; sync it by hand whenever you like."
                />
                <Submit label="Pause syncing" kind=Button::Plain/>
            </form>
        </details>
    }
    .into_any()
}

/// Who paused it, when and why; an admin can let it go on.
#[component]
pub fn PausedNotice(id: IntegrationId, pause: Pause, is_admin: bool) -> impl IntoView {
    let Pause {
        at, by_name, note, ..
    } = pause;
    view! {
        <Notice kind=Tone::Idle title=format!("{by_name} paused this integration.")>
            <p><Ago at/> {(!note.is_empty()).then(|| format!(": {note}"))}</p>
            <p class="quiet">"No scheduled sync starts. What was copied stays, and the next sync goes on from where the last one was."</p>
            {is_admin.then(|| view! {
                <ButtonForm action=ResumeIntegration::PATH label="Resume" hidden=vec![("id", id.to_string())]/>
            })}
        </Notice>
    }
    .into_any()
}

/// How often it is synced, when not, and when next.
#[component]
pub fn ScheduleFacts(row: IntegrationRow, now: DateTime<Utc>) -> impl IntoView {
    let next = next(&row, now);
    let settings = row.integration.settings;
    let every = duration_words(settings.interval());
    let quiet = settings
        .quiet_hours
        .map(|quiet| view! { <Fact label="Quiet hours">{quiet_words(&quiet)}</Fact> });
    view! {
        <Fact label="Syncs every">{every}</Fact>
        {quiet}
        <Fact label="Next sync by itself">{next}</Fact>
    }
    .into_any()
}

/// When a sync starts by itself, as far as that can be told.
fn next(row: &IntegrationRow, now: DateTime<Utc>) -> String {
    match row.integration.standing() {
        Standing::Paused => return "none while paused".to_owned(),
        Standing::Inactive => return "none while inactive".to_owned(),
        Standing::Active => {}
    }
    let Some(schedule) = Scheduled::of(row) else {
        return String::new();
    };
    let quiet = row.integration.settings.quiet_hours;
    match schedule.next_at(now) {
        None => "when the one under way has ended".to_owned(),
        Some(next) if next <= now => "now".to_owned(),
        Some(next) if quiet.is_some_and(|quiet| quiet.contain(now)) => {
            format!("in {}, after the quiet hours", one_unit(next - now))
        }
        Some(next) => format!("in {}", one_unit(next - now)),
    }
}

/// `22:00 to 06:00 (Europe/Berlin)`
pub fn quiet_words(quiet: &QuietHours) -> String {
    format!("{} to {} ({})", quiet.from(), quiet.to(), quiet.zone())
}

/// The quiet hours in the form. `value` and `error` of a field by its name.
#[component]
pub fn QuietFields(
    from: (String, Option<String>),
    to: (String, Option<String>),
    zone: (String, Option<String>),
) -> impl IntoView {
    let zones = ZONES.map(|zone| view! { <option value=zone></option> });
    view! {
        <fieldset class="quiet-hours">
            <legend>"Quiet hours"</legend>
            <p class="field-hint">
                "No scheduled sync starts from the first to the second time, also past midnight; what was missed is made up for once afterwards. “Sync now” always works. The times are those of the clocks in the time zone, and follow its summer time."
            </p>
            <div class="quiet-times">
                <Field label="From" name="quiet_from" kind="time" value=from.0 error=from.1/>
                <Field label="To" name="quiet_to" kind="time" value=to.0 error=to.1/>
                <Field
                    label="Time zone" name="quiet_zone" list=Some("time-zones") value=zone.0 error=zone.1
                    hint="Such as Europe/Berlin. Empty: UTC."
                />
            </div>
            <datalist id="time-zones">{zones}</datalist>
        </fieldset>
    }
    .into_any()
}

/// What the field for the time zone suggests; it takes any.
const ZONES: [&str; 24] = [
    "UTC",
    "Africa/Cairo",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Toronto",
    "Asia/Dubai",
    "Asia/Ho_Chi_Minh",
    "Asia/Hong_Kong",
    "Asia/Kolkata",
    "Asia/Seoul",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Istanbul",
    "Europe/London",
    "Europe/Madrid",
    "Europe/Paris",
    "Pacific/Auckland",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suggested_time_zone_is_one() {
        for zone in ZONES {
            assert_eq!(
                domain::quiet::time_zone(zone).map(|zone| zone.name()),
                Some(zone)
            );
        }
    }
}
