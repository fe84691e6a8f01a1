use super::{Class, Remedy, Round, Side};
use crate::checks::Level;

pub(super) struct Facts {
    pub(super) word: &'static str,
    pub(super) name: &'static str,
    pub(super) side: Side,
    /// Of what nobody gives a level: that of a check is its own.
    pub(super) level: Level,
    /// It passes by itself often: a few that nothing ended for are no problem.
    pub(super) is_passing: bool,
    /// Whether it is told apart where it happened.
    pub(super) has_endpoint: bool,
    pub(super) round: Round,
    pub(super) remedy: Remedy,
    pub(super) advice: &'static str,
}

impl Class {
    pub(super) fn facts(self) -> Facts {
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
            Class::PlaneResting => facts(
                "plane.resting",
                "Plane is left alone after failures",
                (Theirs, Bad),
                (false, false),
                (RunOrTest, Test),
                "Calls to this server failed five times in a row, perhaps for another integration. Test the connection: that asks Plane at once.",
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
            Class::ChannelFailing => facts(
                "alert.channel_failing",
                "Alerts don’t get through",
                (Configuration, Bad),
                (false, true),
                (Look, Decide),
                "Test the channel on its page, and correct its address or password; what could not be sent is tried again for a day.",
            ),
        }
    }
}
