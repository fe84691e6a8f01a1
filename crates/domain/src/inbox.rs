use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ids::{BurstId, IntegrationId, ProjectId},
    silence::Silence,
    webhook::{Demand, Event},
};

/// Events of one thing, each soon after the one before: one edit, most likely. Plane sends one delivery for every field
/// that an edit changes (plane-api.md section 8). They are applied together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Burst {
    pub id: BurstId,
    pub integration: IntegrationId,
    /// The latest event's name: `work_item.updated`.
    pub event: String,
    /// Plane's id of what it is about, if the events tell.
    pub entity: Option<Uuid>,
    pub project: Option<ProjectId>,
    /// What it was called in the latest event.
    pub title: Option<String>,
    /// A work item's number within its project.
    pub number: Option<u64>,
    /// Plane's names of the fields that changed, in the order in which they were told.
    pub fields: Vec<String>,
    /// When the first event of it was received, and the last.
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
    /// Of the thing, by Plane's clock, in the first event.
    pub updated_at: Option<DateTime<Utc>>,
    /// How many events.
    pub events: u32,
    /// Deliveries of the same events once more.
    pub duplicates: u32,
    pub state: BurstState,
    /// What became of it, once something did.
    pub result: Option<BurstResult>,
    /// Each try that failed, the first one first.
    pub failures: Vec<FailedTry>,
    /// When it is tried next, while it waits.
    pub due_at: DateTime<Utc>,
}

impl Burst {
    /// What it is about: `WEB-7 Fix the login`, `#7 Fix the login` where its project's identifier is not at hand, or its event.
    pub fn called(&self, identifier: Option<&str>) -> String {
        let number = self.number.map(|number| format!("#{number}"));
        let name = identifier.map(str::to_owned).or(number);
        let parts: Vec<String> = name.into_iter().chain(self.title.clone()).collect();
        match parts.is_empty() {
            true => self.event.clone(),
            false => parts.join(" "),
        }
    }

    /// How long after the change in Plane its first event was received; `None` if the event does not tell, or the clocks
    /// disagree by more than the delivery took.
    pub fn lag(&self) -> Option<TimeDelta> {
        let lag = self.first_at - self.updated_at?;
        (lag >= TimeDelta::zero()).then_some(lag)
    }
}

/// Where a burst is on its way into the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BurstState {
    /// To be applied, soon or after a failure.
    Waiting,
    Done,
    /// Given up: only a replay tries it again.
    Dead,
}

impl BurstState {
    pub const ALL: [BurstState; 3] = [BurstState::Waiting, BurstState::Done, BurstState::Dead];

    /// The word for addresses and the store.
    pub fn word(self) -> &'static str {
        match self {
            BurstState::Waiting => "waiting",
            BurstState::Done => "done",
            BurstState::Dead => "dead",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// Which bursts a list shows, as it stands in the URL; nothing set, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BurstFilter {
    pub integration: Option<IntegrationId>,
    pub state: Option<BurstState>,
    pub effect: Option<Effect>,
    /// The first half of the event's name: `work_item`.
    pub subject: Option<String>,
    /// A part of the title, or a number.
    pub q: String,
    /// First received on these days of UTC, both included; either may be left open.
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    /// First received from the one moment until before the other; outdoes the days.
    pub span: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl BurstFilter {
    /// The first moment, and the first one after the last.
    pub fn bounds(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        if let Some((from, until)) = self.span {
            return (Some(from), Some(until));
        }
        let begin = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        let after = self.to.and_then(|day| day.succ_opt());
        (self.from.map(begin), after.map(begin))
    }

    /// Whether the list shows this one.
    pub fn holds(&self, burst: &Burst) -> bool {
        let effect = burst.result.as_ref().map(|result| result.effect);
        let subject = |wanted: &String| burst.event.split('.').next() == Some(wanted.as_str());
        let q = self.q.trim().to_lowercase();
        let title = || {
            burst
                .title
                .as_ref()
                .is_some_and(|title| title.to_lowercase().contains(&q))
        };
        let number = || {
            burst
                .number
                .is_some_and(|n| q.rsplit('-').next() == Some(n.to_string().as_str()))
        };
        self.integration.is_none_or(|id| id == burst.integration)
            && self.state.is_none_or(|state| state == burst.state)
            && self.effect.is_none_or(|wanted| effect == Some(wanted))
            && self.subject.as_ref().is_none_or(subject)
            && (q.is_empty() || title() || number())
            && {
                let (from, until) = self.bounds();
                from.is_none_or(|from| burst.first_at >= from)
                    && until.is_none_or(|until| burst.first_at < until)
            }
    }
}

/// What events did to the copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BurstResult {
    pub effect: Effect,
    /// Why nothing was done, as a sentence.
    pub says: Option<String>,
    pub at: DateTime<Utc>,
    /// How long it took to apply, in milliseconds.
    pub took_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    Created,
    Updated,
    Removed,
    /// The copy said so already.
    Unchanged,
    /// The copy was newer.
    Stale,
    /// The next run looks sooner.
    Noted,
    /// Nothing, for a reason.
    Ignored,
}

impl Effect {
    pub const ALL: [Effect; 7] = [
        Effect::Created,
        Effect::Updated,
        Effect::Removed,
        Effect::Unchanged,
        Effect::Stale,
        Effect::Noted,
        Effect::Ignored,
    ];

    /// The word for addresses and the store.
    pub fn word(self) -> &'static str {
        match self {
            Effect::Created => "created",
            Effect::Updated => "updated",
            Effect::Removed => "removed",
            Effect::Unchanged => "unchanged",
            Effect::Stale => "stale",
            Effect::Noted => "noted",
            Effect::Ignored => "ignored",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effect| effect.word() == word)
    }

    /// Whether the copy is another one than before.
    pub fn is_change(self) -> bool {
        matches!(self, Effect::Created | Effect::Updated | Effect::Removed)
    }

    /// The effect of events and of later ones, of which only the later ones were applied now.
    pub fn then(self, later: Effect) -> Effect {
        match (self, later) {
            // What is new to whoever looks was made, whatever else became of it.
            (Effect::Created, Effect::Updated) => Effect::Created,
            (first, later) if first.is_change() && !later.is_change() => first,
            (_, later) => later,
        }
    }

    /// Whether the copy says, or said then, what the events say: doing it once more would change nothing.
    pub fn is_settled(self) -> bool {
        !matches!(self, Effect::Ignored)
    }
}

/// A try that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedTry {
    pub at: DateTime<Utc>,
    /// A stable word.
    pub code: String,
    pub says: String,
}

/// Events that come so soon after the one before belong to the same burst.
pub const BURST_GAP: TimeDelta = TimeDelta::seconds(2);
/// A burst takes no more events after that long, nor more than that many: somebody is waiting for it.
pub const BURST_MOST: TimeDelta = TimeDelta::seconds(30);
pub const BURST_EVENTS: u32 = 100;

/// Whether an event that is received now still belongs to this burst.
pub fn joins(burst: &Joining, now: DateTime<Utc>) -> bool {
    let (since_last, since_first) = (now - burst.last_at, now - burst.first_at);
    burst.events < BURST_EVENTS
        // A clock that was set back is no reason to put everything together.
        && (TimeDelta::zero()..BURST_GAP).contains(&since_last)
        && (TimeDelta::zero()..BURST_MOST).contains(&since_first)
}

/// What [`joins`] decides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joining {
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
    pub events: u32,
}

/// How long a burst is left alone after an event, so that what belongs together is applied together: longer where Plane has to
/// be asked, because that takes a call, and in a flood. Never so long that somebody who watches would wonder.
pub fn settles_in(event: &Event, is_flood: bool) -> TimeDelta {
    match event.demand() {
        _ if is_flood => TimeDelta::milliseconds(1500),
        Demand::Ask(..) => TimeDelta::milliseconds(1500),
        _ => TimeDelta::milliseconds(200),
    }
}

/// What the events of a burst ask for together, with the one that asks: at most one call. They may be in any order.
pub fn demand_of(events: &[Event]) -> Demand<'_> {
    let asks = events.iter().map(Event::demand);
    asks.reduce(|one, other| match (one, other) {
        // Asking tells how it is now, whatever the others said.
        (ask @ Demand::Ask(..), _) | (_, ask @ Demand::Ask(..)) => ask,
        (Demand::Apply(one), Demand::Apply(other)) => {
            let is_later = other.updated_at >= one.updated_at;
            Demand::Apply(if is_later { other } else { one })
        }
        (apply @ Demand::Apply(_), _) | (_, apply @ Demand::Apply(_)) => apply,
        (read @ Demand::Collections(_), _) | (_, read @ Demand::Collections(_)) => read,
        (Demand::Nothing(_), why @ Demand::Nothing(_)) => why,
    })
    .unwrap_or(Demand::Nothing("It has no events any more."))
}

/// A burst is tried so often before it is given up.
pub const TRIES: u32 = 8;

/// When a burst that failed that often, once or more, is tried again: full jitter (`chance` from 0 to 1) below a bound that
/// grows from a second to an hour. `None`: it is given up.
pub fn retry_after(failures: u32, chance: f64) -> Option<TimeDelta> {
    if failures >= TRIES {
        return None;
    }
    let bound_ms = 1000u64
        .saturating_mul(4u64.saturating_pow(failures.saturating_sub(1)))
        .min(3_600_000);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "at most an hour in milliseconds"
    )]
    let wait = (bound_ms as f64 * chance.clamp(0.0, 1.0)) as i64;
    Some(TimeDelta::milliseconds(wait))
}

/// An integration's webhook as it stands here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    pub integration: IntegrationId,
    /// The last part of its address: 32 hexadecimal digits that can't be guessed.
    pub path: String,
    pub created_at: DateTime<Utc>,
    pub secret: Option<SecretHint>,
    /// The secret before the current one still counts until then.
    pub previous_until: Option<DateTime<Utc>>,
    /// Until then the secret is being replaced: deliveries that fail are kept and answered as received.
    pub rotation_until: Option<DateTime<Utc>>,
    /// Plane's own id of it, as deliveries told.
    pub plane_id: Option<Uuid>,
    /// Whether Plane sends its second format; `None` before the first delivery.
    pub is_second_format: Option<bool>,
    /// When the first delivery that was believed was received, and the last.
    pub first_at: Option<DateTime<Utc>>,
    pub last_at: Option<DateTime<Utc>>,
    pub deliveries: u64,
    pub duplicates: u64,
    /// Of the bodies that are kept.
    pub bytes: u64,
    /// Changes that polls found since the last delivery, and that it should have brought.
    pub missed: u64,
    /// How many deliveries were not believed, and why.
    pub refused: BTreeMap<Disbelief, u64>,
    pub refused_at: Option<DateTime<Utc>>,
    /// How many of those are kept, to be checked again with a new secret.
    pub quarantined: u32,
    pub quarantined_bytes: u64,
    pub keeps: Retention,
    /// Why it is taken for silent, and since when it is.
    pub silence: Option<(Silence, DateTime<Utc>)>,
    /// How Hangar's own delivery to the address went, last time.
    pub self_test: Option<SelfTest>,
    /// A secret that was made here is shown until then.
    pub secret_shown_until: Option<DateTime<Utc>>,
}

/// A delivery of Hangar's own, signed as Plane signs, over the public address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SelfTest {
    pub at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    pub result: SelfTestResult,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelfTestResult {
    /// It arrived here, was believed, and the answer came back.
    Passed,
    /// Nothing answers there; why, as far as can be told.
    Unreachable(String),
    /// Plane would follow to there with a GET and without the body, and take that for a success.
    Redirected(String),
    /// It arrived, but was not believed.
    Disbelieved(Disbelief),
    /// Something else answered, with this status.
    Elsewhere(u16),
}

impl SelfTestResult {
    /// What it means, and what to do.
    pub fn sentence(&self) -> String {
        match self {
            SelfTestResult::Passed => {
                "A signed delivery over the public address arrived here and was believed."
                    .to_owned()
            }
            SelfTestResult::Unreachable(why) => format!(
                "Nothing answers at the address: {why}. Look at the name, the certificate, the proxy and the firewall before it. If \
                 this machine alone can’t reach its own public name, Plane may still be able to."
            ),
            SelfTestResult::Redirected(to) => format!(
                "The address redirects to {to}. Plane would follow without the delivery and take that for a success: start Hangar \
                 with the final address as --public-url, or stop the redirect."
            ),
            SelfTestResult::Disbelieved(why) => {
                format!("It arrived here, but was not believed. {}", why.sentence())
            }
            SelfTestResult::Elsewhere(status) => format!(
                "Something else answers at the address, with status {status}. Have the proxy hand /api/webhooks/plane/ on to Hangar, \
                 with its headers and without a login."
            ),
        }
    }
}

/// How long events are kept, and how many bytes of their bodies; what was not applied yet is always kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    pub days: u32,
    pub megabytes: u32,
}

impl Retention {
    /// What an admin may choose. Plane tries for an hour at most, so the same event once more is known for longer than that.
    pub const DAYS: std::ops::RangeInclusive<u32> = 1..=365;
    pub const MEGABYTES: std::ops::RangeInclusive<u32> = 10..=10_000;
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            days: 30,
            megabytes: 500,
        }
    }
}

impl Webhook {
    /// Whether its secret is being replaced now.
    pub fn is_rotating(&self, now: DateTime<Utc>) -> bool {
        self.rotation_until.is_some_and(|until| now < until)
    }
}

/// What is shown of a webhook's secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretHint {
    pub last_four: String,
    pub set_at: DateTime<Utc>,
}

/// How a delivery's signature was found to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignedBy {
    Current,
    /// The secret before the current one, while that still counts.
    Previous,
}

impl SignedBy {
    /// The word for the store.
    pub fn word(self) -> &'static str {
        match self {
            SignedBy::Current => "current",
            SignedBy::Previous => "previous",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [SignedBy::Current, SignedBy::Previous]
            .into_iter()
            .find(|by| by.word() == word)
    }
}

/// Why a delivery was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disbelief {
    /// There is no secret here to check it with.
    NoSecret,
    NoSignature,
    /// The secret before the current one, which does not count any more.
    OldSecret,
    /// The signature fits the same content written as Plane writes it: something on the way wrote it anew.
    Altered,
    Unknown,
}

impl Disbelief {
    pub const ALL: [Disbelief; 5] = [
        Disbelief::NoSecret,
        Disbelief::NoSignature,
        Disbelief::OldSecret,
        Disbelief::Altered,
        Disbelief::Unknown,
    ];

    /// The word for the store.
    pub fn word(self) -> &'static str {
        match self {
            Disbelief::NoSecret => "no-secret",
            Disbelief::NoSignature => "no-signature",
            Disbelief::OldSecret => "old-secret",
            Disbelief::Altered => "altered",
            Disbelief::Unknown => "unknown",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.word() == word)
    }

    /// What it means and what to do.
    pub fn sentence(self) -> &'static str {
        match self {
            Disbelief::NoSecret => {
                "No secret was pasted here yet, so it can’t be told whether this came from Plane. Paste the webhook’s secret."
            }
            Disbelief::NoSignature => {
                "It has no X-Plane-Signature header. Something other than Plane sent it, or a proxy took the header away."
            }
            Disbelief::OldSecret => {
                "It was signed with the secret before the current one, which does not count any more. Plane still uses the old \
                 secret: paste it again, or make a new one in Plane."
            }
            Disbelief::Altered => {
                "It was signed with the right secret, but the body was written anew on its way. Find the proxy that changes JSON \
                 and switch that off for this address."
            }
            Disbelief::Unknown => {
                "It was signed with a secret that is not known here. If somebody made a new secret in Plane, paste it; otherwise \
                 somebody else sent this."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::{Change, Subject};
    use proptest::prelude::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000 + ms).unwrap()
    }

    #[test]
    fn a_burst_ends_with_a_gap_with_its_length_and_with_its_size() {
        let burst = Joining {
            first_at: at(0),
            last_at: at(5_000),
            events: 3,
        };
        assert!(joins(&burst, at(5_000)));
        assert!(joins(&burst, at(6_999)));
        assert!(!joins(&burst, at(7_000)), "a gap");
        assert!(!joins(&burst, at(4_999)), "the clock was set back");
        let long = Joining {
            last_at: at(29_500),
            ..burst
        };
        assert!(joins(&long, at(29_999)));
        assert!(!joins(&long, at(30_000)), "long enough");
        let many = Joining {
            events: BURST_EVENTS,
            ..burst
        };
        assert!(!joins(&many, at(5_001)), "full");
    }

    #[test]
    fn a_burst_that_asks_takes_one_call_for_all() {
        let event = |subject, change, project: Option<u128>| Event {
            subject,
            change,
            entity: Some(Uuid::from_u128(1)),
            project: project.map(|id| ProjectId(Uuid::from_u128(id))),
            title: None,
            number: None,
            field: None,
            updated_at: None,
            item: None,
            said: String::new(),
        };
        let ask = event(Subject::WorkItem, Change::Deleted, Some(2));
        let comment = event(Subject::Comment, Change::Created, Some(2));
        let cycle = event(Subject::Cycle, Change::Updated, Some(2));
        for events in [
            vec![ask.clone(), comment.clone(), cycle.clone()],
            vec![cycle.clone(), comment.clone(), ask],
        ] {
            assert!(matches!(demand_of(&events), Demand::Ask(..)));
        }
        assert!(matches!(
            demand_of(&[cycle, comment.clone()]),
            Demand::Collections(_)
        ));
        assert!(matches!(demand_of(&[comment]), Demand::Nothing(_)));
        assert!(matches!(demand_of(&[]), Demand::Nothing(_)));
    }

    #[test]
    fn a_change_stays_a_change_whatever_comes_later() {
        use Effect::{Created, Ignored, Removed, Unchanged, Updated};
        assert_eq!(Created.then(Updated), Created);
        assert_eq!(Updated.then(Unchanged), Updated);
        assert_eq!(Created.then(Ignored), Created);
        assert_eq!(Updated.then(Removed), Removed);
        assert_eq!(Ignored.then(Updated), Updated);
        assert_eq!(Ignored.then(Unchanged), Unchanged);
    }

    #[test]
    fn tries_end() {
        assert_eq!(retry_after(1, 1.0), Some(TimeDelta::seconds(1)));
        assert_eq!(retry_after(3, 0.5), Some(TimeDelta::seconds(8)));
        assert_eq!(retry_after(7, 1.0), Some(TimeDelta::hours(1)));
        assert_eq!(retry_after(TRIES, 0.0), None);
        assert_eq!(retry_after(u32::MAX, 0.0), None);
    }

    proptest! {
        #[test]
        fn a_retry_is_within_its_bound(failures in 1u32..TRIES, chance in -1.0f64..2.0) {
            let wait = retry_after(failures, chance).unwrap();
            prop_assert!(wait >= TimeDelta::zero() && wait <= TimeDelta::hours(1));
        }

        #[test]
        fn words_come_back(n in 0usize..7) {
            prop_assert_eq!(Effect::from_word(Effect::ALL[n].word()), Some(Effect::ALL[n]));
        }
    }
}
