//! Whether Plane would take an address for a webhook, as far as can be told before an admin tries (plane-api.md section 8).

use std::net::IpAddr;

use app::AddressProblem;
use url::{Host, Url};

/// What Plane looks at.
pub(super) struct Seen<'a> {
    pub(super) address: &'a Url,
    /// What the address's host resolves to, as seen from here.
    pub(super) resolved: &'a [IpAddr],
    pub(super) plane_host: &'a str,
    /// `v1.3.1`, if it is known.
    pub(super) plane_version: Option<&'a str>,
}

/// Plane's own cloud, whose settings nobody here can change.
const CLOUD: &str = "api.plane.so";

/// Everything that stands in the way, the gravest first.
pub(super) fn problems(seen: &Seen<'_>) -> Vec<AddressProblem> {
    let host = seen.address.host_str().unwrap_or_default().to_lowercase();
    let plane_host = seen.plane_host.to_lowercase();
    let mut problems = Vec::new();
    let mut problem = |says: String, advice: String| problems.push(AddressProblem { says, advice });

    let is_literal = match seen.address.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        _ => host == "localhost" || host.ends_with(".localhost"),
    };
    if is_literal {
        problem(
            format!("Plane refuses {host}: no version of it takes an address of its own machine."),
            "Start Hangar with --public-url and the name that others reach it by.".to_owned(),
        );
    } else if let Some(ip) = seen.resolved.iter().find(|ip| is_private(**ip)) {
        let (says, advice) = private(&host, *ip, &plane_host, version(seen.plane_version));
        problem(says, advice);
    }
    let is_within = host == plane_host || host.ends_with(&format!(".{plane_host}"));
    if is_within && plane_host != CLOUD {
        problem(
            format!("Plane refuses {host}: it is Plane’s own host or a name under it."),
            format!(
                "Reach Hangar by a name that is not under {plane_host}, or set WEBHOOK_ALLOWED_HOSTS={host} in Plane \
                 (from v1.3.1 on)."
            ),
        );
    }
    if seen.address.scheme() == "http" {
        problem(
            "Deliveries travel unencrypted, and they hold names, e-mail addresses and descriptions.".to_owned(),
            "Put Hangar behind https and start it with that --public-url.".to_owned(),
        );
    }
    if version(seen.plane_version).is_some_and(|version| version < (0, 26, 1)) {
        problem(
            "This Plane sends changes of work items two or three times.".to_owned(),
            "Nothing to do: Hangar applies them together. From v0.26.1 on each is sent once."
                .to_owned(),
        );
    }
    problems
}

fn private(
    host: &str,
    ip: IpAddr,
    plane_host: &str,
    version: Option<(u32, u32, u32)>,
) -> (String, String) {
    let is = match host == ip.to_string() {
        true => format!("{host} is a private address"),
        false => format!("{host} leads to {ip}, a private address"),
    };
    if plane_host == CLOUD {
        return (
            format!("{is}, which Plane’s cloud can’t reach."),
            "Make Hangar reachable from the internet, at least under /api/webhooks/plane/."
                .to_owned(),
        );
    }
    match version {
        Some(version) if version < (1, 2, 3) => (
            format!("{is}. This Plane delivers to it; from v1.2.3 on Plane refuses it."),
            format!(
                "Before Plane is updated: from v1.3.1 on WEBHOOK_ALLOWED_HOSTS={host} lifts that."
            ),
        ),
        Some(version) if version < (1, 3, 1) => (
            format!("{is}, which this Plane refuses, and it has no setting that lifts that."),
            format!("Update Plane to v1.3.1 or later and set WEBHOOK_ALLOWED_HOSTS={host}."),
        ),
        _ => (
            format!("{is}, which Plane refuses from v1.2.3 on."),
            format!(
                "Set WEBHOOK_ALLOWED_HOSTS={host} or WEBHOOK_ALLOWED_IPS={ip} in Plane (from v1.3.1 on)."
            ),
        ),
    }
}

/// Loopback, private, link-local, shared, and what means no host at all.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
        }
    }
}

/// `v1.2.3-dev` as numbers.
fn version(text: Option<&str>) -> Option<(u32, u32, u32)> {
    let mut parts = text?.trim_start_matches('v').split('.').map(|part| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    let mut next = || parts.next();
    Some((next()??, next()??, next().flatten().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(address: &str, resolved: &str, plane: &str, version: Option<&str>) -> Vec<String> {
        let resolved: Vec<IpAddr> = resolved
            .split_whitespace()
            .map(|ip| ip.parse().unwrap())
            .collect();
        let seen = Seen {
            address: &address.parse().unwrap(),
            resolved: &resolved,
            plane_host: plane,
            plane_version: version,
        };
        let problems = problems(&seen).into_iter();
        problems
            .map(|problem| format!("{} {}", problem.says, problem.advice))
            .collect()
    }

    #[test]
    fn an_address_that_plane_takes_has_no_problems() {
        let none: Vec<String> = Vec::new();
        assert_eq!(
            says(
                "https://hangar.example.com",
                "203.0.113.7",
                "plane.example.com",
                Some("v1.3.1")
            ),
            none
        );
        assert_eq!(
            says(
                "https://hangar.example.com",
                "203.0.113.7",
                "api.plane.so",
                None
            ),
            none
        );
        // A name that only ends alike.
        assert_eq!(
            says(
                "https://myplane.example.com",
                "203.0.113.7",
                "plane.example.com",
                None
            ),
            none
        );
    }

    #[test]
    fn each_refusal_names_what_lifts_it() {
        for (address, resolved, plane, version, expected) in [
            (
                "https://localhost:8080",
                "127.0.0.1",
                "plane.example.com",
                Some("v1.2.0"),
                "--public-url",
            ),
            (
                "https://127.0.0.1",
                "127.0.0.1",
                "plane.example.com",
                None,
                "--public-url",
            ),
            (
                "https://hangar.lan",
                "10.1.2.3",
                "plane.example.com",
                Some("v1.2.2"),
                "This Plane delivers to it",
            ),
            (
                "https://hangar.lan",
                "10.1.2.3",
                "plane.example.com",
                Some("v1.3.0"),
                "no setting that lifts",
            ),
            (
                "https://hangar.lan",
                "10.1.2.3",
                "plane.example.com",
                Some("v1.3.1"),
                "WEBHOOK_ALLOWED_HOSTS=hangar.lan or WEBHOOK_ALLOWED_IPS=10.1.2.3",
            ),
            (
                "https://hangar.lan",
                "203.0.113.7 fd00::1",
                "plane.example.com",
                None,
                "hangar.lan leads to fd00::1",
            ),
            (
                "https://hangar.lan",
                "10.1.2.3",
                "api.plane.so",
                None,
                "cloud can’t reach",
            ),
            (
                "https://hooks.Plane.example.com",
                "203.0.113.7",
                "plane.example.com",
                None,
                "or a name under it",
            ),
            (
                "https://plane.example.com",
                "203.0.113.7",
                "plane.example.com",
                None,
                "own host",
            ),
            (
                "http://hangar.example.com",
                "203.0.113.7",
                "plane.example.com",
                None,
                "unencrypted",
            ),
            (
                "https://hangar.example.com",
                "203.0.113.7",
                "plane.example.com",
                Some("v0.26.0"),
                "two or three times",
            ),
        ] {
            let says = says(address, resolved, plane, version);
            assert!(
                says.len() == 1 && says[0].contains(expected),
                "{address}: {says:?}"
            );
        }
    }

    #[test]
    fn versions_are_read_as_far_as_they_can_be() {
        assert_eq!(version(Some("v1.3.1-dev")), Some((1, 3, 1)));
        assert_eq!(version(Some("0.28")), Some((0, 28, 0)));
        assert_eq!(version(Some("latest")), None);
        assert_eq!(version(None), None);
    }
}
