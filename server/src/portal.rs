use std::{path::Path, sync::Arc};

use app::Backend;
use store::{OpenOptions, Store};
use tokio::runtime::Handle;

use crate::{
    accounts::AccountsService,
    alerts::AlertsService,
    backup::BackupService,
    budgets::Budgets,
    bulk::BulkService,
    clock::Clock,
    config::Config,
    disk::DataDisk,
    egress::{self, Egress, EgressError, Policy},
    health::{HealthService, checks::Checks, usage::UsageLog},
    inbox::InboxService,
    integrations::IntegrationsService,
    metrics::Metrics,
    mirror::MirrorService,
    rng::Rng,
    screens::ScreensService,
    sync::SyncService,
    trends::{LagLog, TrendsService},
    vault::{MasterKeySource, Vault, VaultError},
};

/// The whole portal below HTTP: the one place that knows how its parts fit together.
pub struct Portal {
    pub store: Store,
    pub vault: Arc<Vault>,
    pub accounts: AccountsService,
    pub integrations: IntegrationsService,
    pub sync: SyncService,
    pub bulk: BulkService,
    pub inbox: InboxService,
    pub checks: Checks,
    pub health: HealthService,
    pub alerts: AlertsService,
    pub trends: TrendsService,
    pub screens: ScreensService,
    pub backups: BackupService,
    /// The same services, as pages and server functions see them.
    pub backend: Backend,
    pub clock: Clock,
    pub rng: Rng,
}

/// Why the portal can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("the data directory {path} can't be made: {source}")]
    DataDirectory {
        path: String,
        source: std::io::Error,
    },
}

impl StartError {
    /// What the process exits with: 74 for storage, 75 when another process has the database, 78 for configuration and
    /// keys (sysexits.h).
    pub fn exit_code(&self) -> u8 {
        match self {
            StartError::Store(store::Error::Locked { .. }) => 75,
            StartError::Store(store::Error::Broken(_) | store::Error::Unreachable(_)) => 74,
            StartError::Store(store::Error::Address(_) | store::Error::Refused(_))
            | StartError::Egress(_) => 78,
            StartError::Vault(error) => error.exit_code(),
            StartError::DataDirectory { .. } => 74,
            StartError::Store(_) => 1,
        }
    }
}

impl Portal {
    /// Opens database and vault and puts the services together. Runs that no living process owns are ended. What goes on by
    /// itself does so in `background`.
    pub async fn start(
        config: &Config,
        master: &MasterKeySource,
        clock: Clock,
        rng: Rng,
        background: Handle,
    ) -> Result<Self, StartError> {
        make_directory(&config.data)?;
        let mut options = database(config)?;
        options.seed = u64::from_le_bytes(rng.bytes());
        let store = Store::open(options, clock.now()).await?;
        let vault = Arc::new(Vault::open(&store, master, &rng, clock.now()).await?);
        let egress = Arc::new(egress(config)?);

        let metrics = Metrics::default();
        let integrations = IntegrationsService {
            store: store.clone(),
            background,
            vault: vault.clone(),
            egress,
            usage: UsageLog::new(store.clone(), clock.clone(), rng.clone(), metrics.clone()),
            metrics,
            lags: LagLog::new(&rng),
            budgets: Arc::new(Budgets::new(
                &config.timing,
                store.clone(),
                clock.clone(),
                rng.uuid_v4(),
            )),
            timing: config.timing,
            clock: clock.clone(),
            rng: rng.clone(),
        };
        let accounts = AccountsService::new(store.clone(), clock.clone(), rng.clone());
        let sync = SyncService::new(integrations.clone());
        sync.end_dead_runs().await?;
        // What a crash interrupted; the integrations are not shown any more.
        store.finish_deletions().await?;
        let bulk = BulkService::new(integrations.clone(), sync.clone());
        let public_url = config.public_url.clone();
        let public_url = public_url.unwrap_or_else(|| crate::plain_url(config.addr));
        let alerts_url = public_url.clone();
        let inbox = InboxService::new(integrations.clone(), sync.clone(), public_url);
        inbox.take_over().await?;
        let trends = TrendsService::new(
            store.clone(),
            clock.clone(),
            rng.clone(),
            integrations.lags.clone(),
        );
        trends.begin().await?;
        let backups = BackupService::new(config, store.clone(), clock.clone(), rng.clone());
        let health = HealthService {
            trends: trends.clone(),
            store: store.clone(),
            backups: backups.clone(),
            budgets: integrations.budgets.clone(),
            usage: integrations.usage.clone(),
            busy: Default::default(),
            disk: DataDisk {
                disk: config.disk.clone(),
                data: config.data.clone(),
            },
            clock: clock.clone(),
        };
        let alerts = AlertsService {
            store: store.clone(),
            vault: vault.clone(),
            egress: integrations.egress.clone(),
            clock: clock.clone(),
            rng: rng.clone(),
            public_url: alerts_url.as_str().trim_end_matches('/').to_owned(),
            sending: Arc::default(),
        };
        alerts.begin().await?;
        let screens = ScreensService {
            store: store.clone(),
            vault: vault.clone(),
            clock: clock.clone(),
            rng: rng.clone(),
            public_url: alerts.public_url.clone(),
        };
        let backend = Backend {
            accounts: Arc::new(accounts.clone()),
            integrations: Arc::new(integrations.clone()),
            mirror: Arc::new(MirrorService {
                store: store.clone(),
                clock: clock.clone(),
            }),
            runs: Arc::new(sync.clone()),
            bulk: Arc::new(bulk.clone()),
            inbox: Arc::new(inbox.clone()),
            health: Arc::new(health.clone()),
            problems: Arc::new(health.clone()),
            alerts: Arc::new(alerts.clone()),
            trends: Arc::new(trends.clone()),
            screens: Arc::new(screens.clone()),
            backups: Arc::new(backups.clone()),
        };
        Ok(Self {
            checks: Checks::new(integrations.clone()),
            health,
            alerts,
            trends,
            screens,
            backups,
            store,
            vault,
            accounts,
            integrations,
            sync,
            bulk,
            inbox,
            backend,
            clock,
            rng,
        })
    }

    /// Ends what is under way, as interrupted, and flushes the database.
    pub async fn stop(&self) {
        self.bulk.stop().await;
        self.inbox.stop().await;
        self.alerts.stop().await;
        self.sync.stop().await;
        self.integrations.budgets.stop().await;
        if let Err(error) = self.integrations.usage.flush().await {
            tracing::warn!(%error, "the last calls to Plane could not be written down");
        }
        self.store.close().await;
    }
}

/// The way out that the settings allow.
pub fn egress(config: &Config) -> Result<Egress, EgressError> {
    Egress::new(Policy {
        allow: config.egress_allow.clone(),
        allow_http: config.allow_http.clone(),
        extra_ca: config.extra_ca.clone(),
        own: vec![config.addr],
    })
}

/// The database that the settings name. A `wss://` server is trusted as a Plane is: by the system's authorities and
/// those of `--extra-ca`.
pub fn database(config: &Config) -> Result<OpenOptions, EgressError> {
    let mut options = OpenOptions::new(&config.database_url);
    options.credentials = config.database_credentials.clone();
    if config.database_url.starts_with("wss://") {
        options.tls = Some(Arc::new(egress::tls(config.extra_ca.as_deref())?));
    }
    Ok(options)
}

fn make_directory(path: &Path) -> Result<(), StartError> {
    std::fs::create_dir_all(path).map_err(|source| StartError::DataDirectory {
        path: path.display().to_string(),
        source,
    })
}
