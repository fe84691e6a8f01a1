use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use domain::text::BaseUrl;
use plane::error::Forbidden;
use url::{Host, Url};

/// Ports of services that a request could be smuggled into, and that no Plane listens on.
const PORTS_NEVER: [u16; 12] = [0, 21, 22, 23, 25, 110, 143, 465, 587, 993, 995, 6379];

/// What may be spoken to (reliability-security.md section 4.3).
pub(super) struct Rules {
    pub(super) allow: Vec<Allowed>,
    pub(super) allow_http: Vec<Allowed>,
    pub(super) own: Vec<SocketAddr>,
}

/// Where a client goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    pub https: bool,
}

impl Destination {
    /// The host's address, if it is written as one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// Why Hangar won't speak to an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Refused {
    sentence: String,
    advice: String,
}

impl Refused {
    /// A stable word.
    pub fn code(&self) -> &'static str {
        "refused_by_policy"
    }

    /// What is refused, in one sentence.
    pub fn sentence(&self) -> String {
        self.sentence.clone()
    }

    /// The one thing to do; names the setting, if one can help.
    pub fn advice(&self) -> String {
        self.advice.clone()
    }

    fn new(sentence: String, advice: impl Into<String>) -> Self {
        Self {
            sentence,
            advice: advice.into(),
        }
    }

    pub(super) fn unusable(error: &reqwest::Error) -> Self {
        tracing::error!(%error, "no HTTP client could be built");
        Self::new(
            "No HTTP client could be built.".to_owned(),
            "Look into Hangar's log.",
        )
    }

    pub(super) fn elsewhere(destination: &Destination) -> Self {
        let sentence = format!("This connection is for {} alone.", destination.host);
        Self::new(sentence, "Report this as a fault of Hangar.")
    }
}

impl From<Refused> for Forbidden {
    fn from(refused: Refused) -> Self {
        Forbidden {
            sentence: refused.sentence,
            advice: refused.advice,
        }
    }
}

/// What an operator named: a host, an address, or a network; a port narrows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    Host {
        name: String,
        port: Option<u16>,
    },
    Net {
        ip: IpAddr,
        prefix: u8,
        port: Option<u16>,
    },
}

impl FromStr for Allowed {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some((ip, prefix)) = text.split_once('/') {
            let ip: IpAddr = ip.trim_matches(['[', ']']).parse().map_err(|_| ())?;
            let prefix: u8 = prefix.parse().map_err(|_| ())?;
            let bits = if ip.is_ipv4() { 32 } else { 128 };
            return if prefix <= bits {
                Ok(Allowed::Net {
                    ip,
                    prefix,
                    port: None,
                })
            } else {
                Err(())
            };
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Allowed::single(ip, None));
        }
        // The rest is written as in a URL, and read by the same rules.
        let url = Url::parse(&format!("http://{text}")).map_err(|_| ())?;
        let plain = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && !text.ends_with('/');
        if !plain || !url.username().is_empty() || url.password().is_some() {
            return Err(());
        }
        // `url` drops the port it takes for the usual one.
        let port = url.port().or_else(|| text.ends_with(":80").then_some(80));
        match url.host().ok_or(())? {
            Host::Domain(name) => Ok(Allowed::Host {
                name: name.trim_end_matches('.').to_owned(),
                port,
            }),
            Host::Ipv4(ip) => Ok(Allowed::single(ip.into(), port)),
            Host::Ipv6(ip) => Ok(Allowed::single(ip.into(), port)),
        }
    }
}

impl Allowed {
    fn single(ip: IpAddr, port: Option<u16>) -> Self {
        Allowed::Net {
            ip,
            prefix: if ip.is_ipv4() { 32 } else { 128 },
            port,
        }
    }

    fn names(&self, destination: &Destination) -> bool {
        match self {
            Allowed::Host { name, port } => *name == destination.host && fits(*port, destination),
            Allowed::Net { .. } => destination
                .ip()
                .is_some_and(|ip| self.holds(destination, ip)),
        }
    }

    fn holds(&self, destination: &Destination, ip: IpAddr) -> bool {
        match self {
            Allowed::Host { .. } => false,
            Allowed::Net {
                ip: net,
                prefix,
                port,
            } => fits(*port, destination) && within(canonical(ip), canonical(*net), *net, *prefix),
        }
    }
}

fn fits(port: Option<u16>, destination: &Destination) -> bool {
    port.is_none_or(|port| port == destination.port)
}

fn within(ip: IpAddr, net: IpAddr, written: IpAddr, prefix: u8) -> bool {
    match (ip, net) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => {
            // A v4 network written inside v6, such as ::ffff:10.0.0.0/104.
            let prefix = if written.is_ipv4() {
                prefix
            } else {
                prefix.saturating_sub(96)
            };
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            ip.to_bits() & mask == net.to_bits() & mask
        }
        (IpAddr::V6(ip), IpAddr::V6(net)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            ip.to_bits() & mask == net.to_bits() & mask
        }
        _ => false,
    }
}

impl Rules {
    /// Judges an address without asking DNS.
    pub(super) fn may_be_plain(&self, destination: &Destination) -> bool {
        let is_here =
            destination.host == "localhost" || destination.ip().is_some_and(|ip| ip.is_loopback());
        let mut allowed = self.allow_http.iter();
        is_here || allowed.any(|allowed| allowed.names(destination))
    }

    pub(super) fn check(&self, base: &BaseUrl) -> Result<Destination, Refused> {
        let destination = destination(base)?;
        let Destination { host, port, https } = &destination;
        if PORTS_NEVER.contains(port) {
            let sentence = format!("Port {port} belongs to another kind of service.");
            return Err(Refused::new(
                sentence,
                "Enter the port that Plane's web server listens on.",
            ));
        }
        if let Some(ip) = destination.ip() {
            self.check_never(&destination, ip)?;
        }
        if !https
            && !self
                .allow_http
                .iter()
                .any(|allowed| allowed.names(&destination))
        {
            let sentence = format!("Plain http to {host} would send the API key in clear text.");
            let advice = format!(
                "Use https://, or, if the network is trusted, start Hangar with --allow-http {host} (HANGAR_ALLOW_HTTP)."
            );
            return Err(Refused::new(sentence, advice));
        }
        if let Some(ip) = destination.ip() {
            self.check_address(&destination, ip)?;
        }
        Ok(destination)
    }

    /// Judges one address that a destination stands for.
    pub(super) fn check_address(
        &self,
        destination: &Destination,
        ip: IpAddr,
    ) -> Result<(), Refused> {
        self.check_never(destination, ip)?;
        if kind(canonical(ip)) == Kind::Public {
            return Ok(());
        }
        let named = self
            .allow
            .iter()
            .any(|allowed| allowed.names(destination) || allowed.holds(destination, ip));
        if named {
            return Ok(());
        }
        let host = &destination.host;
        let sentence = if destination.ip().is_some() {
            format!("{host} is a private address.")
        } else {
            format!("{host} leads to a private address.")
        };
        let advice = format!(
            "If your Plane is there, start Hangar with --egress-allow {host} (HANGAR_EGRESS_ALLOW)."
        );
        Err(Refused::new(sentence, advice))
    }

    /// Judges what no setting allows.
    fn check_never(&self, destination: &Destination, ip: IpAddr) -> Result<(), Refused> {
        let host = &destination.host;
        let ip = canonical(ip);
        if kind(ip) == Kind::Never {
            let sentence = format!("{host} is, or leads to, an address that no server may have.");
            return Err(Refused::new(sentence, "Enter the address of your Plane."));
        }
        let own = self.own.iter().any(|own| {
            let same = canonical(own.ip()) == ip || (own.ip().is_unspecified() && ip.is_loopback());
            same && own.port() == destination.port
        });
        if own {
            let sentence = format!("{host} with port {} is Hangar itself.", destination.port);
            return Err(Refused::new(sentence, "Enter the address of your Plane."));
        }
        Ok(())
    }
}

fn destination(base: &BaseUrl) -> Result<Destination, Refused> {
    let wrong = || {
        Refused::new(
            "This is not the address of a server.".to_owned(),
            "Enter the address of your Plane.",
        )
    };
    let url = Url::parse(base.as_str()).map_err(|_| wrong())?;
    let https = match url.scheme() {
        "https" => true,
        "http" => false,
        _ => return Err(wrong()),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong());
    }
    let host = match url.host().ok_or_else(wrong)? {
        Host::Domain(name) => name.trim_end_matches('.').to_owned(),
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    };
    if host.is_empty() {
        return Err(wrong());
    }
    let port = url.port_or_known_default().ok_or_else(wrong)?;
    Ok(Destination { host, port, https })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Public,
    /// Somebody's own network, or a range without servers: only if an operator named it.
    Private,
    /// Cloud metadata, link-local, multicast, unspecified, reserved.
    Never,
}

/// The IPv4 address inside an IPv6 one (mapped, compatible, NAT64, 6to4): that is where a packet may end up.
fn canonical(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let [a, b, c, ..] = v6.segments();
    let low = Ipv4Addr::from_bits(v6.to_bits() as u32);
    let embedded = match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] => Some(low),
        // Translated (RFC 2765): ::ffff:0:a.b.c.d.
        [0, 0, 0, 0, 0xffff, 0, ..] => Some(low),
        [0, 0, 0, 0, 0, 0, ..] if low.to_bits() > 1 => Some(low),
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(low),
        _ if a == 0x2002 => Some(Ipv4Addr::from_bits(u32::from(b) << 16 | u32::from(c))),
        _ => None,
    };
    embedded.map_or(ip, IpAddr::V4)
}

fn kind(ip: IpAddr) -> Kind {
    match ip {
        IpAddr::V4(ip) => kind_v4(ip),
        IpAddr::V6(ip) => kind_v6(ip),
    }
}

fn kind_v4(ip: Ipv4Addr) -> Kind {
    // Metadata outside link-local: Alibaba, Azure, Oracle.
    const METADATA: [[u8; 4]; 3] = [[100, 100, 100, 200], [168, 63, 129, 16], [192, 0, 0, 192]];
    match ip.octets() {
        octets if METADATA.contains(&octets) => Kind::Never,
        [0 | 224..=255, ..] | [169, 254, ..] => Kind::Never,
        [10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Kind::Private,
        // Protocol assignments, documentation, 6to4 relays, benchmarks.
        [192, 0, 0 | 2, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..] => Kind::Private,
        _ => Kind::Public,
    }
}

fn kind_v6(ip: Ipv6Addr) -> Kind {
    // Amazon's metadata over IPv6.
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    if ip == METADATA || ip.is_unspecified() || ip.is_multicast() {
        return Kind::Never;
    }
    match ip.segments() {
        [0xfe80..=0xfebf, ..] => Kind::Never,
        [0xfec0..=0xfeff, ..] | [0xfc00..=0xfdff, ..] => Kind::Private,
        // Local NAT64, discard, Teredo, ORCHID and benchmarks, documentation, segment routing.
        [0x64, 0xff9b, 1, ..]
        | [0x100, 0, 0, 0, ..]
        | [0x2001, 0..=0x1ff, ..]
        | [0x2001, 0xdb8, ..] => Kind::Private,
        [0x3fff, 0..=0xfff, ..] | [0x5f00, ..] => Kind::Private,
        // Only this eighth of the space is given out.
        [0x2000..=0x3fff, ..] => Kind::Public,
        _ => Kind::Private,
    }
}
