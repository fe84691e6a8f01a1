use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    inbox::{Burst, BurstState, Effect, Webhook},
    replay::{Replay, Replayed},
    silence::{Coverage, Silence},
};

use crate::ui::{
    badge::{Shape, Tone},
    number::{count, number},
    time::{ago, duration_words},
};

/// How a burst stands: colour, shape and word.
pub fn look(burst: &Burst) -> (Tone, Shape, &'static str) {
    match (burst.state, &burst.result) {
        (BurstState::Dead, _) => (Tone::Bad, Shape::Triangle, "Given up"),
        (BurstState::Waiting, _) if !burst.failures.is_empty() => {
            (Tone::Late, Shape::Half, "Tried again")
        }
        (BurstState::Waiting, _) | (BurstState::Done, None) => {
            (Tone::Accent, Shape::Turning, "Waiting")
        }
        (BurstState::Done, Some(result)) => match result.effect {
            Effect::Created | Effect::Updated | Effect::Removed => {
                (Tone::Good, Shape::Dot, effect(result.effect))
            }
            Effect::Noted => (Tone::Good, Shape::Ring, effect(result.effect)),
            _ => (Tone::Idle, Shape::Dash, effect(result.effect)),
        },
    }
}

/// What events did to the copy, in a word or two.
pub fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Created => "Created",
        Effect::Updated => "Updated",
        Effect::Removed => "Removed",
        Effect::Unchanged => "Unchanged",
        Effect::Stale => "Copy was newer",
        Effect::Noted => "Noted",
        Effect::Ignored => "Ignored",
    }
}

/// What became of a burst, as a sentence.
pub fn sentence(burst: &Burst, now: DateTime<Utc>) -> String {
    let last = || {
        let failure = burst.failures.last();
        failure.map_or_else(String::new, |failure| format!(" {}", failure.says))
    };
    match (burst.state, &burst.result) {
        (BurstState::Dead, _) => {
            let tries = count(burst.failures.len() as u64, "try", "tries");
            format!("Given up after {tries}.{}", last())
        }
        (BurstState::Waiting, _) if !burst.failures.is_empty() => {
            let when = match burst.due_at > now {
                true => ago(burst.due_at, now),
                false => "now".to_owned(),
            };
            format!("It failed and is tried again {when}.{}", last())
        }
        (BurstState::Waiting, _) | (BurstState::Done, None) => {
            "It is about to be applied.".to_owned()
        }
        (BurstState::Done, Some(result)) => match (result.effect, &result.says) {
            (_, Some(says)) => format!("Nothing was done: {says}"),
            (Effect::Created, _) => "It was put into the copy.".to_owned(),
            (Effect::Updated, _) => "The copy was brought up to date.".to_owned(),
            (Effect::Removed, _) => "Plane said that it is gone, so it left the copy.".to_owned(),
            (Effect::Unchanged, _) => "The copy said so already.".to_owned(),
            (Effect::Stale, _) => "The copy was newer, so it was left alone.".to_owned(),
            (Effect::Noted, _) => "The next run reads it again.".to_owned(),
            (Effect::Ignored, _) => "Nothing was done.".to_owned(),
        },
    }
}

/// Plane's names of fields, as people call them.
pub fn field(name: &str) -> &str {
    match name {
        "state_id" | "state" => "state",
        "label_ids" | "labels" => "labels",
        "assignee_ids" | "assignees" => "assignees",
        "description_html" | "description" => "description",
        "parent_id" | "parent" => "parent",
        "target_date" => "due date",
        "start_date" => "start date",
        "estimate_point" => "estimate",
        other => other,
    }
}

/// The fields that a burst tells of; `None` if it tells of none.
pub fn fields(burst: &Burst) -> Option<String> {
    let names: Vec<&str> = burst.fields.iter().map(|name| field(name)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// How long after the change it was received.
pub fn lag(burst: &Burst) -> Option<String> {
    burst.lag().map(duration_words)
}

/// How a replay stands: colour, shape and word.
pub fn replay_state(replay: &Replay) -> (Tone, Shape, &'static str) {
    match replay.ended_at {
        None => (Tone::Accent, Shape::Turning, "Under way"),
        Some(_) if replay.is_cancelled => (Tone::Idle, Shape::Dash, "Stopped"),
        Some(_) if replay.counts.contains_key(&Replayed::Failed) && !replay.is_dry => {
            (Tone::Late, Shape::Half, "Some failed")
        }
        Some(_) => (Tone::Good, Shape::Dot, "Done"),
    }
}

/// How far a replay is, as a sentence.
pub fn replay(replay: &Replay, now: DateTime<Utc>) -> String {
    let matched = count(replay.matched(), "line", "lines");
    let by = format!("Started by {} {}.", replay.by, ago(replay.started_at, now));
    match replay.ended_at {
        None => format!(
            "{matched} so far; {} of {} looked at. {by}",
            number(replay.looked_at),
            number(replay.all.max(replay.looked_at))
        ),
        Some(_) if replay.is_dry => format!("{matched}. Nothing was changed yet. {by}"),
        Some(_) => format!("{matched}. {by}"),
    }
}

/// How many lines of a look are worth applying.
pub fn to_apply(replay: &Replay) -> u64 {
    let counts = replay.counts.iter();
    counts
        .filter(|(replayed, _)| !matches!(replayed, Replayed::Settled | Replayed::Waiting))
        .map(|(_, times)| times)
        .sum()
}

/// What became of a line in a replay, or would.
pub fn replayed(replayed: Replayed, is_dry: bool) -> &'static str {
    match (replayed, is_dry) {
        (Replayed::Created, false) => "Created",
        (Replayed::Created, true) => "Would be created",
        (Replayed::Updated, false) => "Updated",
        (Replayed::Updated, true) => "Would be updated",
        (Replayed::Removed, _) => "Removed",
        (Replayed::Asks, _) => "Would ask Plane",
        (Replayed::Noted, false) => "Noted",
        (Replayed::Noted, true) => "Would be noted",
        (Replayed::Unchanged, _) => "Unchanged",
        (Replayed::Stale, _) => "Copy is newer",
        (Replayed::Settled, _) => "Applied before",
        (Replayed::Waiting, _) => "Waiting",
        (Replayed::Ignored, false) => "Ignored",
        (Replayed::Ignored, true) => "Would be ignored",
        (Replayed::Failed, false) => "Failed",
        (Replayed::Failed, true) => "Can’t be told",
    }
}

/// What that means.
pub fn why_replayed(replayed: Replayed) -> &'static str {
    match replayed {
        Replayed::Created | Replayed::Updated | Replayed::Removed => "",
        Replayed::Asks => "One call for each",
        Replayed::Noted => "The next run reads more",
        Replayed::Unchanged => "The copy says so already",
        Replayed::Stale => "It is left alone",
        Replayed::Settled => "Skipped",
        Replayed::Waiting => "Its turn comes by itself",
        Replayed::Ignored => "Each line says why",
        Replayed::Failed => "Tried again by itself",
    }
}

/// A share of changes: "99.6 %".
pub fn share(coverage: Coverage) -> String {
    match coverage.per_mille() {
        None => "–".to_owned(),
        Some(1000) => "100 %".to_owned(),
        Some(n) => format!("{}.{} %", n / 10, n % 10),
    }
}

/// Why a webhook is taken for silent.
pub fn silence(silence: Silence) -> String {
    match silence {
        Silence::Missed(n) => format!(
            "Since the last delivery the schedule found {} that it should have told of.",
            count(n, "change", "changes")
        ),
        Silence::Quiet(n) => format!(
            "By what is usual at this time of the week, about {} should have come since the last one.",
            count(n, "delivery", "deliveries")
        ),
    }
}

/// What to look at while nothing has come yet: the likeliest first.
pub fn hints(refused: u64, problems: usize, waited: TimeDelta) -> Vec<&'static str> {
    let mut hints = Vec::new();
    if refused > 0 {
        hints.push(
            "Deliveries arrive, but the secret does not fit: paste the one that Plane shows now, or make a new one there.",
        );
    }
    if problems > 0 {
        hints
            .push("Plane may refuse the address: what stands in its way is told under “In Plane”.");
    }
    hints.push(
        "Change a work item in Plane, its priority say. Its delivery takes a second or two; labels, states, deleting and archiving \
         send none.",
    );
    if waited >= TimeDelta::minutes(2) {
        hints.push("Look at Plane’s list of webhooks: this one must be switched on and have its events ticked.");
        hints.push(
            "Send a test delivery below: it shows whether the address can be reached at all.",
        );
        hints.push(
            "On a Plane of your own: its worker must run, since that is what sends; its log says what became of each delivery.",
        );
    }
    hints
}

/// A webhook's state, as a sentence.
pub fn state(webhook: Option<&Webhook>, now: DateTime<Utc>) -> (Tone, Shape, &'static str, String) {
    let Some(webhook) = webhook else {
        let says = "Changes are found by the schedule alone.".to_owned();
        return (Tone::Idle, Shape::Ring, "Not set up", says);
    };
    if webhook.is_rotating(now) {
        let says = match webhook.quarantined {
            0 => "No delivery has failed the current secret yet.".to_owned(),
            n => format!(
                "{} for the new secret.",
                count(n.into(), "delivery waits", "deliveries wait")
            ),
        };
        return (Tone::Late, Shape::Half, "Replacing the secret", says);
    }
    match (&webhook.secret, webhook.last_at) {
        (None, _) => {
            let says = "Paste the secret that Plane shows when the webhook is made.".to_owned();
            (Tone::Late, Shape::Half, "Needs the secret", says)
        }
        (Some(_), None) => {
            let says = "Plane has sent nothing that can be believed yet.".to_owned();
            (
                Tone::Accent,
                Shape::Turning,
                "Waiting for the first delivery",
                says,
            )
        }
        (Some(_), Some(last)) => {
            let says = format!("Last delivery {}.", ago(last, now));
            if webhook.silence.is_some() {
                return (Tone::Bad, Shape::Triangle, "Silent", says);
            }
            match webhook.refused_at.is_some_and(|at| at > last) {
                true => (
                    Tone::Bad,
                    Shape::Triangle,
                    "Not believed",
                    format!("{says} Since then deliveries were not believed."),
                ),
                false => (Tone::Good, Shape::Dot, "Receiving", says),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        ids::{BurstId, IntegrationId},
        inbox::{BurstResult, FailedTry, SecretHint},
    };
    use uuid::Uuid;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn burst() -> Burst {
        Burst {
            id: BurstId(Uuid::from_u128(1)),
            integration: IntegrationId(Uuid::from_u128(2)),
            event: "work_item.updated".into(),
            entity: None,
            project: None,
            title: Some("Fix the login".into()),
            number: Some(7),
            fields: vec![],
            first_at: at(0),
            last_at: at(1),
            updated_at: Some(at(-1)),
            events: 2,
            duplicates: 0,
            state: BurstState::Waiting,
            result: None,
            failures: vec![],
            due_at: at(60),
        }
    }

    #[test]
    fn a_burst_says_how_it_stands() {
        let mut burst = burst();
        assert_eq!(look(&burst).2, "Waiting");
        burst.failures = vec![FailedTry {
            at: at(1),
            code: "unreachable".into(),
            says: "Plane can’t be reached.".into(),
        }];
        assert_eq!(
            sentence(&burst, at(0)),
            "It failed and is tried again in 1 min. Plane can’t be reached."
        );
        burst.state = BurstState::Dead;
        assert_eq!(
            sentence(&burst, at(0)),
            "Given up after 1 try. Plane can’t be reached."
        );
        burst.state = BurstState::Done;
        burst.result = Some(BurstResult {
            effect: Effect::Ignored,
            says: Some("Comments are not copied.".into()),
            at: at(2),
            took_ms: 1,
        });
        assert_eq!(
            (look(&burst).2, sentence(&burst, at(0)).as_str()),
            ("Ignored", "Nothing was done: Comments are not copied.")
        );
    }

    #[test]
    fn a_burst_is_called_by_what_it_is_about() {
        assert_eq!(burst().called(Some("WEB-7")), "WEB-7 Fix the login");
        assert_eq!(burst().called(None), "#7 Fix the login");
        let nameless = Burst {
            title: None,
            number: None,
            ..burst()
        };
        assert_eq!(nameless.called(None), "work_item.updated");
    }

    #[test]
    fn a_share_is_whole_only_if_it_is() {
        let share = |told, caught| super::share(Coverage { told, caught });
        assert_eq!(share(0, 0), "–");
        assert_eq!(share(7, 0), "100 %");
        assert_eq!(share(999, 1), "99.9 %");
        assert_eq!(share(0, 1), "0.0 %");
    }

    #[test]
    fn whoever_waits_is_told_where_to_look() {
        let hints = |refused, problems, minutes| {
            let hints = super::hints(refused, problems, TimeDelta::minutes(minutes));
            (hints.len(), hints[0].split(' ').next().unwrap())
        };
        assert_eq!(hints(0, 0, 0), (1, "Change"));
        assert_eq!(hints(0, 1, 2), (5, "Plane"));
        assert_eq!(hints(1, 1, 1), (3, "Deliveries"));
    }

    #[test]
    fn a_webhook_says_what_it_needs() {
        let word = |webhook: Option<&Webhook>| state(webhook, at(0)).2;
        assert_eq!(word(None), "Not set up");
        let mut webhook = Webhook {
            integration: IntegrationId(Uuid::from_u128(2)),
            path: "0".repeat(32),
            created_at: at(-100),
            secret: None,
            previous_until: None,
            rotation_until: None,
            plane_id: None,
            is_second_format: None,
            first_at: None,
            last_at: None,
            deliveries: 0,
            duplicates: 0,
            bytes: 0,
            missed: 0,
            refused: Default::default(),
            refused_at: None,
            quarantined: 0,
            quarantined_bytes: 0,
            keeps: Default::default(),
            silence: None,
            self_test: None,
            secret_shown_until: None,
        };
        assert_eq!(word(Some(&webhook)), "Needs the secret");
        webhook.secret = Some(SecretHint {
            last_four: "f00d".into(),
            set_at: at(-50),
        });
        assert_eq!(word(Some(&webhook)), "Waiting for the first delivery");
        webhook.last_at = Some(at(-10));
        assert_eq!(word(Some(&webhook)), "Receiving");
        webhook.silence = Some((Silence::Missed(3), at(-1)));
        assert_eq!(word(Some(&webhook)), "Silent");
        webhook.silence = None;
        webhook.refused_at = Some(at(-5));
        assert_eq!(word(Some(&webhook)), "Not believed");
        webhook.rotation_until = Some(at(5));
        assert_eq!(word(Some(&webhook)), "Replacing the secret");
    }
}
