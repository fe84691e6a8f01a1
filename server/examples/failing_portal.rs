//! A portal whose copy can't be read and whose runs are broken, so that the end-to-end tests see the pages that say so.
//! Takes what `hangar serve` takes. People, settings and everything around a page are the real ones.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use app::{Failure, Mirror, RunRecord, Runs, Totals};
use async_trait::async_trait;
use clap::Parser as _;
use domain::{
    actor::{Admin, Viewer},
    collection::Collection,
    drift::DriftCheck,
    ids::{IntegrationId, ProjectId, RunId, WorkItemId},
    mirror::{
        DeletedItem, Facets, LabelCount, ProjectFilter, ProjectList, ProjectRow, Restore,
        WorkItemDetail, WorkItemFilter, WorkItemRow,
    },
    page::{Cursor, Page},
    run::{RunFilter, SyncRun},
    run_log::ApiCall,
};
use server::{
    clock::Clock,
    config::{Cli, Command, Config},
    plain_url,
    portal::Portal,
    rng::Rng,
    telemetry,
    vault::MasterKeySource,
};
use tokio::{net::TcpListener, runtime::Handle};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<()> {
    let Command::Serve(args) = Cli::parse().command else {
        bail!("only `serve` fails on purpose");
    };
    let config = args.resolve(|_| None)?;
    telemetry::start(&config.log, config.log_format, None)?;
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = TcpListener::bind(config.addr).await?;
    let addr = listener.local_addr()?;
    let config = Config { addr, ..config };
    let master = MasterKeySource::given("7f".repeat(32));
    let mut portal = Portal::start(
        &config,
        &master,
        Clock::System,
        Rng::from_os(),
        Handle::current(),
    )
    .await?;
    portal.backend.mirror = Arc::new(Failing(Failure::Unavailable));
    portal.backend.runs = Arc::new(Failing(Failure::Internal {
        reference: "c0ffee00c0ffee00".to_owned(),
    }));
    let link = portal.accounts.set_up_link(&plain_url(addr)).await;
    let link = link.ok().flatten().context("somebody is there already")?;
    eprintln!("set-up link: {link}");
    println!("listening on http://{addr}");
    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            let mut terminate =
                tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
            terminate.recv().await;
            stop.cancel();
            std::io::Result::Ok(())
        }
    });
    server::serve(&config, listener, Arc::new(portal), stop).await?;
    Ok(())
}

/// Answers everything with one failure.
struct Failing(Failure);

impl Failing {
    fn fail<T>(&self) -> Result<T, Failure> {
        Err(self.0.clone())
    }
}

#[async_trait]
impl Mirror for Failing {
    async fn totals(&self, _: &Viewer) -> Result<Totals, Failure> {
        self.fail()
    }

    async fn projects(
        &self,
        _: &Viewer,
        _: &ProjectFilter,
        _: Option<Cursor>,
    ) -> Result<ProjectList, Failure> {
        self.fail()
    }

    async fn project(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: ProjectId,
    ) -> Result<ProjectRow, Failure> {
        self.fail()
    }

    async fn work_items(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: ProjectId,
        _: &WorkItemFilter,
        _: Option<Cursor>,
    ) -> Result<Page<WorkItemRow>, Failure> {
        self.fail()
    }

    async fn work_item(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: ProjectId,
        _: WorkItemId,
    ) -> Result<WorkItemDetail, Failure> {
        self.fail()
    }

    async fn facets(&self, _: &Viewer, _: IntegrationId, _: ProjectId) -> Result<Facets, Failure> {
        self.fail()
    }

    async fn labels(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: ProjectId,
    ) -> Result<Vec<LabelCount>, Failure> {
        self.fail()
    }

    async fn collections(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: ProjectId,
    ) -> Result<Vec<Collection>, Failure> {
        self.fail()
    }

    async fn drift_checks(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: ProjectId,
        _: Option<Cursor>,
    ) -> Result<Page<DriftCheck>, Failure> {
        self.fail()
    }

    async fn deleted(
        &self,
        _: &Viewer,
        _: IntegrationId,
        _: ProjectId,
        _: Option<Cursor>,
    ) -> Result<Page<DeletedItem>, Failure> {
        self.fail()
    }

    async fn restore(
        &self,
        _: &Admin,
        _: IntegrationId,
        _: ProjectId,
        _: Restore,
    ) -> Result<(), Failure> {
        self.fail()
    }

    async fn discard(
        &self,
        _: &Admin,
        _: IntegrationId,
        _: ProjectId,
        _: WorkItemId,
    ) -> Result<(), Failure> {
        self.fail()
    }
}

#[async_trait]
impl Runs for Failing {
    async fn start(&self, _: &Admin, _: IntegrationId) -> Result<RunId, Failure> {
        self.fail()
    }

    async fn pause(&self, _: &Admin, _: IntegrationId, _: &str) -> Result<(), Failure> {
        self.fail()
    }

    async fn resume(&self, _: &Admin, _: IntegrationId) -> Result<(), Failure> {
        self.fail()
    }

    async fn cancel(&self, _: &Admin, _: RunId) -> Result<(), Failure> {
        self.fail()
    }

    async fn release(&self, _: &Admin, _: IntegrationId, _: ProjectId) -> Result<RunId, Failure> {
        self.fail()
    }

    async fn compare(&self, _: &Admin, _: IntegrationId, _: ProjectId) -> Result<(), Failure> {
        self.fail()
    }

    async fn reread(&self, _: &Admin, _: IntegrationId, _: ProjectId) -> Result<RunId, Failure> {
        self.fail()
    }

    async fn runs(
        &self,
        _: &Viewer,
        _: &RunFilter,
        _: Option<Cursor>,
    ) -> Result<Page<SyncRun>, Failure> {
        self.fail()
    }

    async fn run(&self, _: &Viewer, _: RunId) -> Result<SyncRun, Failure> {
        self.fail()
    }

    async fn record(&self, _: &Viewer, _: &SyncRun) -> Result<RunRecord, Failure> {
        self.fail()
    }

    async fn calls(
        &self,
        _: &Viewer,
        _: &SyncRun,
        _: Option<Cursor>,
    ) -> Result<Page<ApiCall>, Failure> {
        self.fail()
    }

    async fn running(&self, _: &Viewer) -> Result<Vec<SyncRun>, Failure> {
        self.fail()
    }
}
