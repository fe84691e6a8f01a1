use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

use store::OpenOptions;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::server::Server;

/// One for all stories: starting it takes longer than most of them. It ends with this process.
static SERVER: LazyLock<Server> = LazyLock::new(|| Server::start("memory"));
static READY: OnceCell<()> = OnceCell::const_new();

/// The server that the stories share.
pub(crate) async fn server() -> &'static Server {
    READY.get_or_init(|| SERVER.ready()).await;
    &SERVER
}

/// A database of its own on that server.
pub(crate) async fn database() -> (OpenOptions, Option<TempDir>) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let options = OpenOptions {
        database: format!("story_{next}"),
        seed: next,
        ..server().await.options()
    };
    (options, None)
}
