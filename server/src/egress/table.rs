//! Addresses in many spellings, and what becomes of them.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::rules::{Allowed, Rules};

fn rules(allow: &[&str], allow_http: &[&str], own: &[&str]) -> Rules {
    let read = |list: &[&str]| {
        list.iter()
            .map(|text| text.parse::<Allowed>().unwrap())
            .collect()
    };
    Rules {
        allow: read(allow),
        allow_http: read(allow_http),
        own: own.iter().map(|own| own.parse().unwrap()).collect(),
    }
}

/// Goes the way of what an admin pastes: normalised first.
fn verdict(rules: &Rules, pasted: &str) -> Result<(), String> {
    let address = plane::normalise(pasted).map_err(|error| error.code().to_owned())?;
    rules
        .check(&address.base)
        .map(|_| ())
        .map_err(|refused| refused.advice())
}

fn allowed(rules: &Rules, urls: &[&str]) {
    for url in urls {
        assert_eq!(verdict(rules, url), Ok(()), "{url}");
    }
}

fn refused(rules: &Rules, reason: &str, urls: &[&str]) {
    for url in urls {
        let why = verdict(rules, url).expect_err(url);
        assert!(why.contains(reason), "{url}: {why}");
    }
}

const METADATA_AND_LINK_LOCAL: [&str; 22] = [
    "https://169.254.169.254",
    "https://169.254.169.254:8080/latest/meta-data",
    "https://0xa9fea9fe",
    "https://0xa9.0xfe.0xa9.0xfe",
    "https://0251.0376.0251.0376",
    "https://2852039166",
    "https://169.254.43518",
    "https://169.0376.0xa9fe",
    "https://１６９.２５４.１６９.２５４",
    "https://169.254.0.1",
    "https://[::ffff:169.254.169.254]",
    "https://[::ffff:a9fe:a9fe]",
    "https://[::169.254.169.254]",
    "https://[::ffff:0:a9fe:a9fe]",
    "https://[64:ff9b::169.254.169.254]",
    "https://[2002:a9fe:a9fe::1]",
    "https://[fd00:ec2::254]",
    "https://[fe80::1]",
    "https://[febf::1]",
    "https://100.100.100.200",
    "https://168.63.129.16",
    "https://192.0.0.192",
];

const NOBODYS: [&str; 10] = [
    "https://0.0.0.0",
    "https://0",
    "https://0.1.2.3",
    "https://[::]",
    "https://[::ffff:0.0.0.0]",
    "https://224.0.0.1",
    "https://239.255.255.250",
    "https://255.255.255.255",
    "https://240.0.0.1",
    "https://[ff02::1]",
];

const PRIVATE: [&str; 38] = [
    "https://10.0.0.5",
    "https://10.0.0.5:8443",
    "https://10.5",
    "https://0xa000005",
    "https://167772165",
    "https://172.16.0.1",
    "https://172.31.255.255",
    "https://192.168.1.10",
    "https://192.168.266",
    "https://0300.0250.1.012",
    "https://127.0.0.1",
    "https://127.1",
    "https://127.255.255.254",
    "https://0x7f000001",
    "https://0177.1",
    "https://2130706433",
    "https://①②⑦.⓪.⓪.①",
    "https://[::1]",
    "https://[0:0:0:0:0:0:0:1]",
    "https://[::ffff:127.0.0.1]",
    "https://[::ffff:7f00:1]",
    "https://[::ffff:10.0.0.1]",
    "https://[::10.0.0.1]",
    "https://[64:ff9b::10.0.0.1]",
    "https://[64:ff9b:1::1]",
    "https://[2002:a00:1::]",
    "https://[2002:7f00:1::1]",
    "https://100.64.0.1",
    "https://100.127.255.254",
    "https://198.18.0.1",
    "https://192.0.2.1",
    "https://198.51.100.7",
    "https://203.0.113.7",
    "https://[fc00::1]",
    "https://[fd12:3456::1]",
    "https://[2001:db8::1]",
    "https://[2001::1]",
    "https://[fec0::1]",
];

#[test]
fn public_hosts_are_spoken_to_over_https() {
    allowed(
        &rules(&[], &[], &[]),
        &[
            "https://api.plane.so",
            "api.plane.so",
            "https://app.plane.so/acme/projects/",
            "https://plane.example.com:8443",
            "https://8.8.8.8",
            "https://172.32.0.1",
            "https://172.15.255.255",
            "https://100.128.0.1",
            "https://11.0.0.1",
            "https://[2606:4700::1111]",
            "https://[::ffff:8.8.8.8]",
            "https://[64:ff9b::8.8.8.8]",
            "https://xn--bcher-kva.example",
            "https://bücher.example/",
            // Names are judged when they are dialled.
            "https://localhost",
            "https://plane.lan",
        ],
    );
}

#[test]
fn plain_http_needs_a_name() {
    let urls = [
        "http://plane.example.com",
        "http://plane.example.com.:80/",
        "http://8.8.8.8",
        "http://[2606:4700::1111]",
    ];
    refused(&rules(&[], &[], &[]), "--allow-http", &urls);
    refused(
        &rules(&["plane.example.com", "8.8.8.8"], &[], &[]),
        "--allow-http",
        &urls,
    );
    refused(
        &rules(&[], &["plane.example.com:8080", "example.com"], &[]),
        "--allow-http",
        &urls,
    );
    allowed(
        &rules(
            &[],
            &["plane.example.com", "8.8.8.0/24", "[2606:4700::1111]:80"],
            &[],
        ),
        &urls,
    );
}

#[test]
fn private_addresses_need_a_name_or_a_network() {
    refused(&rules(&[], &[], &[]), "--egress-allow", &PRIVATE);
    allowed(&rules(&["0.0.0.0/0", "::/0"], &[], &[]), &PRIVATE);
    let some = rules(
        &["10.0.0.0/8", "192.168.1.10:443", "127.0.0.1", "fd00::/8"],
        &[],
        &[],
    );
    allowed(
        &some,
        &[
            "https://10.0.0.5",
            "https://10.0.0.5:8443",
            "https://[::ffff:10.0.0.1]",
            "https://192.168.1.10",
            "https://0x7f000001",
            "https://[::ffff:127.0.0.1]",
            "https://[fd12::1]",
        ],
    );
    refused(
        &some,
        "--egress-allow",
        &[
            "https://192.168.1.10:8443",
            "https://192.168.1.11",
            "https://127.0.0.2",
            "https://[::1]",
            "https://[fc00::1]",
        ],
    );
}

#[test]
fn what_no_setting_allows_is_refused_whatever_is_allowed() {
    let everything = rules(
        &["0.0.0.0/0", "::/0", "169.254.169.254", "100.100.100.200"],
        &["0.0.0.0/0", "::/0"],
        &["127.0.0.1:8080", "0.0.0.0:9090", "[::]:9191"],
    );
    refused(
        &everything,
        "address of your Plane",
        &METADATA_AND_LINK_LOCAL,
    );
    refused(&everything, "address of your Plane", &NOBODYS);
    refused(
        &everything,
        "address of your Plane",
        &[
            "http://127.0.0.1:8080",
            "http://127.1:8080",
            "https://[::ffff:127.0.0.1]:8080",
            "http://127.0.0.1:9090",
            "http://127.0.0.9:9090",
            "http://[::1]:9191",
        ],
    );
    allowed(
        &everything,
        &["http://127.0.0.1:8081", "http://10.0.0.5:9090"],
    );
    refused(
        &everything,
        "port",
        &[
            "https://plane.example.com:25",
            "http://10.0.0.5:6379",
            "https://8.8.8.8:0",
        ],
    );
}

#[test]
fn what_is_no_address_does_not_come_so_far() {
    let none = rules(&[], &[], &[]);
    refused(
        &none,
        "userinfo",
        &[
            "https://plane.example.com@10.0.0.5",
            "https://me:pass@8.8.8.8",
        ],
    );
    refused(
        &none,
        "scheme",
        &[
            "ftp://10.0.0.5",
            "file:///etc/passwd",
            "gopher://127.0.0.1",
            "unix:///run/x",
        ],
    );
    refused(
        &none,
        "not_an_address",
        &[
            "https://",
            "https://256.256.256.256",
            "https://[::1",
            "https://1.2.3.4.5",
        ],
    );
}

#[test]
fn settings_are_read_as_hosts_addresses_and_networks() {
    for text in [
        "plane.lan",
        "Plane.LAN.",
        "plane.lan:8080",
        "10.0.0.1",
        "10.0.0.1:80",
        "::1",
        "[::1]",
        "[::1]:80",
        "10.0.0.0/8",
        "::/0",
    ] {
        assert!(text.parse::<Allowed>().is_ok(), "{text}");
    }
    for text in [
        "",
        "http://x",
        "x/y",
        "10.0.0.0/33",
        "::/129",
        "x:99999",
        "me@x",
        "10.0.0.0/",
        "a b",
    ] {
        assert!(text.parse::<Allowed>().is_err(), "{text}");
    }
    assert_eq!(
        "Plane.LAN.".parse::<Allowed>(),
        "plane.lan".parse::<Allowed>()
    );
}

proptest! {
    #[test]
    fn every_spelling_of_an_ipv4_address_gets_the_same_verdict(bits in any::<u32>()) {
        let [a, b, c, d] = bits.to_be_bytes();
        let none = rules(&[], &[], &[]);
        let plain = verdict(&none, &format!("https://{a}.{b}.{c}.{d}")).is_ok();
        for spelled in [
            format!("https://{bits}"),
            format!("https://0x{bits:x}"),
            format!("https://0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
            format!("https://{a}.{}", bits & 0x00ff_ffff),
            format!("https://[::ffff:{a}.{b}.{c}.{d}]"),
            format!("https://[64:ff9b::{a}.{b}.{c}.{d}]"),
            format!("https://[2002:{:x}:{:x}::1]", bits >> 16, bits & 0xffff),
        ] {
            prop_assert_eq!(verdict(&none, &spelled).is_ok(), plain, "{}", spelled);
        }
    }

    #[test]
    fn nothing_that_is_pasted_or_set_panics(pasted in ".{0,60}", setting in ".{0,40}", own in any::<u16>()) {
        let own = SocketAddr::from(([127, 0, 0, 1], own)).to_string();
        let _ = verdict(&rules(&[], &[], &[&own]), &pasted);
        let _ = setting.parse::<Allowed>();
    }
}
