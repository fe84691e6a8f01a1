//! `cargo xtask dev`: rebuilds on change and reloads the browser.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::{Context, Result};
use notify::{EventKind, RecursiveMode, Watcher};

use crate::build::{self, Tools};
use crate::paths;
use crate::running::{Output, Portal, stop_asked};
use crate::serve::hangar_serve;
use crate::steps::{say, step};

/// What is watched, below the workspace.
const WATCHED: [&str; 7] = [
    "app",
    "crates",
    "server",
    "style",
    "public",
    "Cargo.toml",
    "Cargo.lock",
];

/// Editors write a file in several steps.
const CALM: Duration = Duration::from_millis(150);

/// How long a server may take to end before it is told to stop at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// Serves, and builds and serves anew after every change, until Ctrl-C.
pub(crate) fn dev(args: &[String]) -> Result<()> {
    build::quick(Tools::IfPresent)?;
    let (sender, changes) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        if !matches!(event.kind, EventKind::Access(_)) {
            for path in event.paths {
                // The other side is gone only when xtask ends.
                let _ = sender.send(path);
            }
        }
    })?;
    for name in WATCHED
        .iter()
        .filter(|name| paths::root().join(name).exists())
    {
        watcher
            .watch(&paths::root().join(name), RecursiveMode::Recursive)
            .with_context(|| format!("{name} can't be watched"))?;
    }

    loop {
        let mut portal = step("start", |_| {
            Portal::start(hangar_serve().arg("--dev-reload").args(args), Output::Shown)
        })?;
        say(&format!(
            "\nHangar is at {}    (Ctrl-C stops it)\n",
            portal.address
        ));
        loop {
            let Some(changed) = next_changes(&changes) else {
                portal.process.stop_within(PATIENCE)?;
                return Ok(());
            };
            match rebuild(&changed) {
                Ok(()) => break,
                Err(error) => say(&format!("{error:#}\nThe portal still runs as it was.\n")),
            }
        }
        // Pages that wait for news of the next server would keep this one for long.
        portal.process.stop_within(PATIENCE)?;
    }
}

/// What has changed once it is calm again; nothing when it is time to stop.
fn next_changes(changes: &Receiver<PathBuf>) -> Option<Vec<PathBuf>> {
    let mut changed = Vec::new();
    while !stop_asked() {
        match changes.recv_timeout(CALM) {
            Ok(path) if matters(&path) => changed.push(path),
            Ok(_) => (),
            Err(_) if changed.is_empty() => (),
            Err(_) => return Some(changed),
        }
    }
    None
}

fn rebuild(changed: &[PathBuf]) -> Result<()> {
    if changed
        .iter()
        .all(|path| is_below(path, "style") || is_below(path, "public"))
    {
        build::restyle()
    } else if changed
        .iter()
        .all(|path| is_below(path, "server") || is_below(path, "crates/store"))
    {
        build::portal()
    } else {
        build::quick(Tools::IfPresent)
    }
}

/// Whether a change of this file changes the product: no editor's swap files, no tests.
fn matters(path: &Path) -> bool {
    let built = [
        "rs",
        "toml",
        "lock",
        "css",
        "svg",
        "txt",
        "surql",
        "png",
        "ico",
        "webmanifest",
    ];
    let is_built = path
        .extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| built.contains(&extension));
    is_built && !path.components().any(|part| part.as_os_str() == "tests")
}

fn is_below(path: &Path, folder: &str) -> bool {
    path.starts_with(paths::root().join(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_end_up_in_the_product_matter() {
        assert!(matters(Path::new("/w/app/src/lib.rs")));
        assert!(matters(Path::new("/w/crates/store/migrations/0001.surql")));
        assert!(!matters(Path::new("/w/app/src/.lib.rs.swp")));
        assert!(!matters(Path::new("/w/server/tests/integration/sync.rs")));
        assert!(!matters(Path::new("/w/app")));
    }
}
