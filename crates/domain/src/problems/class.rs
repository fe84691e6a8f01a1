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
    NotFound,
    NotPlane,
    Policy,
    RateLimited,
    PlaneFault,
    BadRequest,
    Unsupported,
    BadAnswer,
    CopyStale,
    CopyDrift,
    DeleteBrake,
    RunStalled,
    Storage,
    WebhookSilent,
    WebhookSignature,
    WebhookGivenUp,
    CertificateExpiring,
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

struct Facts {
    word: &'static str,
    name: &'static str,
    side: Side,
    /// Of what nobody gives a level: that of a check is its own.
    level: Level,
    /// It passes by itself often: a few that nothing ended for are no problem.
    is_passing: bool,
    /// Whether it is told apart where it happened.
    has_endpoint: bool,
    round: Round,
    remedy: Remedy,
    advice: &'static str,
}

impl Class {
    pub const ALL: [Class; 25] = [
        Class::NetworkDns,
        Class::NetworkConnect,
        Class::NetworkTls,
        Class::NetworkTimeout,
        Class::KeyInvalid,
        Class::NoCredentials,
        Class::Forbidden,
        Class::KeyExpiring,
        Class::NotFound,
        Class::NotPlane,
        Class::Policy,
        Class::RateLimited,
        Class::PlaneFault,
        Class::BadRequest,
        Class::Unsupported,
        Class::BadAnswer,
        Class::CopyStale,
        Class::CopyDrift,
        Class::DeleteBrake,
        Class::RunStalled,
        Class::Storage,
        Class::WebhookSilent,
        Class::WebhookSignature,
        Class::WebhookGivenUp,
        Class::CertificateExpiring,
    ];

    fn facts(self) -> Facts {
        use Level::{Bad, Warning};
        use Remedy::{Decide, Replay, Sync, Test};
        use Round::{Look, Run, RunOrTest};
        use Side::{Configuration, Ours, Theirs};
        let facts =
            |word, name, (side, level), (is_passing, has_endpoint), (round, remedy), advice| {
                Facts {
                    word,
                    name,
                    side,
                    level,
                    is_passing,
                    has_endpoint,
                    round,
                    remedy,
                    advice,
                }
            };
        match self {
            Class::NetworkDns => facts(
                "network.dns",
                "The name of Plane’s server is not found",
                (Theirs, Bad),
                (true, false),
                (RunOrTest, Test),
                "Check that this machine’s DNS knows the host, and the spelling of the address in the settings.",
            ),
            Class::NetworkConnect => facts(
                "network.connect",
                "Plane can’t be reached",
                (Theirs, Bad),
                (true, false),
                (RunOrTest, Test),
                "Check that Plane is running, and that a firewall or proxy in between lets this machine through to its port.",
            ),
            Class::NetworkTls => facts(
                "network.tls",
                "No secure connection to Plane",
                (Theirs, Bad),
                (false, false),
                (RunOrTest, Test),
                "Test the connection: it says what is wrong with the certificate, and what to do.",
            ),
            Class::NetworkTimeout => facts(
                "network.timeout",
                "Plane does not answer in time",
                (Theirs, Bad),
                (true, false),
                (RunOrTest, Test),
                "Look whether Plane’s server is overloaded, or a firewall drops packets.",
            ),
            Class::KeyInvalid => facts(
                "auth.key_invalid",
                "Plane refuses the API key",
                (Configuration, Bad),
                (false, false),
                (RunOrTest, Test),
                "Make a new key in Plane under Profile settings, API tokens, and replace the key here.",
            ),
            Class::NoCredentials => facts(
                "auth.no_credentials",
                "The API key does not arrive",
                (Configuration, Bad),
                (false, false),
                (RunOrTest, Test),
                "Set “How the key is sent” to X-API-Key, and check that proxies in between pass that header on.",
            ),
            Class::Forbidden => facts(
                "auth.forbidden",
                "Plane gives the key no access",
                (Configuration, Bad),
                (false, true),
                (Run, Sync),
                "Add the key’s owner to the workspace and its projects in Plane, and check the spelling of the workspace’s slug.",
            ),
            Class::KeyExpiring => facts(
                "auth.key_expiring",
                "The API key is about to expire",
                (Configuration, Bad),
                (false, false),
                (Look, Decide),
                "Make a new key in Plane under Profile settings, API tokens, and replace the key here before its last day.",
            ),
            Class::NotFound => facts(
                "target.not_found",
                "Plane does not have what is asked for",
                (Configuration, Bad),
                (false, true),
                (Run, Sync),
                "Look in Plane whether the workspace and the project still exist, and correct the settings.",
            ),
            Class::NotPlane => facts(
                "target.not_plane",
                "Something else than Plane answers",
                (Configuration, Bad),
                (true, false),
                (RunOrTest, Test),
                "Enter the address of Plane’s API, without a path, and look whether a proxy or a login page stands before it.",
            ),
            Class::Policy => facts(
                "target.refused_by_policy",
                "Hangar’s rules forbid the address",
                (Configuration, Bad),
                (false, false),
                (RunOrTest, Test),
                "Correct the address, or allow the private network it is in when Hangar is started.",
            ),
            Class::RateLimited => facts(
                "rate_limited",
                "Plane’s rate limit stops syncs",
                (Theirs, Level::Warning),
                (false, false),
                (Run, Sync),
                "Look on the API budget page who uses the key; sync less often, or give integrations keys of their own.",
            ),
            Class::PlaneFault => facts(
                "plane.5xx",
                "Plane itself fails",
                (Theirs, Bad),
                (true, true),
                (Run, Sync),
                "Look at the log of Plane’s API server; Hangar goes on by itself when it works again.",
            ),
            Class::BadRequest => facts(
                "plane.bad_request",
                "Plane does not take a request",
                (Ours, Bad),
                (false, true),
                (Run, Sync),
                "Check that this version of Plane is supported, and report it as a fault of Hangar.",
            ),
            Class::Unsupported => facts(
                "plane.unsupported",
                "This Plane does not offer what is needed",
                (Configuration, Bad),
                (false, true),
                (Run, Sync),
                "Update Plane.",
            ),
            Class::BadAnswer => facts(
                "data.parse",
                "Plane’s answer is not understood",
                (Theirs, Bad),
                (true, true),
                (Run, Sync),
                "Look whether a proxy cuts answers short; else report it as a fault of Hangar, with the version of your Plane.",
            ),
            Class::CopyStale => facts(
                "copy.stale",
                "The copy is stale",
                (Theirs, Bad),
                (false, false),
                (Look, Sync),
                "Look at the latest runs: they say why nothing newer was copied. Then sync.",
            ),
            Class::CopyDrift => facts(
                "copy.drift",
                "The copy was not what Plane has",
                (Theirs, Warning),
                (false, false),
                (Look, Decide),
                "It was put right already. If it happens again, look whether webhooks are lost.",
            ),
            Class::DeleteBrake => facts(
                "engine.delete_brake",
                "Many work items are gone at once",
                (Theirs, Warning),
                (false, false),
                (Look, Decide),
                "Look at what is missing in Plane, then release the deletion or have everything read again.",
            ),
            Class::RunStalled => facts(
                "engine.stalled",
                "A run stands still",
                (Ours, Bad),
                (false, false),
                (Run, Sync),
                "The next run goes on where it was. If it happens again, report it with the run’s calls.",
            ),
            Class::Storage => facts(
                "local.storage",
                "Hangar can’t write to its database",
                (Ours, Bad),
                (false, false),
                (Run, Sync),
                "Look at free disk space and the permissions of the data folder.",
            ),
            Class::WebhookSilent => facts(
                "webhook.silent",
                "The webhook is silent",
                (Theirs, Bad),
                (false, false),
                (Look, Decide),
                "Plane has probably switched it off: switch it on there, and test the address on the webhook’s page.",
            ),
            Class::WebhookSignature => facts(
                "webhook.signature",
                "Deliveries are not believed",
                (Configuration, Bad),
                (false, false),
                (Look, Decide),
                "Copy the webhook’s secret from Plane once more, and paste it on the webhook’s page: what was held back is checked again.",
            ),
            Class::WebhookGivenUp => facts(
                "webhook.given_up",
                "Changes could not be applied",
                (Theirs, Warning),
                (false, false),
                (Look, Replay),
                "Look in the webhook’s log why each was given up; then replay them.",
            ),
            Class::CertificateExpiring => facts(
                "certificate.expiring",
                "Plane’s certificate runs out",
                (Theirs, Bad),
                (false, false),
                (Look, Decide),
                "Renew the certificate on Plane’s server.",
            ),
        }
    }

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
            "bad_request" => Class::BadRequest,
            "not_supported" => Class::Unsupported,
            "bad_answer" => Class::BadAnswer,
            // The origin is left alone because of failures that were told already; a call that nobody waits for any more is none.
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
                | Class::BadRequest
                | Class::Unsupported
                | Class::BadAnswer
                | Class::RunStalled
        );
        match self {
            Class::CopyStale => stops_syncs || other == Class::DeleteBrake,
            // What was told of was asked for, and Plane did not answer.
            Class::WebhookGivenUp => stops_syncs,
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
