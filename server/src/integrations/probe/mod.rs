#[cfg(test)]
mod tests;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{
    connection_test::{ConnectionTest, Stage, StageName, StageState, TestProgress},
    ids::{IntegrationId, TestId},
    integration::AuthScheme,
    text::{BaseUrl, WorkspaceSlug},
};
use plane::{Budget, Error, Instance, Lane, OnCall, Options, Plane};
use rustls::pki_types::ServerName;
use secrecy::SecretString;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{
    clock::Clock,
    egress::{CONNECT_TIMEOUT, Destination, Egress, Refused, ResolveError},
};

/// A certificate with fewer days left deserves a look.
const DAYS_TO_WARN: i32 = 14;

/// What to test.
pub struct Target<'a> {
    pub base: &'a BaseUrl,
    pub workspace: &'a WorkspaceSlug,
    pub auth: AuthScheme,
    pub key: SecretString,
    /// The key's own: a test must not spend what a sync counts on.
    pub budget: Arc<Budget>,
    /// Hears of every call with the key.
    pub on_call: OnCall,
}

/// Tests a connection stage by stage, telling each as it starts and ends and the result at last.
/// Makes at most two calls with the key; what is not reached within `limit` is "not tried".
pub async fn probe(
    limit: Duration,
    egress: &Egress,
    target: Target<'_>,
    id: TestId,
    integration: Option<IntegrationId>,
    clock: &Clock,
    progress: impl FnMut(TestProgress),
) -> ConnectionTest {
    let began = Instant::now();
    let mut probe = Probe {
        progress,
        deadline: began + limit,
        test: ConnectionTest {
            id,
            integration,
            success: false,
            status: "ok".to_owned(),
            projects_count: None,
            error: None,
            stages: Vec::with_capacity(StageName::ALL.len()),
            api_calls: 0,
            plane_version: None,
            certificate_days_left: None,
            is_scheduled: false,
            started_at: clock.now(),
            took_ms: 0,
        },
    };
    probe.stages(egress, target).await;

    let Probe {
        mut progress,
        mut test,
        ..
    } = probe;
    for name in StageName::ALL.into_iter().skip(test.stages.len()) {
        let says = "Not tried, because an earlier step failed.".to_owned();
        let stage = Stage {
            name,
            state: StageState::NotTried,
            says,
            advice: None,
            took_ms: 0,
        };
        progress(TestProgress::Ended {
            stage: stage.clone(),
        });
        test.stages.push(stage);
    }
    test.success = test.error.is_none();
    test.took_ms = began.elapsed().as_millis() as u32;
    progress(TestProgress::Finished { test: test.clone() });
    test
}

struct Probe<P> {
    progress: P,
    deadline: Instant,
    test: ConnectionTest,
}

/// What a stage found.
struct Found<T> {
    value: T,
    says: String,
    /// Set when somebody should look.
    warning: Option<String>,
}

/// Why a stage failed.
struct Failed {
    code: &'static str,
    says: String,
    advice: String,
}

type Outcome<T> = Result<Found<T>, Failed>;

impl<P: FnMut(TestProgress)> Probe<P> {
    /// All stages in order, up to the first that fails. Each awaits only its own outcome.
    async fn stages(&mut self, egress: &Egress, target: Target<'_>) -> Option<()> {
        let Target {
            base,
            workspace,
            auth,
            key,
            budget,
            on_call,
        } = target;

        let (destination, http) = self
            .stage(StageName::Address, async { address(egress, base) })
            .await?;
        let addresses = self
            .stage(StageName::Dns, dns(egress, &destination))
            .await?;
        let connection = self.stage(StageName::Connect, connect(&addresses)).await?;
        let now = self.test.started_at;
        let days = self
            .stage(StageName::Tls, tls(egress, &destination, connection, now))
            .await?;
        self.test.certificate_days_left = days;

        let options = Options {
            lane: Lane::Interactive,
            max_wait: self.deadline - Instant::now(),
            retry_limited: false,
            deadline: Some(self.deadline),
            on_call: Some(on_call),
            ..Options::default()
        };
        let plane = Plane::new(
            http,
            base.clone(),
            workspace.clone(),
            auth,
            key,
            budget.clone(),
            options,
        );
        let done = self.plane_stages(&plane, base).await;
        self.test.api_calls = plane.usage().requests;
        done
    }

    async fn plane_stages(&mut self, plane: &Plane, base: &BaseUrl) -> Option<()> {
        self.test.plane_version = self.stage(StageName::Plane, instance(plane, base)).await?;
        self.stage(StageName::ApiKey, api_key(plane)).await?;
        let count = self.stage(StageName::Workspace, workspace(plane)).await?;
        let count = self
            .stage(StageName::Projects, async { projects(count) })
            .await?;
        self.test.projects_count = Some(count);
        self.stage(StageName::RateLimit, async { rate_limit(plane.budget()) })
            .await
    }

    /// Runs one stage, and tells of it before and after; `None` ends the test.
    async fn stage<T>(
        &mut self,
        name: StageName,
        work: impl Future<Output = Outcome<T>>,
    ) -> Option<T> {
        (self.progress)(TestProgress::Started { name });
        let began = Instant::now();
        let outcome = timeout_at(self.deadline, work)
            .await
            .unwrap_or_else(|_| Err(Failed::from(Error::Timeout)));
        let took_ms = began.elapsed().as_millis() as u32;
        let (stage, value) = match outcome {
            Ok(Found {
                value,
                says,
                warning,
            }) => {
                let state = if warning.is_some() {
                    StageState::Warned
                } else {
                    StageState::Passed
                };
                (
                    Stage {
                        name,
                        state,
                        says,
                        advice: warning,
                        took_ms,
                    },
                    Some(value),
                )
            }
            Err(Failed { code, says, advice }) => {
                self.test.status = code.to_owned();
                self.test.error = Some(says.clone());
                (
                    Stage {
                        name,
                        state: StageState::Failed,
                        says,
                        advice: Some(advice),
                        took_ms,
                    },
                    None,
                )
            }
        };
        (self.progress)(TestProgress::Ended {
            stage: stage.clone(),
        });
        self.test.stages.push(stage);
        value
    }
}

fn address(egress: &Egress, base: &BaseUrl) -> Outcome<(Destination, reqwest::Client)> {
    let destination = egress.destination(base)?;
    let http = egress.client(base)?;
    let says = format!("{base} is well-formed, and Hangar may speak to it.");
    Ok(Found::passed((destination, http), says))
}

async fn dns(egress: &Egress, destination: &Destination) -> Outcome<Vec<SocketAddr>> {
    let addresses = egress.resolve(destination).await?;
    let says = match (destination.ip(), &addresses[..]) {
        (Some(ip), _) => format!("Not needed: {ip} is an address already."),
        (None, [one]) => format!("{} is {}.", destination.host, one.ip()),
        (None, [first, rest @ ..]) => format!(
            "{} is {} and {} more.",
            destination.host,
            first.ip(),
            rest.len()
        ),
        (None, []) => return Err(Error::Dns.into()),
    };
    Ok(Found::passed(addresses, says))
}

async fn connect(addresses: &[SocketAddr]) -> Outcome<TcpStream> {
    let mut failed = Error::Dns;
    for address in addresses {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(connection)) => {
                return Ok(Found::passed(
                    connection,
                    format!("Connected to {address}."),
                ));
            }
            Ok(Err(error)) => failed = Error::from_io(&error),
            Err(_) => failed = Error::Timeout,
        }
    }
    Err(failed.into())
}

/// The days that the certificate has left; `None` without TLS.
async fn tls(
    egress: &Egress,
    destination: &Destination,
    connection: TcpStream,
    now: DateTime<Utc>,
) -> Outcome<Option<i32>> {
    if !destination.https {
        return Ok(Found::passed(
            None,
            "Not used: the address is plain http.".to_owned(),
        ));
    }
    let name = ServerName::try_from(destination.host.clone())
        .map_err(|_| Failed::from(Error::Tls(plane::error::TlsFlaw::WrongName)))?;
    let connection = TlsConnector::from(egress.tls())
        .connect(name, connection)
        .await
        .map_err(|error| Failed::from(Error::from_io(&error)))?;
    let (_, session) = connection.get_ref();
    let certificate = session.peer_certificates().and_then(|chain| chain.first());
    let Some((issuer, expires)) = certificate.and_then(|der| read_certificate(der)) else {
        return Ok(Found::passed(
            None,
            "The certificate is trusted.".to_owned(),
        ));
    };
    let days = i32::try_from((expires - now).num_days()).unwrap_or(i32::MAX);
    let says = format!(
        "The certificate by {issuer} is trusted and has {} left.",
        counted(days, "day")
    );
    let warning =
        (days < DAYS_TO_WARN).then(|| "Renew the certificate on Plane's server.".to_owned());
    Ok(Found {
        value: Some(days),
        says,
        warning,
    })
}

fn read_certificate(der: &[u8]) -> Option<(String, DateTime<Utc>)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let issuer = certificate.issuer();
    let organisation = issuer.iter_organization().next();
    let name = organisation
        .or_else(|| issuer.iter_common_name().next())
        .and_then(|name| name.as_str().ok());
    let name = name
        .unwrap_or("an unnamed issuer")
        .chars()
        .filter(|c| !c.is_control())
        .take(80)
        .collect();
    let expires = DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)?;
    Some((name, expires))
}

/// The version, if it is told.
async fn instance(plane: &Plane, base: &BaseUrl) -> Outcome<Option<String>> {
    match plane.instance().await {
        Ok(Instance {
            version: Some(version),
            edition,
            ..
        }) => {
            let edition = match edition.as_deref() {
                Some("PLANE_COMMUNITY") => " Community",
                Some("PLANE_COMMERCIAL") => " Commercial",
                _ => "",
            };
            let says = format!("This is Plane{edition} {version}.");
            let old = version.trim_start_matches('v').starts_with("0.");
            let warning = old.then(|| {
                "Update Plane: some of what Hangar reads came with later versions.".to_owned()
            });
            Ok(Found {
                value: Some(version),
                says,
                warning,
            })
        }
        // Whether it is Plane, the key's own call tells as well.
        Ok(Instance { version: None, .. })
        | Err(Error::NotSupported | Error::NoCredentials | Error::NoAccess) => Ok(Found::passed(
            None,
            "Plane answers, but does not tell its version.".to_owned(),
        )),
        Err(Error::NotPlane) if base.as_str() == "https://api.plane.so" => Ok(Found::passed(
            None,
            "Plane Cloud does not tell its version.".to_owned(),
        )),
        Err(Error::NotPlane) => {
            let failed = Failed::from(Error::NotPlane);
            let origin = base
                .as_str()
                .splitn(4, '/')
                .take(3)
                .collect::<Vec<_>>()
                .join("/");
            Err(if origin == base.as_str() {
                failed
            } else {
                let advice = format!(
                    "If the end of the address is your workspace's slug, enter {origin} as the address."
                );
                Failed { advice, ..failed }
            })
        }
        Err(error) => Err(error.into()),
    }
}

async fn api_key(plane: &Plane) -> Outcome<()> {
    match plane.me().await {
        Ok(me) => Ok(Found::passed(
            (),
            format!("Plane accepts the key; it belongs to {}.", me.display_name),
        )),
        Err(Error::NotSupported) => {
            let says = "This Plane is older than v0.28 and does not tell whose key it is; the next step tries it.";
            Ok(Found::passed((), says.to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

async fn workspace(plane: &Plane) -> Outcome<u64> {
    let count = plane.count_projects().await?;
    Ok(Found::passed(
        count,
        format!("The key opens the workspace {}.", plane.workspace()),
    ))
}

fn projects(count: u64) -> Outcome<u32> {
    let value = u32::try_from(count).unwrap_or(u32::MAX);
    let says = format!("The key sees {}.", counted(value, "project"));
    let warning = (count == 0)
        .then(|| "Add the key's owner to the projects that Hangar should copy.".to_owned());
    Ok(Found {
        value,
        says,
        warning,
    })
}

fn rate_limit(budget: &Budget) -> Outcome<()> {
    let Some(remaining) = budget.remaining() else {
        return Ok(Found::passed(
            (),
            "Plane does not tell of a limit.".to_owned(),
        ));
    };
    let says = format!(
        "{} of {} calls a minute are left.",
        remaining,
        budget.limit()
    );
    let warning = (remaining < 5).then(|| "Check which other tools use the same key.".to_owned());
    Ok(Found {
        value: (),
        says,
        warning,
    })
}

fn counted(count: impl Copy + Into<i64>, thing: &str) -> String {
    let count: i64 = count.into();
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

impl<T> Found<T> {
    fn passed(value: T, says: String) -> Self {
        Found {
            value,
            says,
            warning: None,
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed {
            code: error.code(),
            says: error.sentence(),
            advice: error.advice(),
        }
    }
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Failed {
            code: refused.code(),
            says: refused.sentence(),
            advice: refused.advice(),
        }
    }
}

impl From<ResolveError> for Failed {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Refused(refused) => refused.into(),
            ResolveError::Dns(_) => Error::Dns.into(),
        }
    }
}
