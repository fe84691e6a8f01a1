//! The command line of `hangar`.

// SurrealDB's futures, laid out inside ours, are nested deeper than rustc's usual limit once it inlines.
#![recursion_limit = "256"]

use std::{io::Read as _, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser as _;
use server::{
    backup, bench,
    clock::Clock,
    config::{AdminCommand, BenchCommand, Cli, Command, Config, KeyCommand, ServeArgs},
    plain_url,
    portal::{self, Portal, StartError},
    rng::Rng,
    telemetry,
    traces::Traces,
    vault::{self, MasterKeySource},
    watchdog,
};
use tokio::{
    net::TcpListener,
    runtime::{Handle, Runtime},
    signal::unix::{Signal, SignalKind},
};
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// So long a stop waits for a collector to take the last traces.
const LAST_TRACES: Duration = Duration::from_secs(2);

/// SurrealDB recurses deeper than the usual 2 MiB; its own server uses 20 MiB in debug builds.
const STACK: usize = 20 << 20;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let (runtime, background) = match (runtime("answers"), runtime("background")) {
        (Ok(runtime), Ok(background)) => (runtime, background),
        (Err(error), _) | (_, Err(error)) => return fail(&format!("can't start: {error}"), 71),
    };
    watchdog::watch(
        vec![runtime.handle().clone(), background.handle().clone()],
        || {
            tracing::error!("no thread has answered for two minutes; ending");
            std::process::exit(70);
        },
    );
    // On a worker, because the main thread's stack is not ours to size.
    match runtime.block_on(async { tokio::spawn(run(cli, background.handle().clone())).await }) {
        Ok(code) => code,
        Err(error) => fail(&format!("stopped by a defect: {error}"), 70),
    }
}

/// Answers have threads of their own: whatever goes on by itself may keep a thread busy for long.
fn runtime(name: &str) -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name(name)
        .thread_stack_size(STACK)
        .build()
}

async fn run(cli: Cli, background: Handle) -> ExitCode {
    match cli.command {
        Command::Serve(args) => match settings(*args) {
            Ok(config) => serve(config, background).await,
            Err(code) => code,
        },
        Command::Admin {
            command:
                AdminCommand::Create {
                    serve,
                    email,
                    name,
                    password_stdin,
                },
        } => match settings(*serve).and_then(logged) {
            Ok(config) => create_admin(config, &email, &name, password_stdin).await,
            Err(code) => code,
        },
        Command::Key {
            command:
                KeyCommand::Rotate {
                    serve,
                    new_master_key_file,
                },
        } => match settings(*serve).and_then(logged) {
            Ok(config) => rotate_key(config, &new_master_key_file).await,
            Err(code) => code,
        },
        Command::Restore { serve, file } => match settings(*serve) {
            Ok(config) => restore(config, &file).await,
            Err(code) => code,
        },
        Command::Bench {
            command: BenchCommand::Vault { rounds },
        } => {
            print!("{}", vault::bench(&Rng::from_os(), rounds));
            ExitCode::SUCCESS
        }
        Command::Bench {
            command: BenchCommand::Calls { rounds },
        } => match bench_calls(rounds).await {
            Ok(each) => {
                println!("call: {each:.0} ns");
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error.to_string(), 74),
        },
        Command::Bench {
            command: BenchCommand::History { serve, days },
        } => match settings(*serve) {
            Ok(config) => match bench_history(&config, days).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(&error.to_string(), error.exit_code()),
            },
            Err(code) => code,
        },
    }
}

fn settings(args: ServeArgs) -> Result<Config, ExitCode> {
    let config = args
        .resolve(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        .map_err(|error| fail(&error.to_string(), 78))?;
    // Two crypto providers are linked (SurrealDB brings one); rustls wants to be told which is meant.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Ok(config)
}

async fn bench_calls(rounds: u32) -> Result<f64, store::Error> {
    let options = store::OpenOptions::new("mem://");
    let store = store::Store::open(options, Clock::System.now()).await?;
    bench::calls(store, rounds).await
}

async fn bench_history(config: &Config, days: i64) -> Result<(), StartError> {
    let now = config.clock.now();
    let store = store::Store::open(portal::database(config)?, now).await?;
    bench::history(&store, &Rng::from_os(), now, days).await?;
    store.close().await;
    Ok(())
}

/// With log lines.
fn logged(config: Config) -> Result<Config, ExitCode> {
    telemetry::start(&config.log, config.log_format, None)
        .map_err(|error| fail(&error.to_string(), 78))?;
    Ok(config)
}

/// Starts log lines, and traces if they are wanted.
fn traced(config: &Config, background: &Handle) -> Result<Option<Traces>, ExitCode> {
    let wrong = |error: &dyn std::fmt::Display| fail(&error.to_string(), 78);
    let traces = match &config.traces {
        Some(settings) => {
            let egress = portal::egress(config).map_err(|error| wrong(&error))?;
            let http = egress.client_for_setting();
            let http = http.map_err(|refused| wrong(&refused.sentence()))?;
            let traces = Traces::start(settings, http, &Rng::from_os(), background);
            Some(traces.map_err(|error| wrong(&error))?)
        }
        None => None,
    };
    telemetry::start(&config.log, config.log_format, traces.as_ref())
        .map_err(|error| wrong(&error))?;
    Ok(traces)
}

async fn serve(config: Config, background: Handle) -> ExitCode {
    let traces = match traced(&config, &background) {
        Ok(traces) => traces,
        Err(code) => return code,
    };
    let code = serve_traced(config, background).await;
    if let Some(traces) = traces {
        traces.end(LAST_TRACES).await;
    }
    code
}

async fn serve_traced(config: Config, background: Handle) -> ExitCode {
    // Slow senders must not use up what pages need.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let listener = match TcpListener::bind(config.addr).await {
        Ok(listener) => listener,
        Err(error) => {
            return fail(
                &format!("--addr: can't listen on {}: {error}", config.addr),
                69,
            );
        }
    };
    let addr = match listener.local_addr() {
        Ok(addr) => addr,
        Err(error) => return fail(&format!("--addr: {error}"), 69),
    };
    let config = Config { addr, ..config };
    let portal = match Portal::start(
        &config,
        &master_key(&config),
        config.clock.clone(),
        Rng::from_os(),
        background.clone(),
    )
    .await
    {
        Ok(portal) => Arc::new(portal),
        Err(error) => return cannot_start(&error),
    };
    let public_url = config.public_url.clone().unwrap_or_else(|| plain_url(addr));
    if let Some(file) = portal.vault.new_key_file() {
        tracing::warn!(
            file = %file.display(),
            "made the master key; back it up, apart from the database: without it the stored API keys are lost"
        );
    }
    if let Some(demo) = &config.demo
        && let Err(error) = server::demo::connect(&portal, demo).await
    {
        return fail(&format!("--demo: {error}"), 1);
    }
    match portal.accounts.set_up_link(&public_url).await {
        Ok(Some(link)) => eprintln!("set-up link: {link}"),
        Ok(None) => {}
        Err(failure) => return fail(&failure.to_string(), 74),
    }
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    tokio::spawn(exit_when_broken(portal.clone()));
    let (schedule, until) = (portal.sync.clone(), stop.clone());
    background.spawn(async move { schedule.keep_schedule(until).await });
    let (bulk, until) = (portal.bulk.clone(), stop.clone());
    background.spawn(async move { bulk.keep_going(until).await });
    let (inbox, until) = (portal.inbox.clone(), stop.clone());
    background.spawn(async move { inbox.keep_going(until).await });
    let (checks, until) = (portal.checks.clone(), stop.clone());
    background.spawn(async move { checks.keep_going(until).await });
    let (health, until) = (portal.health.clone(), stop.clone());
    background.spawn(async move { health.keep_watch(until).await });
    let (alerts, until) = (portal.alerts.clone(), stop.clone());
    background.spawn(async move { alerts.keep_telling(until).await });
    let (trends, until) = (portal.trends.clone(), stop.clone());
    background.spawn(async move { trends.keep_measuring(until).await });
    let (backups, until) = (portal.backups.clone(), stop.clone());
    background.spawn(async move { backups.keep_going(until).await });
    let (usage, until) = (portal.integrations.usage.clone(), stop.clone());
    background.spawn(async move { usage.keep_going(until).await });
    println!("listening on http://{addr}");
    match server::serve(&config, listener, portal, stop).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("can't serve: {error}"), 69),
    }
}

/// SIGINT and SIGTERM let requests end; the second one stops at once.
/// Listens from now on: a signal that comes before the first poll is not lost.
fn stop_on_signal(stop: CancellationToken) -> impl Future<Output = ()> + Send {
    let signals = (
        tokio::signal::unix::signal(SignalKind::interrupt()),
        tokio::signal::unix::signal(SignalKind::terminate()),
    );
    wait_for_signals(signals, stop)
}

async fn wait_for_signals(
    signals: (std::io::Result<Signal>, std::io::Result<Signal>),
    stop: CancellationToken,
) {
    let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
        tracing::warn!("signals can't be handled; stopping will be abrupt");
        return;
    };
    let mut wait = async || {
        tokio::select! {
            _ = interrupt.recv() => 130,
            _ = terminate.recv() => 143,
        }
    };
    wait().await;
    tracing::info!("stopping; once more stops at once");
    stop.cancel();
    std::process::exit(wait().await);
}

/// Fail-stop: after a storage error nothing is known of what was written, so nothing more may be promised.
async fn exit_when_broken(portal: Arc<Portal>) {
    let reason = portal.store.broken().await;
    tracing::error!(
        reason,
        "the database's storage failed; stopping, so that nothing is promised that is not kept"
    );
    std::process::exit(74);
}

async fn create_admin(config: Config, email: &str, name: &str, password_stdin: bool) -> ExitCode {
    let password = if password_stdin {
        let mut text = String::new();
        if let Err(error) = std::io::stdin().read_to_string(&mut text) {
            return fail(&format!("the password can't be read: {error}"), 66);
        }
        Some(text.trim_end_matches(['\r', '\n']).to_owned())
    } else {
        None
    };
    let portal = match Portal::start(
        &config,
        &master_key(&config),
        config.clock.clone(),
        Rng::from_os(),
        Handle::current(),
    )
    .await
    {
        Ok(portal) => portal,
        Err(error) => return cannot_start(&error),
    };
    let made = portal.accounts.create_admin(email, name, password).await;
    portal.stop().await;
    match made {
        Ok(Some(generated)) => {
            println!("admin {email} was made; the password, shown this once: {generated}");
            ExitCode::SUCCESS
        }
        Ok(None) => {
            println!("admin {email} was made");
            ExitCode::SUCCESS
        }
        Err(failure) => fail(&sentences(&failure), 65),
    }
}

async fn rotate_key(config: Config, new_file: &std::path::Path) -> ExitCode {
    let options = match portal::database(&config) {
        Ok(options) => options,
        Err(error) => return cannot_start(&StartError::Egress(error)),
    };
    let clock = Clock::System;
    let rng = Rng::from_os();
    let store = match store::Store::open(options, clock.now()).await {
        Ok(store) => store,
        Err(error) => return cannot_start(&StartError::Store(error)),
    };
    let rotated = vault::rotate(&store, &master_key(&config), new_file, &rng, clock.now()).await;
    store.close().await;
    match rotated {
        Ok(keys) => {
            println!(
                "{keys} keys are wrapped under the master key in {}; set --master-key-file to it, and keep the old one \
                 as long as backups need it",
                new_file.display()
            );
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error.to_string(), error.exit_code()),
    }
}

async fn restore(config: Config, file: &std::path::Path) -> ExitCode {
    let (master, rng, now) = (master_key(&config), Rng::from_os(), Clock::System.now());
    match backup::restore(file, &config, &master, &rng, now).await {
        Ok(restored) => {
            let (records, database) = (restored.records, restored.database.display());
            println!("restored {records} records into {database}; everybody has to sign in again");
            if let Some(why) = restored.locked {
                eprintln!(
                    "hangar: hangar serve will not start before it has the master key of that time: {why}"
                );
            }
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error.to_string(), error.exit_code()),
    }
}

fn master_key(config: &Config) -> MasterKeySource {
    MasterKeySource {
        file: config.master_key_file.clone(),
        credentials_directory: std::env::var_os("CREDENTIALS_DIRECTORY").map(Into::into),
        text: std::env::var("HANGAR_MASTER_KEY")
            .ok()
            .filter(|v| !v.is_empty())
            .map(Into::into),
        default_file: Some(config.data.join("master.key")),
    }
}

/// A failure with what it says of each field.
fn sentences(failure: &app::Failure) -> String {
    match failure {
        app::Failure::Invalid { fields, .. } if !fields.is_empty() => fields
            .iter()
            .map(|(field, says)| format!("{field}: {says}"))
            .collect::<Vec<_>>()
            .join(" "),
        failure => failure.to_string(),
    }
}

fn cannot_start(error: &StartError) -> ExitCode {
    fail(&error.to_string(), error.exit_code())
}

fn fail(says: &str, code: u8) -> ExitCode {
    eprintln!("hangar: {says}");
    ExitCode::from(code)
}
