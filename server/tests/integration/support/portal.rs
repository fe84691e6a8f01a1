use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use clap::Parser as _;
use domain::{
    actor::{Admin, User, Viewer},
    disk::Space,
};
use fake_plane::FakePlane;
use server::{
    clock::Clock,
    config::{Cli, Command, Config},
    disk::Disk,
    portal::Portal,
    rng::Rng,
    timing::Timing,
    vault::MasterKeySource,
};
use tokio::{net::TcpListener, runtime::Handle, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::Person;

pub const ADMIN: &str = "maya@example.com";
pub const LEAD: &str = "jonas@example.com";
pub const PASSWORD: &str = "correct horse battery staple 9";

/// A portal on a free port over `mem://`, beside a fake Plane with the workspace of the end-to-end tests.
pub struct TestPortal {
    pub url: String,
    pub portal: Arc<Portal>,
    pub plane: FakePlane,
    pub clock: Clock,
    pub disk: Disk,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    data: tempfile::TempDir,
}

impl TestPortal {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With further command line arguments.
    pub async fn start_with(args: &[&str]) -> Self {
        let plane = FakePlane::start(fake_plane::Options {
            rate_limit: None,
            ..Default::default()
        })
        .await;
        plane.given(fake_plane::seed::e2e);
        let clock = Clock::manual(start_of_time());
        Self::start_beside(plane, clock, args).await
    }

    pub async fn start_beside(plane: FakePlane, clock: Clock, args: &[&str]) -> Self {
        Self::start_configured(plane, clock, &|data| config(data.to_owned(), args)).await
    }

    /// With other times than the usual ones.
    pub async fn start_timed(
        plane: FakePlane,
        clock: Clock,
        args: &[&str],
        timing: Timing,
    ) -> Self {
        let config = |data: &Path| Config {
            timing,
            ..config(data.to_owned(), args)
        };
        Self::start_configured(plane, clock, &config).await
    }

    /// With the settings for a data directory.
    pub async fn start_configured(
        plane: FakePlane,
        clock: Clock,
        config: &dyn Fn(&Path) -> Config,
    ) -> Self {
        let data = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let addr = listener.local_addr().unwrap();
        let config = Config {
            addr,
            ..config(data.path())
        };
        let disk = config.disk.clone();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let master = MasterKeySource::given("7f".repeat(32));
        let portal = Arc::new(
            Portal::start(
                &config,
                &master,
                clock.clone(),
                Rng::seeded(7),
                Handle::current(),
            )
            .await
            .unwrap(),
        );
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let (portal, stop) = (portal.clone(), stop.clone());
            async move {
                server::serve(&config, listener, portal, stop)
                    .await
                    .unwrap()
            }
        });
        Self {
            url: format!("http://{addr}"),
            portal,
            plane,
            clock,
            disk,
            stop,
            serving,
            data,
        }
    }

    /// The directory that is its own.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Somebody who has not signed in.
    pub fn visitor(&self) -> Person {
        Person::new(&self.url)
    }

    /// The first admin, signed in.
    pub async fn admin(&self) -> Person {
        self.make_admin().await;
        self.sign_in(ADMIN).await
    }

    /// A team lead, signed in. Makes the admin too.
    pub async fn lead(&self) -> Person {
        let admin = self.make_admin().await;
        let known = self
            .portal
            .store
            .user_for_sign_in(&LEAD.parse().unwrap())
            .await
            .unwrap();
        if known.is_none() {
            let form = app::PersonForm {
                name: "Jonas".to_owned(),
                email: LEAD.to_owned(),
                password: PASSWORD.to_owned(),
                role: "lead".to_owned(),
            };
            self.portal
                .backend
                .accounts
                .add_person(&admin, form)
                .await
                .unwrap();
        }
        self.sign_in(LEAD).await
    }

    pub async fn sign_in(&self, email: &str) -> Person {
        let mut person = self.visitor();
        let answer = person
            .post("sign_in", &[("email", email), ("password", PASSWORD)])
            .await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        assert_eq!(answer.location(), "/");
        person
    }

    /// The first admin, asking the store directly.
    pub async fn viewer(&self) -> Viewer {
        self.make_admin().await.viewer()
    }

    /// The first admin, asking the services directly.
    pub async fn make_admin(&self) -> Admin {
        let email = ADMIN.parse().unwrap();
        let store = &self.portal.store;
        if store.user_for_sign_in(&email).await.unwrap().is_none() {
            let made = self
                .portal
                .accounts
                .create_admin(ADMIN, "Maya", Some(PASSWORD.to_owned()))
                .await
                .unwrap();
            assert_eq!(made, None);
        }
        let (user, _) = store.user_for_sign_in(&email).await.unwrap().unwrap();
        User::admin(user).unwrap()
    }

    /// Adds the fake Plane's workspace through the form; answers the integration's path.
    pub async fn connect(&self, admin: &mut Person, name: &str) -> String {
        self.connect_with(admin, name, fake_plane::seed::KEY).await
    }

    pub async fn connect_with(&self, admin: &mut Person, name: &str, key: &str) -> String {
        let answer = admin
            .post(
                "create_integration",
                &[
                    ("integration_name", name),
                    ("base_url", &self.plane.url()),
                    ("workspace", "acme"),
                    ("api_key", key),
                    ("interval_minutes", "15"),
                ],
            )
            .await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        answer.location()
    }

    /// Presses "Sync now" and waits for the run's end; answers the run's path.
    pub async fn sync(&self, admin: &mut Person, integration: &str) -> String {
        let id = integration.rsplit('/').next().unwrap();
        let answer = admin.post("start_sync", &[("id", id)]).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        self.portal.sync.idle().await;
        answer.location()
    }

    /// Stops as a signal would.
    pub async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
    }
}

/// Enough of it, whatever this machine has.
pub const ROOM: Space = Space {
    free: 100 << 30,
    size: 200 << 30,
};

pub fn start_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

pub fn config(data: PathBuf, args: &[&str]) -> Config {
    let fixed = [
        "hangar",
        "serve",
        "--database-url",
        "mem://",
        "--egress-allow",
        "127.0.0.1",
        "--allow-http",
        "127.0.0.1",
    ];
    let cli = Cli::parse_from(fixed.iter().chain(args));
    let Command::Serve(serve) = cli.command else {
        panic!("not serve")
    };
    let config = serve.resolve(|_| None).unwrap();
    Config {
        data,
        disk: Disk::manual(ROOM),
        ..config
    }
}
