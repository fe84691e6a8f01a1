use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use chrono::TimeDelta;
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;
use store::Credentials;

use crate::{
    clock::Clock,
    disk::Disk,
    timing::Timing,
    traces::{TraceSettings, TraceSettingsError},
};

/// Hangar: a self-hosted control room for Plane integrations.
///
/// Every setting of `serve` may be given as a flag, as an environment variable or in the TOML file of `--config`
/// (same names, with underscores); a flag wins over the environment, the environment over the file.
#[derive(Parser)]
#[command(name = "hangar", version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run the portal.
    Serve(Box<ServeArgs>),
    /// People who may sign in.
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// The master key that protects the stored API keys.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Make the embedded database out of a backup, where there is none. Nobody is signed in any more then.
    Restore {
        #[command(flatten)]
        serve: Box<ServeArgs>,
        /// The backup.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Measure parts of this binary, for `cargo xtask bench`.
    #[command(hide = true)]
    Bench {
        #[command(subcommand)]
        command: BenchCommand,
    },
}

#[derive(Subcommand)]
pub enum AdminCommand {
    /// Make an admin. The portal must not be running on the same embedded database.
    Create {
        #[command(flatten)]
        serve: Box<ServeArgs>,
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        /// Read the password from standard input; without this one is made and printed once.
        #[arg(long)]
        password_stdin: bool,
    },
}

#[derive(Subcommand)]
pub enum KeyCommand {
    /// Wrap every stored key anew under another master key, in one transaction. The portal must be stopped.
    Rotate {
        #[command(flatten)]
        serve: Box<ServeArgs>,
        /// The new master key's file; it is made when it is not there.
        #[arg(long, value_name = "FILE")]
        new_master_key_file: PathBuf,
    },
}

#[derive(Subcommand)]
pub enum BenchCommand {
    /// Seal and unseal one key this often, and print the operations per second.
    Vault {
        #[arg(long, default_value_t = 100_000)]
        rounds: u32,
    },
    /// Write down so many calls, and print the nanoseconds each.
    Calls {
        #[arg(long, default_value_t = 100_000)]
        rounds: u32,
    },
    /// Give every integration of a database so many days of history. The portal must not be running.
    History {
        #[command(flatten)]
        serve: Box<ServeArgs>,
        #[arg(long, default_value_t = 90)]
        days: i64,
    },
}

/// Settings as they are given; [`Config`] is what they come to.
#[derive(Args, Clone, Default)]
pub struct ServeArgs {
    /// A TOML file with any of the settings below.
    #[arg(long, env = "HANGAR_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8080].
    #[arg(long, env = "HANGAR_ADDR", value_name = "IP:PORT")]
    pub addr: Option<SocketAddr>,
    /// The address people and Plane use, such as https://hangar.example.com [default: http://ADDR].
    /// With https, cookies are marked secure and HSTS is sent.
    #[arg(long, env = "HANGAR_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// The directory of the embedded database and the master key [default: ./data].
    #[arg(long, env = "HANGAR_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Another database: surrealkv://PATH, mem://, ws://HOST or wss://HOST [default: surrealkv://DATA/db].
    /// Credentials come from HANGAR_DATABASE_USER and HANGAR_DATABASE_PASSWORD, or HANGAR_DATABASE_TOKEN.
    #[arg(long, env = "HANGAR_DATABASE_URL", value_name = "URL")]
    pub database_url: Option<String>,
    /// The master key: 32 bytes as hex or base64, readable by its owner alone [default: DATA/master.key, made at the
    /// first start]. Or a systemd credential named hangar-master-key, or HANGAR_MASTER_KEY.
    #[arg(long, env = "HANGAR_MASTER_KEY_FILE", value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,
    /// Private hosts or networks that Hangar may talk to: names, addresses or CIDR, with or without a port.
    #[arg(
        long,
        env = "HANGAR_EGRESS_ALLOW",
        value_name = "LIST",
        value_delimiter = ','
    )]
    pub egress_allow: Option<Vec<String>>,
    /// Hosts that may be spoken to in plain http.
    #[arg(
        long,
        env = "HANGAR_ALLOW_HTTP",
        value_name = "LIST",
        value_delimiter = ','
    )]
    pub allow_http: Option<Vec<String>>,
    /// A PEM file with certificate authorities to trust beside the system's.
    #[arg(long, env = "HANGAR_EXTRA_CA", value_name = "FILE")]
    pub extra_ca: Option<PathBuf>,
    /// Proxies whose X-Forwarded-For is believed: addresses or CIDR.
    #[arg(
        long,
        env = "HANGAR_TRUSTED_PROXIES",
        value_name = "LIST",
        value_delimiter = ','
    )]
    pub trusted_proxies: Option<Vec<String>>,
    /// Who may read /metrics: what Prometheus sends as its bearer token. Without it, nobody.
    #[arg(
        long,
        env = "HANGAR_METRICS_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub metrics_token: Option<String>,
    /// Where traces go: an OpenTelemetry collector that speaks OTLP over HTTP, such as http://127.0.0.1:4318 [default:
    /// OTEL_EXPORTER_OTLP_ENDPOINT; without either, nowhere]. Headers for it come from OTEL_EXPORTER_OTLP_HEADERS.
    #[arg(long, env = "HANGAR_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// How many of the traces that begin here are sent, from 0 to 1 [default: 1].
    #[arg(long, env = "HANGAR_OTLP_SAMPLE", value_name = "SHARE")]
    pub otlp_sample: Option<f64>,
    /// Where backups of the embedded database are kept [default: DATA/backups]. Better on another disk.
    #[arg(long, env = "HANGAR_BACKUP_DIR", value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,
    /// Hours from one backup of the embedded database to the next; 0 makes none [default: 24].
    #[arg(long, env = "HANGAR_BACKUP_HOURS", value_name = "HOURS")]
    pub backup_hours: Option<u32>,
    /// How many backups are kept; older ones are removed once a new one is verified [default: 14].
    #[arg(long, env = "HANGAR_BACKUP_KEEP", value_name = "N")]
    pub backup_keep: Option<u32>,
    /// How log lines look [default: human on a terminal, else json].
    #[arg(long, env = "HANGAR_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// What is logged: error, warn, info, debug, or tracing's filter syntax [default: info].
    #[arg(long, env = "HANGAR_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Reload open pages when this process starts anew (`cargo xtask dev`).
    #[arg(long, env = "HANGAR_DEV_RELOAD", hide = true)]
    pub dev_reload: bool,
    /// What a Plane's limit counts over, in milliseconds: for a test against one that does not take a minute.
    #[arg(long, value_name = "MS", hide = true)]
    pub rate_window_ms: Option<u64>,
    /// Start so many seconds later: for a test of what takes hours.
    #[arg(long, value_name = "S", hide = true)]
    pub clock_ahead_s: Option<u32>,
    /// Connect and sync a fake Plane's demo workspaces, described as JSON (`cargo xtask demo`).
    #[arg(long, value_name = "JSON", hide = true)]
    pub demo: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Human,
    Json,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    addr: Option<SocketAddr>,
    public_url: Option<String>,
    data: Option<PathBuf>,
    database_url: Option<String>,
    master_key_file: Option<PathBuf>,
    egress_allow: Option<Vec<String>>,
    allow_http: Option<Vec<String>>,
    extra_ca: Option<PathBuf>,
    trusted_proxies: Option<Vec<String>>,
    metrics_token: Option<String>,
    otlp_endpoint: Option<String>,
    otlp_sample: Option<f64>,
    backup_dir: Option<PathBuf>,
    backup_hours: Option<u32>,
    backup_keep: Option<u32>,
    log_format: Option<LogFormat>,
    log: Option<String>,
}

/// The settings of this process, complete and checked.
#[derive(Clone)]
pub struct Config {
    pub addr: SocketAddr,
    /// `None`: `http://` and the address that is really listened on.
    pub public_url: Option<url::Url>,
    pub data: PathBuf,
    pub database_url: String,
    pub database_credentials: Credentials,
    pub master_key_file: Option<PathBuf>,
    pub egress_allow: Vec<String>,
    pub allow_http: Vec<String>,
    pub extra_ca: Option<PathBuf>,
    pub trusted_proxies: Vec<IpNet>,
    pub metrics_token: Option<SecretString>,
    /// `None`: no traces.
    pub traces: Option<TraceSettings>,
    pub backup_dir: PathBuf,
    /// 0: there are none.
    pub backup_hours: u32,
    pub backup_keep: u32,
    pub log_format: Option<LogFormat>,
    pub log: String,
    pub dev_reload: bool,
    pub demo: Option<String>,
    /// Not for an operator.
    pub timing: Timing,
    pub clock: Clock,
    pub disk: Disk,
}

/// A setting that makes no sense; names it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("--config: {path} can't be read: {source}")]
    Unreadable {
        path: String,
        source: std::io::Error,
    },
    #[error("--config: {path}: {message}")]
    Malformed { path: String, message: String },
    #[error("--public-url: {0}")]
    PublicUrl(String),
    #[error("--trusted-proxies: {0} is neither an address nor a network such as 10.0.0.0/8")]
    TrustedProxies(String),
    #[error(transparent)]
    Traces(#[from] TraceSettingsError),
    #[error("--metrics-token: it needs at least 16 characters")]
    MetricsToken,
    #[error("--backup-keep: at least 1; --backup-hours 0 makes no backups")]
    BackupKeep,
    #[error("--backup-hours: at most 8760, which is a year")]
    BackupHours,
    #[error(
        "give either HANGAR_DATABASE_TOKEN or HANGAR_DATABASE_USER and HANGAR_DATABASE_PASSWORD, not both or half"
    )]
    Credentials,
}

impl ServeArgs {
    /// Flags and environment over the file over the defaults. `env` reads what is never a flag: credentials.
    pub fn resolve(self, env: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        let file = self
            .config
            .as_deref()
            .map(read_file)
            .transpose()?
            .unwrap_or_default();
        let data = self
            .data
            .or(file.data)
            .unwrap_or_else(|| PathBuf::from("data"));
        let database_url = self
            .database_url
            .or(file.database_url)
            .unwrap_or_else(|| format!("surrealkv://{}", data.join("db").display()));
        Ok(Config {
            addr: self
                .addr
                .or(file.addr)
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            public_url: self
                .public_url
                .or(file.public_url)
                .map(|url| public_url(&url))
                .transpose()?,
            database_url,
            database_credentials: credentials(&env)?,
            master_key_file: self.master_key_file.or(file.master_key_file),
            egress_allow: self.egress_allow.or(file.egress_allow).unwrap_or_default(),
            allow_http: self.allow_http.or(file.allow_http).unwrap_or_default(),
            extra_ca: self.extra_ca.or(file.extra_ca),
            trusted_proxies: self
                .trusted_proxies
                .or(file.trusted_proxies)
                .unwrap_or_default()
                .iter()
                .map(|text| network(text))
                .collect::<Result<_, _>>()?,
            metrics_token: metrics_token(self.metrics_token.or(file.metrics_token))?,
            traces: TraceSettings::read(
                self.otlp_endpoint.or(file.otlp_endpoint),
                self.otlp_sample.or(file.otlp_sample),
                &env,
            )?,
            backup_dir: self
                .backup_dir
                .or(file.backup_dir)
                .unwrap_or_else(|| data.join("backups")),
            backup_hours: match self.backup_hours.or(file.backup_hours).unwrap_or(24) {
                hours if hours <= 8760 => hours,
                _ => return Err(ConfigError::BackupHours),
            },
            backup_keep: match self.backup_keep.or(file.backup_keep).unwrap_or(14) {
                0 => return Err(ConfigError::BackupKeep),
                keep => keep,
            },
            log_format: self.log_format.or(file.log_format),
            log: self.log.or(file.log).unwrap_or_else(|| "info".to_owned()),
            dev_reload: self.dev_reload,
            demo: self.demo,
            data,
            timing: timing(self.rate_window_ms),
            clock: self.clock_ahead_s.map_or(Clock::System, |seconds| {
                Clock::Ahead(TimeDelta::seconds(seconds.into()))
            }),
            disk: Disk::System,
        })
    }
}

/// A token that could be guessed is none.
fn metrics_token(text: Option<String>) -> Result<Option<SecretString>, ConfigError> {
    match text {
        Some(text) if text.len() < 16 => Err(ConfigError::MetricsToken),
        text => Ok(text.map(SecretString::from)),
    }
}

fn timing(rate_window_ms: Option<u64>) -> Timing {
    let usual = Timing::default();
    Timing {
        rate_window: rate_window_ms.map_or(usual.rate_window, Duration::from_millis),
        ..usual
    }
}

fn read_file(path: &std::path::Path) -> Result<File, ConfigError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: shown.clone(),
        source,
    })?;
    toml::from_str(&text).map_err(|error| ConfigError::Malformed {
        path: shown,
        message: error.message().to_owned(),
    })
}

fn public_url(text: &str) -> Result<url::Url, ConfigError> {
    let bad = |why: &str| ConfigError::PublicUrl(format!("{text} {why}"));
    let url = url::Url::parse(text).map_err(|error| bad(&format!("is not an address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(bad("must start with http:// or https://"));
    }
    if url.path() != "/"
        || url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
    {
        return Err(bad(
            "must be a scheme, a host and perhaps a port, and nothing more",
        ));
    }
    Ok(url)
}

/// A network, or a single address as the network that holds nothing else.
fn network(text: &str) -> Result<IpNet, ConfigError> {
    let text = text.trim();
    let address = |address: IpAddr| IpNet::from(address.to_canonical());
    text.parse()
        .or_else(|_| text.parse().map(address))
        .map_err(|_| ConfigError::TrustedProxies(text.to_owned()))
}

fn credentials(env: impl Fn(&str) -> Option<String>) -> Result<Credentials, ConfigError> {
    let token = env("HANGAR_DATABASE_TOKEN");
    let user = env("HANGAR_DATABASE_USER");
    let password = env("HANGAR_DATABASE_PASSWORD");
    match (token, user, password) {
        (None, None, None) => Ok(Credentials::None),
        (Some(token), None, None) => Ok(Credentials::Token(token)),
        (None, Some(user), Some(password)) => Ok(Credentials::Password { user, password }),
        _ => Err(ConfigError::Credentials),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(args: ServeArgs) -> Result<Config, ConfigError> {
        args.resolve(|_| None)
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hangar.toml");
        std::fs::write(&path, "addr = \"127.0.0.1:9000\"\nlog = \"debug\"\n").unwrap();
        let args = ServeArgs {
            config: Some(path),
            log: Some("warn".to_owned()),
            ..ServeArgs::default()
        };
        let config = resolve(args).unwrap();
        assert_eq!(config.addr.port(), 9000);
        assert_eq!(config.log, "warn");
        assert_eq!(config.database_url, "surrealkv://data/db");
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hangar.toml");
        std::fs::write(&path, "adr = \"127.0.0.1:9000\"\n").unwrap();
        let unknown = resolve(ServeArgs {
            config: Some(path),
            ..ServeArgs::default()
        })
        .err()
        .unwrap();
        assert!(unknown.to_string().contains("adr"), "{unknown}");

        let url = Some("https://hangar.example.com/sub".to_owned());
        let path = resolve(ServeArgs {
            public_url: url,
            ..ServeArgs::default()
        })
        .err()
        .unwrap();
        assert!(path.to_string().starts_with("--public-url"), "{path}");

        let proxies = |list: &[&str]| {
            resolve(ServeArgs {
                trusted_proxies: Some(list.iter().map(|&entry| entry.to_owned()).collect()),
                ..ServeArgs::default()
            })
        };
        for wrong in ["10.0.0.0/33", "proxy.internal", "", "10.0.0.5:80"] {
            let error = proxies(&["10.0.0.0/8", wrong]).err().unwrap();
            let expected = format!("--trusted-proxies: {wrong} is");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
        assert!(proxies(&["10.0.0.0/8", "::1", "2001:db8::/48"]).is_ok());

        let none = resolve(ServeArgs {
            backup_keep: Some(0),
            ..ServeArgs::default()
        });
        let none = none.err().unwrap().to_string();
        assert!(none.starts_with("--backup-keep"), "{none}");
        let half = ServeArgs::default()
            .resolve(|name| (name == "HANGAR_DATABASE_USER").then(|| "x".to_owned()));
        assert!(half.is_err());
    }

    #[test]
    fn help_names_every_setting_with_its_variable() {
        use clap::CommandFactory as _;
        let mut cli = Cli::command();
        let serve = cli.find_subcommand_mut("serve").unwrap();
        let help = serve.render_long_help().to_string();
        for argument in serve
            .get_arguments()
            .filter(|a| !a.is_hide_set() && a.get_id() != "help")
        {
            let long = argument.get_long().unwrap();
            assert!(help.contains(long), "{long}");
            assert!(argument.get_env().is_some(), "{long}");
        }
    }
}
