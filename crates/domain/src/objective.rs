use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    checks::Level,
    ids::{IntegrationId, MaintenanceId},
    problems::{Class, Stands},
    run::Outcome,
    text::TextError,
    trend::{Copies, Runs, Webhooks},
};

/// What is promised of an integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Copies of projects that are at most twice as old as the schedule promises, looked at every five minutes.
    Freshness,
    /// Runs that succeeded, of those that nobody stopped.
    Success,
    /// Changes that webhooks told first, where there is a webhook.
    Coverage,
}

impl Objective {
    pub const ALL: [Objective; 3] = [
        Objective::Freshness,
        Objective::Success,
        Objective::Coverage,
    ];

    /// The word in addresses, exports and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Objective::Freshness => "freshness",
            Objective::Success => "success",
            Objective::Coverage => "coverage",
        }
    }

    /// The word a person reads.
    pub fn name(self) -> &'static str {
        match self {
            Objective::Freshness => "Freshness",
            Objective::Success => "Sync success",
            Objective::Coverage => "Webhook coverage",
        }
    }

    /// The objective of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Objective::ALL.into_iter().find(|one| one.word() == word)
    }
}

/// How much of it is promised, in ten-thousandths: 9,950 is 99.5 %. Never all of it: then there would be nothing to use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Target(u16);

/// It is no share that can be promised.
const NO_TARGET: TextError = TextError("Enter a share from 50 to 99.99 percent.");

impl TryFrom<u16> for Target {
    type Error = TextError;

    fn try_from(share: u16) -> Result<Self, TextError> {
        if (5_000..10_000).contains(&share) {
            Ok(Self(share))
        } else {
            Err(NO_TARGET)
        }
    }
}

impl From<Target> for u16 {
    fn from(target: Target) -> Self {
        target.0
    }
}

impl Target {
    /// The share that may go wrong: the error budget.
    pub fn allowed(self) -> f64 {
        f64::from(10_000 - self.0) / 10_000.0
    }

    /// "99.5", as people write it.
    pub fn percent(self) -> String {
        let text = format!("{}.{:02}", self.0 / 100, self.0 % 100);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// Out of "99.5", or "99,5 %".
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = text
            .trim()
            .trim_end_matches('%')
            .trim_end()
            .replace(',', ".");
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(part) || part.len() > 2 {
            return Err(NO_TARGET);
        }
        let number = format!("{whole}{part:0<2}");
        number.parse::<u16>().map_err(|_| NO_TARGET)?.try_into()
    }
}

/// What is promised of one integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Targets {
    pub freshness: Target,
    pub success: Target,
    pub coverage: Target,
}

impl Default for Targets {
    /// peers.md section 4.
    fn default() -> Self {
        Self {
            freshness: Target(9_500),
            success: Target(9_900),
            coverage: Target(9_900),
        }
    }
}

impl Targets {
    pub fn of(&self, objective: Objective) -> Target {
        match objective {
            Objective::Freshness => self.freshness,
            Objective::Success => self.success,
            Objective::Coverage => self.coverage,
        }
    }
}

/// How much of something was as promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct Tally {
    pub good: u64,
    pub all: u64,
}

impl From<(u64, u64)> for Tally {
    fn from((good, all): (u64, u64)) -> Self {
        Self { good, all }
    }
}

impl From<Tally> for (u64, u64) {
    fn from(tally: Tally) -> Self {
        (tally.good, tally.all)
    }
}

impl Tally {
    pub fn merge(&mut self, other: Self) {
        self.good += other.good;
        self.all += other.all;
    }

    pub fn bad(self) -> u64 {
        self.all.saturating_sub(self.good)
    }

    /// `None`: there was nothing to promise about.
    pub fn share(self) -> Option<f64> {
        (self.all > 0).then(|| self.good as f64 / self.all as f64)
    }

    /// How many times faster than allowed the error budget is used up; 1.0 uses it up exactly in its time.
    pub fn burn(self, target: Target) -> Option<f64> {
        let good = self.share()?;
        Some((1.0 - good) / target.allowed())
    }

    /// What is left of the error budget, 1.0 being all of it; below zero when it is overdrawn.
    pub fn left(self, target: Target) -> Option<f64> {
        self.burn(target).map(|burn| 1.0 - burn)
    }
}

/// The tallies of all objectives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub freshness: Tally,
    pub success: Tally,
    pub coverage: Tally,
}

impl Kept {
    /// What counts of that.
    pub fn new(copies: &Copies, runs: &Runs, webhooks: &Webhooks) -> Self {
        let stopped = runs.of(Outcome::Cancelled) + runs.of(Outcome::Interrupted);
        Self {
            freshness: Tally {
                good: copies.good,
                all: copies.looked_at,
            },
            success: Tally {
                good: runs.of(Outcome::Succeeded),
                all: runs.count() - stopped,
            },
            coverage: Tally {
                good: webhooks.told,
                all: webhooks.told + webhooks.caught,
            },
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.freshness.merge(other.freshness);
        self.success.merge(other.success);
        self.coverage.merge(other.coverage);
    }

    pub fn of(&self, objective: Objective) -> Tally {
        match objective {
            Objective::Freshness => self.freshness,
            Objective::Success => self.success,
            Objective::Coverage => self.coverage,
        }
    }
}

/// An error budget is for so many days.
pub const BUDGET_DAYS: i64 = 28;

/// How fast an error budget is used up: too fast in the long window, and still in the short one (the SRE Workbook's scheme, as
/// peers.md section 4 has it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// The budget would be gone in two days.
    Fast,
    /// In five days.
    Brisk,
    /// Before its time is over.
    Slow,
}

impl Pace {
    pub const ALL: [Pace; 3] = [Pace::Fast, Pace::Brisk, Pace::Slow];

    /// The burn rate that both windows must exceed.
    pub fn burn(self) -> f64 {
        match self {
            Pace::Fast => 14.4,
            Pace::Brisk => 6.0,
            Pace::Slow => 1.0,
        }
    }

    pub fn long(self) -> TimeDelta {
        match self {
            Pace::Fast => TimeDelta::hours(1),
            Pace::Brisk => TimeDelta::hours(6),
            Pace::Slow => TimeDelta::days(3),
        }
    }

    pub fn short(self) -> TimeDelta {
        match self {
            Pace::Fast => TimeDelta::minutes(5),
            Pace::Brisk => TimeDelta::minutes(30),
            Pace::Slow => TimeDelta::hours(6),
        }
    }
}

/// In a long window with fewer events nothing is judged: one failure of three would be a third.
pub const LEAST_EVENTS: u64 = 10;

/// What an integration kept in each window up to now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    pub minutes5: Kept,
    pub minutes30: Kept,
    pub hour1: Kept,
    pub hours6: Kept,
    pub days3: Kept,
    /// [`BUDGET_DAYS`].
    pub budget: Kept,
}

impl Windows {
    fn at(&self, pace: Pace) -> (&Kept, &Kept) {
        match pace {
            Pace::Fast => (&self.hour1, &self.minutes5),
            Pace::Brisk => (&self.hours6, &self.minutes30),
            Pace::Slow => (&self.days3, &self.hours6),
        }
    }
}

/// The burn rates of a long window and the short one beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burn {
    pub pace: Pace,
    /// `None`: nothing happened in it.
    pub long: Option<f64>,
    pub short: Option<f64>,
    /// There are too few events to judge by.
    pub is_guarded: bool,
}

impl Burn {
    pub fn is_exceeded(&self) -> bool {
        let exceeds = |burn: Option<f64>| burn.is_some_and(|burn| burn > self.pace.burn());
        !self.is_guarded && exceeds(self.long) && exceeds(self.short)
    }
}

/// How one objective of an integration stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObjectiveState {
    pub objective: Objective,
    pub target: Target,
    /// Of the budget's days.
    pub tally: Tally,
    pub burns: [Burn; 3],
}

impl ObjectiveState {
    pub fn new(objective: Objective, target: Target, windows: &Windows) -> Self {
        let burns = Pace::ALL.map(|pace| {
            let (long, short) = windows.at(pace);
            let (long, short) = (long.of(objective), short.of(objective));
            Burn {
                pace,
                long: long.burn(target),
                short: short.burn(target),
                is_guarded: long.all < LEAST_EVENTS,
            }
        });
        Self {
            objective,
            target,
            tally: windows.budget.of(objective),
            burns,
        }
    }

    /// What is left of the error budget; `None`: there was nothing to promise about.
    pub fn left(&self) -> Option<f64> {
        self.tally.left(self.target)
    }

    /// The fastest pace that is exceeded.
    pub fn pace(&self) -> Option<Pace> {
        let exceeded = self.burns.iter().find(|burn| burn.is_exceeded());
        exceeded.map(|burn| burn.pace)
    }

    /// What the watch has to know of it: bad when a budget would be gone within days.
    pub fn stands(&self) -> Stands {
        let exceeded = self.burns.iter().find(|burn| burn.is_exceeded());
        let (level, says) = match exceeded {
            None => (Level::Good, String::new()),
            Some(burn) => {
                let rate = burn.long.unwrap_or_default();
                let kept = 100.0 * (1.0 - rate * self.target.allowed()).max(0.0);
                let (time, level) = match burn.pace {
                    Pace::Fast => ("hour", Level::Bad),
                    Pace::Brisk => ("6 hours", Level::Bad),
                    Pace::Slow => ("3 days", Level::Warning),
                };
                let says = format!(
                    "{}: {kept:.1} % in the last {time}, promised are {} %. The error budget of {BUDGET_DAYS} days is used up {rate:.1} times as fast as it may be.",
                    self.objective.name(),
                    self.target.percent(),
                );
                (level, says)
            }
        };
        Stands {
            class: Class::ObjectiveBurning,
            endpoint: Some(self.objective.word().to_owned()),
            level,
            says,
        }
    }

    /// For how many days the rest of the budget lasts if things go on as in the last three days; `None`: it is gone, or is not
    /// being used up.
    pub fn lasts_days(&self) -> Option<f64> {
        let burn = self
            .burns
            .iter()
            .find(|burn| burn.pace == Pace::Slow)?
            .long?;
        let left = self.left().filter(|left| *left > 0.0)?;
        (burn > 0.0).then(|| left * BUDGET_DAYS as f64 / burn)
    }
}

/// A time that somebody announced, in which nothing counts for objectives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Maintenance {
    pub id: MaintenanceId,
    /// `None`: of all integrations.
    pub integration: Option<IntegrationId>,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// Why, as people read it.
    pub reason: String,
    pub by: String,
}

impl Maintenance {
    /// The longest one.
    pub const MOST: TimeDelta = TimeDelta::days(7);

    /// Whether any of a stretch of time of that integration is in it.
    pub fn covers(
        &self,
        integration: IntegrationId,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> bool {
        self.integration.is_none_or(|one| one == integration)
            && self.from < until
            && from < self.until
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(good: u64, all: u64) -> Kept {
        Kept {
            success: Tally { good, all },
            ..Kept::default()
        }
    }

    fn state(windows: Windows) -> ObjectiveState {
        ObjectiveState::new(Objective::Success, Targets::default().success, &windows)
    }

    #[test]
    fn both_windows_must_burn() {
        let windows = |hour1, minutes5| Windows {
            hour1,
            minutes5,
            ..Windows::default()
        };
        // 20 % failed of what may fail to 1 %: twenty times too fast.
        let burning = state(windows(kept(80, 100), kept(8, 10)));
        assert_eq!(burning.pace(), Some(Pace::Fast));
        let stands = burning.stands();
        assert_eq!(stands.level, Level::Bad);
        assert_eq!(
            stands.says,
            "Sync success: 80.0 % in the last hour, promised are 99 %. The error budget of 28 days is used up 20.0 times as fast as it may be."
        );
        assert_eq!(
            state(windows(kept(80, 100), kept(10, 10))).pace(),
            None,
            "it is over"
        );
        assert_eq!(
            state(windows(kept(100, 100), kept(0, 9))).pace(),
            None,
            "it is a moment"
        );
        assert_eq!(state(windows(kept(80, 100), kept(0, 0))).pace(), None);
    }

    #[test]
    fn too_little_is_not_judged() {
        let windows = |all| Windows {
            hour1: kept(0, all),
            minutes5: kept(0, all),
            ..Windows::default()
        };
        assert_eq!(state(windows(LEAST_EVENTS)).pace(), Some(Pace::Fast));
        let few = state(windows(LEAST_EVENTS - 1));
        assert_eq!(few.pace(), None);
        assert!(few.burns[0].is_guarded);
    }

    #[test]
    fn the_budget_is_what_may_go_wrong() {
        let windows = |good, all, days3| Windows {
            budget: kept(good, all),
            days3,
            ..Windows::default()
        };
        let half = state(windows(1_990, 2_000, kept(198, 200)));
        assert!((half.left().unwrap() - 0.5).abs() < 1e-9);
        assert!(
            (half.lasts_days().unwrap() - 14.0).abs() < 1e-6,
            "half of 28 days at a burn of 1"
        );
        let gone = state(windows(1_900, 2_000, kept(0, 20)));
        assert!(gone.left().unwrap() < 0.0);
        assert_eq!(gone.lasts_days(), None);
        assert_eq!(state(windows(0, 0, kept(0, 0))).left(), None);
        assert_eq!(
            state(windows(100, 100, kept(50, 50))).lasts_days(),
            None,
            "nothing is used up"
        );
    }

    #[test]
    fn a_target_is_read_as_people_write_it() {
        let of = |text: &str| Target::parse(text).map(Target::percent);
        assert_eq!(of("99.5"), Ok("99.5".to_owned()));
        assert_eq!(of(" 99,95 % "), Ok("99.95".to_owned()));
        assert_eq!(of("95"), Ok("95".to_owned()));
        for text in [
            "", "100", "49.9", "99.999", "-99", "+99", "nine", ".5", "99.5.1", "999999",
        ] {
            assert_eq!(of(text), Err(NO_TARGET), "{text}");
        }
    }

    #[test]
    fn maintenance_covers_what_it_touches() {
        let at = |minute: i64| DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap();
        let id = |n| IntegrationId(uuid::Uuid::from_u128(n));
        let of = |integration| Maintenance {
            id: MaintenanceId(uuid::Uuid::nil()),
            integration,
            from: at(10),
            until: at(20),
            reason: String::new(),
            by: String::new(),
        };
        let one = of(Some(id(1)));
        assert!(one.covers(id(1), at(5), at(11)));
        assert!(one.covers(id(1), at(19), at(24)));
        assert!(!one.covers(id(1), at(5), at(10)));
        assert!(!one.covers(id(1), at(20), at(25)));
        assert!(!one.covers(id(2), at(12), at(13)));
        assert!(of(None).covers(id(2), at(12), at(13)));
    }

    proptest! {
        #[test]
        fn what_went_wrong_is_used_up(good in 0u64..1000, bad in 0u64..1000, share in 5_000u16..10_000) {
            let target = Target::try_from(share).unwrap();
            let tally = Tally { good, all: good + bad };
            if let Some(left) = tally.left(target) {
                prop_assert!(left <= 1.0);
                let allowed = tally.all as f64 * target.allowed();
                prop_assert_eq!(left >= 0.0, bad as f64 <= allowed + 1e-9, "{} of {}", bad, allowed);
            }
            prop_assert_eq!(Target::parse(&target.percent()), Ok(target));
        }
    }
}
