use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use store::{Credentials, Error, OpenOptions, Store};

use crate::support::at;

pub(crate) const USER: &str = "root";
pub(crate) const PASSWORD: &str = "correct horse";

/// A SurrealDB server, as a process of its own. It is killed with this value, and ends by itself when this process does.
pub(crate) struct Server {
    port: u16,
    storage: String,
    extra: Vec<String>,
    child: Mutex<Child>,
}

impl Server {
    /// On a free port of this machine; `storage` is `memory` or `surrealkv://PATH`.
    pub(crate) fn start(storage: &str) -> Self {
        Self::start_with(storage, Vec::new())
    }

    pub(crate) fn start_with(storage: &str, extra: Vec<String>) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        Self {
            port,
            storage: storage.to_owned(),
            child: Mutex::new(spawn(port, storage, &extra)),
            extra,
        }
    }

    /// The server's root, and a database that every caller shares.
    pub(crate) fn options(&self) -> OpenOptions {
        OpenOptions {
            credentials: password(USER, PASSWORD),
            ..OpenOptions::new(format!("ws://127.0.0.1:{}", self.port))
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits until the server takes queries.
    pub(crate) async fn ready(&self) {
        self.open(OpenOptions {
            database: "ready".to_owned(),
            ..self.options()
        })
        .await;
    }

    /// Opens a store as soon as the server is there.
    pub(crate) async fn open(&self, options: OpenOptions) -> Store {
        let since = Instant::now();
        loop {
            match Store::open(options.clone(), at(0)).await {
                Ok(store) => return store,
                Err(Error::Unreachable(why)) => {
                    let ended = self.child.lock().unwrap().try_wait().unwrap();
                    assert!(ended.is_none(), "the server ended with {ended:?}");
                    assert!(since.elapsed() < Duration::from_secs(60), "{why}");
                }
                Err(error) => panic!("{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Once more, on the same port and storage.
    pub(crate) fn start_again(&self) {
        *self.child.lock().unwrap() = spawn(self.port, &self.storage, &self.extra);
    }

    /// Sends a signal such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.lock().unwrap().id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn password(user: &str, password: &str) -> Credentials {
    Credentials::Password {
        user: user.to_owned(),
        password: password.to_owned(),
    }
}

fn spawn(port: u16, storage: &str, extra: &[String]) -> Child {
    let binary = binary();
    Command::new(&binary)
        .args(["start", "--no-banner", "--log", "error"])
        .args(["--bind", &format!("127.0.0.1:{port}")])
        .args(["--user", USER, "--pass", PASSWORD])
        .args(extra)
        .arg(storage)
        .env("SURREAL_SERVER_UNTIL_STDIN_ENDS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("{}: {error} (cargo xtask build makes it)", binary.display())
        })
}

/// Built with the other binaries of the workspace, beside the tests.
fn binary() -> PathBuf {
    std::env::var_os("SURREAL_SERVER_BIN").map_or_else(
        || {
            let test = std::env::current_exe().unwrap();
            let target = test.parent().and_then(|deps| deps.parent()).unwrap();
            target.join("surreal-server")
        },
        PathBuf::from,
    )
}
