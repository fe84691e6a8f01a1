use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

/// Who is calling: the peer, or what a trusted proxy says of its own peer. Whoever is not a trusted proxy can write into
/// `X-Forwarded-For` what he likes; only what stands right of the last trusted address counts.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.contains(&address));
    let mut client = peer.to_canonical();
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in hops.iter().rev() {
        if !is_proxy(client) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(address) => client = address.to_canonical(),
            Err(_) => break,
        }
    }
    client
}

/// What counts as one caller: an IPv4 address, or the /64 that one IPv6 subscriber has for himself.
pub(super) fn caller(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, forwarded: &[&str], proxies: &[&str], expected: &str) {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let proxies: Vec<IpNet> = proxies.iter().map(|p| p.parse().unwrap()).collect();
        let client = client_address(peer.parse().unwrap(), &headers, &proxies);
        assert_eq!(
            client.to_string(),
            expected,
            "{peer} {forwarded:?} {proxies:?}"
        );
    }

    #[test]
    fn a_forwarded_address_counts_from_trusted_proxies_only() {
        check("203.0.113.9", &["1.2.3.4"], &[], "203.0.113.9");
        check("203.0.113.9", &["1.2.3.4"], &["10.0.0.0/8"], "203.0.113.9");
        check(
            "10.0.0.5",
            &["198.51.100.7"],
            &["10.0.0.0/8"],
            "198.51.100.7",
        );
        check(
            "10.0.0.5",
            &["1.2.3.4, 198.51.100.7"],
            &["10.0.0.0/8"],
            "198.51.100.7",
        );
        check(
            "10.0.0.5",
            &["1.2.3.4", "198.51.100.7, 10.0.0.6"],
            &["10.0.0.0/8"],
            "198.51.100.7",
        );
        check("10.0.0.5", &["junk"], &["10.0.0.0/8"], "10.0.0.5");
        check("10.0.0.5", &[], &["10.0.0.5/32"], "10.0.0.5");
        check(
            "::ffff:10.0.0.5",
            &["198.51.100.7"],
            &["10.0.0.5/32"],
            "198.51.100.7",
        );
        check(
            "2001:db8::1",
            &["2001:db8:1::7"],
            &["2001:db8::/48"],
            "2001:db8:1::7",
        );
        check(
            "2001:db8:9::1",
            &["2001:db8:1::7"],
            &["2001:db8::/48"],
            "2001:db8:9::1",
        );
    }

    #[test]
    fn one_subscriber_is_one_caller() {
        assert_eq!(caller("192.0.2.1".parse().unwrap()), "192.0.2.1");
        assert_eq!(
            caller("2001:db8:1:2::1".parse().unwrap()),
            caller("2001:db8:1:2:ff::9".parse().unwrap())
        );
        assert_ne!(
            caller("2001:db8:1:2::1".parse().unwrap()),
            caller("2001:db8:1:3::1".parse().unwrap())
        );
    }
}
