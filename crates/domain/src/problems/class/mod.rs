/// What is known of each class.
mod facts;

use serde::{Deserialize, Serialize};

use crate::checks::{Check, Level};

/// What kind of failure it is: what failures are grouped by. The names follow peers.md section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Class {
    NetworkDns,
    NetworkConnect,
    NetworkTls,
    NetworkTimeout,
    KeyInvalid,
    NoCredentials,
    Forbidden,
    KeyExpiring,
    BudgetHigh,
    NotFound,
    NotPlane,
    Policy,
    RateLimited,
    PlaneFault,
    PlaneResting,
    BadRequest,
    Unsupported,
    BadAnswer,
    CopyStale,
    CopyDrift,
    DeleteBrake,
    RunStalled,
    Storage,
    DiskFull,
    BackupOld,
    WebhookSilent,
    WebhookSignature,
    WebhookGivenUp,
    CertificateExpiring,
    ChannelFailing,
    ObjectiveBurning,
}

/// Where a failure has its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// In Hangar, or the machine it runs on.
    Ours,
    /// In Plane, or on the way there.
    Theirs,
    /// In what somebody entered, here or in Plane.
    Configuration,
}

impl Side {
    /// The word a person reads.
    pub fn word(self) -> &'static str {
        match self {
            Side::Ours => "Hangar",
            Side::Theirs => "Plane, or the way there",
            Side::Configuration => "Settings",
        }
    }
}

/// What goes well when there is no failure any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// A run, or a test of the connection.
    RunOrTest,
    Run,
    /// The check itself, each time it is looked at.
    Look,
}

/// What an admin can do about everything that is affected, once the reason is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    Test,
    Sync,
    /// Apply what was given up once more.
    Replay,
    /// A person has to decide something first.
    Decide,
}

impl Class {
    pub const ALL: [Class; 31] = [
        Class::NetworkDns,
        Class::NetworkConnect,
        Class::NetworkTls,
        Class::NetworkTimeout,
        Class::KeyInvalid,
        Class::NoCredentials,
        Class::Forbidden,
        Class::KeyExpiring,
        Class::BudgetHigh,
        Class::NotFound,
        Class::NotPlane,
        Class::Policy,
        Class::RateLimited,
        Class::PlaneFault,
        Class::PlaneResting,
        Class::BadRequest,
        Class::Unsupported,
        Class::BadAnswer,
        Class::CopyStale,
        Class::CopyDrift,
        Class::DeleteBrake,
        Class::RunStalled,
        Class::Storage,
        Class::DiskFull,
        Class::BackupOld,
        Class::WebhookSilent,
        Class::WebhookSignature,
        Class::WebhookGivenUp,
        Class::CertificateExpiring,
        Class::ChannelFailing,
        Class::ObjectiveBurning,
    ];

    /// The stable word in addresses, exports and metrics.
    pub fn word(self) -> &'static str {
        self.facts().word
    }

    /// The class of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Class::ALL.into_iter().find(|class| class.word() == word)
    }

    /// What is wrong, as a headline.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    pub fn side(self) -> Side {
        self.facts().side
    }

    pub fn level(self) -> Level {
        self.facts().level
    }

    /// So many within an hour, if nothing ended because of them, are a problem.
    pub fn opens_after(self) -> u32 {
        if self.facts().is_passing { 5 } else { 1 }
    }

    pub fn has_endpoint(self) -> bool {
        self.facts().has_endpoint
    }

    pub fn round(self) -> Round {
        self.facts().round
    }

    pub fn remedy(self) -> Remedy {
        self.facts().remedy
    }

    /// What to do, in a sentence or two.
    pub fn advice(self) -> &'static str {
        self.facts().advice
    }

    /// The class of an error's code; `None`: it is no failure by itself.
    pub fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "dns" => Class::NetworkDns,
            "refused" | "network" => Class::NetworkConnect,
            "tls" => Class::NetworkTls,
            "timeout" => Class::NetworkTimeout,
            "bad_key" => Class::KeyInvalid,
            "no_credentials" => Class::NoCredentials,
            "no_access" => Class::Forbidden,
            "not_found" => Class::NotFound,
            "not_plane" | "redirected" => Class::NotPlane,
            "refused_by_policy" => Class::Policy,
            "rate_limited" => Class::RateLimited,
            "plane_fault" => Class::PlaneFault,
            "resting" => Class::PlaneResting,
            "bad_request" => Class::BadRequest,
            "not_supported" => Class::Unsupported,
            "bad_answer" => Class::BadAnswer,
            // A call that nobody waits for any more is none.
            _ => return None,
        })
    }

    /// Of a call that failed. Some answers are asked for to be told just that: that a work item is gone, that a guest may not
    /// list members, how much of the limit is left. They are failures only where something ends because of them.
    pub fn of_call(code: &str) -> Option<Self> {
        let class = Class::of_code(code)?;
        let is_answer = matches!(
            class,
            Class::Forbidden | Class::NotFound | Class::Unsupported | Class::RateLimited
        );
        (!is_answer).then_some(class)
    }

    /// What a check that is not good stands for; `None`: its reasons are told as they happen.
    pub fn of_check(check: Check) -> Option<Self> {
        match check {
            Check::Freshness => Some(Class::CopyStale),
            Check::Connection | Check::Key => None,
            Check::Expiry => Some(Class::KeyExpiring),
            Check::Budget => Some(Class::BudgetHigh),
            Check::Certificate => Some(Class::CertificateExpiring),
            Check::Webhook => Some(Class::WebhookSilent),
            Check::Signature => Some(Class::WebhookSignature),
            Check::Backlog => Some(Class::WebhookGivenUp),
            Check::Drift => Some(Class::CopyDrift),
            Check::Held => Some(Class::DeleteBrake),
        }
    }

    /// Whether this is what comes of the other, in the same integration: nobody has to see to it by itself.
    pub fn follows_from(self, other: Class) -> bool {
        let stops_syncs = matches!(
            other,
            Class::NetworkDns
                | Class::NetworkConnect
                | Class::NetworkTls
                | Class::NetworkTimeout
                | Class::KeyInvalid
                | Class::NoCredentials
                | Class::Forbidden
                | Class::NotFound
                | Class::NotPlane
                | Class::Policy
                | Class::RateLimited
                | Class::PlaneFault
                | Class::PlaneResting
                | Class::BadRequest
                | Class::Unsupported
                | Class::BadAnswer
                | Class::RunStalled
        );
        match self {
            Class::CopyStale => stops_syncs || other == Class::DeleteBrake,
            Class::ObjectiveBurning => {
                stops_syncs
                    || matches!(
                        other,
                        Class::CopyStale
                            | Class::DeleteBrake
                            | Class::WebhookSilent
                            | Class::WebhookSignature
                            | Class::WebhookGivenUp
                    )
            }
            // What was told of was asked for, and Plane did not answer.
            Class::WebhookGivenUp => stops_syncs,
            Class::PlaneResting => matches!(
                other,
                Class::NetworkDns
                    | Class::NetworkConnect
                    | Class::NetworkTls
                    | Class::NetworkTimeout
                    | Class::PlaneFault
                    | Class::BadAnswer
            ),
            _ => false,
        }
    }
}

impl From<Class> for &'static str {
    fn from(class: Class) -> Self {
        class.word()
    }
}

impl TryFrom<String> for Class {
    type Error = UnknownClass;

    fn try_from(word: String) -> Result<Self, UnknownClass> {
        Class::from_word(&word).ok_or(UnknownClass)
    }
}

/// A word that this version does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an unknown class of problems")]
pub struct UnknownClass;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_a_word_of_its_own_and_says_what_to_do() {
        let words: std::collections::HashSet<&str> = Class::ALL.map(Class::word).into();
        assert_eq!(words.len(), Class::ALL.len());
        for class in Class::ALL {
            assert_eq!(Class::from_word(class.word()), Some(class));
            let json = serde_json::to_string(&class).unwrap();
            assert_eq!(serde_json::from_str::<Class>(&json).unwrap(), class);
            assert!(class.advice().ends_with('.'), "{class:?}");
        }
    }

    #[test]
    fn an_answer_that_was_asked_for_is_no_failure_of_a_call() {
        assert_eq!(Class::of_call("not_found"), None);
        assert_eq!(Class::of_code("not_found"), Some(Class::NotFound));
        assert_eq!(Class::of_call("plane_fault"), Some(Class::PlaneFault));
        assert_eq!(Class::of_code("cancelled"), None);
    }

    #[test]
    fn a_check_that_is_told_by_its_reasons_has_no_class() {
        let without = |check: &Check| Class::of_check(*check).is_none();
        let without: Vec<Check> = Check::ALL.into_iter().filter(without).collect();
        assert_eq!(without, [Check::Connection, Check::Key]);
    }
}
