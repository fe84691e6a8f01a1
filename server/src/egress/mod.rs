/// Who may be spoken to: the pure part.
mod rules;
#[cfg(test)]
mod table;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use domain::text::BaseUrl;
use reqwest::{
    Client, ClientBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject},
};

use self::rules::{Allowed, Rules};
pub use self::rules::{Destination, Refused};

/// A connection must stand within this time.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What an operator set: hosts and networks as they were typed.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Private hosts, addresses or networks that may be spoken to; with or without a port.
    pub allow: Vec<String>,
    /// Hosts, addresses or networks that may be spoken to in plain http.
    pub allow_http: Vec<String>,
    /// A PEM file with certificate authorities to trust beside the system's.
    pub extra_ca: Option<PathBuf>,
    /// Where Hangar itself listens: never spoken to.
    pub own: Vec<SocketAddr>,
}

/// A setting that can't be used. It names the setting.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    #[error(
        "--egress-allow (HANGAR_EGRESS_ALLOW): {0:?} is neither a host, an address nor a network such as 10.0.0.0/8"
    )]
    Allow(String),
    #[error(
        "--allow-http (HANGAR_ALLOW_HTTP): {0:?} is neither a host, an address nor a network such as 10.0.0.0/8"
    )]
    AllowHttp(String),
    #[error("--extra-ca (HANGAR_EXTRA_CA): {path} can't be read as PEM certificates: {why}")]
    ExtraCa { path: PathBuf, why: String },
}

/// Why a host has no address to dial.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("the name could not be resolved")]
    Dns(#[source] io::Error),
}

/// The only builder of HTTP clients. Whatever leaves Hangar goes through its rules, at the moment of dialling too.
#[derive(Clone)]
pub struct Egress {
    rules: Arc<Rules>,
    tls: Arc<ClientConfig>,
    extra_ca: Option<Arc<[u8]>>,
}

impl Egress {
    /// Reads the policy and the certificate authorities.
    pub fn new(policy: Policy) -> Result<Self, EgressError> {
        let rules = Rules {
            allow: read(&policy.allow, EgressError::Allow)?,
            allow_http: read(&policy.allow_http, EgressError::AllowHttp)?,
            own: policy.own,
        };
        Ok(Self {
            rules: Arc::new(rules),
            tls: Arc::new(tls(policy.extra_ca.as_deref())?),
            extra_ca: policy
                .extra_ca
                .and_then(|path| std::fs::read(path).ok())
                .map(Arc::from), // read before, without a mistake
        })
    }

    /// Whether this address may be spoken to, as far as can be told without asking DNS.
    pub fn check(&self, base: &BaseUrl) -> Result<(), Refused> {
        self.destination(base).map(|_| ())
    }

    /// The host and port behind an address that passed [`Egress::check`].
    pub fn destination(&self, base: &BaseUrl) -> Result<Destination, Refused> {
        self.rules.check(base)
    }

    /// An HTTP client for this address and no other. It follows no redirect and uses no proxy, and dials only addresses
    /// that the rules allow: those it resolved and checked itself.
    pub fn client(&self, base: &BaseUrl) -> Result<Client, Refused> {
        let destination = self.destination(base)?;
        self.builder()
            .gzip(true)
            .dns_resolver(Arc::new(Filter {
                rules: self.rules.clone(),
                destination,
            }))
            .build()
            .map_err(|error| Refused::unusable(&error))
    }

    /// An HTTP client for an address that only the operator sets, whatever the rules say of it: Hangar's own public one, the
    /// collector of traces. Nothing that anybody typed may become part of it. It follows no redirect and uses no proxy.
    pub fn client_for_setting(&self) -> Result<Client, Refused> {
        let built = self.builder().build();
        built.map_err(|error| Refused::unusable(&error))
    }

    fn builder(&self) -> ClientBuilder {
        let mut tls = ClientConfig::clone(&self.tls);
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where HTTP clients are built"
        )]
        let builder = Client::builder();
        builder
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("Hangar/", env!("CARGO_PKG_VERSION")))
    }

    /// The addresses of a destination that may be dialled: at least one.
    pub async fn resolve(
        &self,
        destination: &Destination,
    ) -> Result<Vec<SocketAddr>, ResolveError> {
        resolve(&self.rules, destination).await
    }

    /// The addresses of a mail server that may be dialled: at least one.
    pub async fn mail_addresses(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, ResolveError> {
        let destination = Destination {
            host: host.to_owned(),
            port,
            https: true,
        };
        self.resolve(&destination).await
    }

    /// Whether this machine may be spoken to in the clear: it is this one, or the operator allowed it.
    pub fn may_be_plain(&self, host: &str, port: u16) -> bool {
        self.rules.may_be_plain(&Destination {
            host: host.to_owned(),
            port,
            https: false,
        })
    }

    /// The operator's own certificate authorities, as PEM.
    pub fn extra_ca(&self) -> Option<&[u8]> {
        self.extra_ca.as_deref()
    }

    /// The TLS settings of [`Egress::client`], for looking at a certificate.
    pub fn tls(&self) -> Arc<ClientConfig> {
        self.tls.clone()
    }
}

fn read(list: &[String], wrong: fn(String) -> EgressError) -> Result<Vec<Allowed>, EgressError> {
    let named = list
        .iter()
        .map(|text| text.trim())
        .filter(|text| !text.is_empty());
    named
        .map(|text| text.parse().map_err(|_| wrong(text.to_owned())))
        .collect()
}

async fn resolve(
    rules: &Rules,
    destination: &Destination,
) -> Result<Vec<SocketAddr>, ResolveError> {
    let found: Vec<SocketAddr> = match destination.ip() {
        Some(ip) => vec![(ip, destination.port).into()],
        None => {
            let name = (destination.host.as_str(), destination.port);
            tokio::net::lookup_host(name)
                .await
                .map_err(ResolveError::Dns)?
                .collect()
        }
    };
    let mut refused = None;
    let mut allowed = Vec::with_capacity(found.len());
    for address in found {
        match rules.check_address(destination, address.ip()) {
            Ok(()) => allowed.push(address),
            Err(why) => refused = refused.or(Some(why)),
        }
    }
    match refused {
        _ if !allowed.is_empty() => Ok(allowed),
        Some(refused) => Err(refused.into()),
        None => Err(ResolveError::Dns(io::Error::other(
            "the name has no address",
        ))),
    }
}

/// Resolves for one client: what was checked is what is dialled, whatever DNS says a moment later.
struct Filter {
    rules: Arc<Rules>,
    destination: Destination,
}

impl Resolve for Filter {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, destination) = (self.rules.clone(), self.destination.clone());
        let own = name
            .as_str()
            .trim_end_matches('.')
            .eq_ignore_ascii_case(&destination.host);
        Box::pin(async move {
            if !own {
                return Err(plane::error::Forbidden::from(Refused::elsewhere(&destination)).into());
            }
            match resolve(&rules, &destination).await {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
                Err(ResolveError::Refused(refused)) => {
                    Err(plane::error::Forbidden::from(refused).into())
                }
                Err(ResolveError::Dns(error)) => Err(error.into()),
            }
        })
    }
}

/// Whom to trust: the system's certificate authorities and those in a file of one's own.
pub(crate) fn tls(extra_ca: Option<&Path>) -> Result<ClientConfig, EgressError> {
    let mut roots = RootCertStore::empty();
    // Without any, only certificates of the extra file are trusted; the handshake then says "unknown issuer".
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "a certificate authority of the system could not be read");
    }
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = extra_ca {
        let wrong = |why: String| EgressError::ExtraCa {
            path: path.to_owned(),
            why,
        };
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| wrong(error.to_string()))?;
            count += 1;
        }
        if count == 0 {
            return Err(wrong("it holds no certificate".to_owned()));
        }
    }
    let provider = CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the ciphers of TLS 1.2 and 1.3");
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fake_plane::{FakePlane, Options};

    fn egress(allow: &[&str], allow_http: &[&str], own: &[SocketAddr]) -> Egress {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let policy = Policy {
            allow: texts(allow),
            allow_http: texts(allow_http),
            extra_ca: None,
            own: own.to_vec(),
        };
        Egress::new(policy).unwrap()
    }

    async fn code_of_a_call(egress: &Egress, url: &str) -> String {
        let client = match egress.client(&url.parse().unwrap()) {
            Ok(client) => client,
            Err(refused) => return refused.code().to_owned(),
        };
        match client.get(format!("{url}/")).send().await {
            Ok(_) => "ok".to_owned(),
            Err(error) => plane::Error::from_transport(&error).code().to_owned(),
        }
    }

    #[tokio::test]
    async fn a_name_is_filtered_when_it_is_dialled() {
        let plane = FakePlane::start(Options::default()).await;
        let port = plane.addr().port();
        let url = format!("http://localhost:{port}");
        assert_eq!(
            code_of_a_call(&egress(&["localhost"], &["localhost"], &[]), &url).await,
            "ok"
        );
        assert_eq!(
            code_of_a_call(&egress(&["127.0.0.0/8"], &["localhost"], &[]), &url).await,
            "ok"
        );
        plane.forget_requests();
        for (allow, own) in [
            (vec![], vec![]),
            (vec!["other"], vec![]),
            (vec!["localhost"], vec![plane.addr()]),
        ] {
            let own: Vec<SocketAddr> = own;
            let egress = egress(&allow, &["localhost"], &own);
            assert_eq!(
                code_of_a_call(&egress, &url).await,
                "refused_by_policy",
                "{allow:?} {own:?}"
            );
        }
        let port_of_another = format!("localhost:{}", port ^ 1);
        assert_eq!(
            code_of_a_call(&egress(&[&port_of_another], &["localhost"], &[]), &url).await,
            "refused_by_policy"
        );
        assert!(plane.requests().is_empty(), "nothing was dialled");
    }

    #[tokio::test]
    async fn a_client_speaks_to_its_own_host_alone() {
        let plane = FakePlane::start(Options::default()).await;
        let egress = egress(
            &["localhost", "127.0.0.1"],
            &["localhost", "127.0.0.1"],
            &[],
        );
        let client = egress
            .client(&"http://127.0.0.1:1".parse().unwrap())
            .unwrap();
        let error = client
            .get(format!("http://localhost:{}/", plane.addr().port()))
            .send()
            .await
            .unwrap_err();
        assert_eq!(
            plane::Error::from_transport(&error).code(),
            "refused_by_policy"
        );
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let plane = FakePlane::start(Options::default()).await;
        plane.fail(fake_plane::What::Redirect("http://example.com/".to_owned()));
        let egress = egress(&["127.0.0.1"], &["127.0.0.1"], &[]);
        let client = egress.client(&plane.url().parse().unwrap()).unwrap();
        let answer = client
            .get(format!("{}/api/instances/", plane.url()))
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_redirection());
    }

    #[test]
    fn settings_that_cannot_be_used_are_named() {
        let error = |policy| Egress::new(policy).err().unwrap().to_string();
        let allow = Policy {
            allow: vec!["10.0.0.0/99".into()],
            ..Policy::default()
        };
        assert!(error(allow).contains("--egress-allow"));
        let http = Policy {
            allow_http: vec!["http://x".into()],
            ..Policy::default()
        };
        assert!(error(http).contains("--allow-http"));
        let missing = Policy {
            extra_ca: Some("/nowhere/ca.pem".into()),
            ..Policy::default()
        };
        assert!(error(missing).contains("--extra-ca"));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "not a certificate").unwrap();
        let empty = Policy {
            extra_ca: Some(file.path().to_owned()),
            ..Policy::default()
        };
        assert!(error(empty).contains("holds no certificate"));
    }
}
