//! Finds or makes what the build needs and a fresh machine lacks.

/// A Chromium that Playwright can drive.
pub(crate) mod chromium;
/// Room for what is built.
pub(crate) mod disk;
/// Node.js and the packages of `end2end/package-lock.json`.
pub(crate) mod node;
/// A standard library for wasm32 and the compiler that fits it.
pub(crate) mod wasm_target;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::steps::Step;

/// Whether packages can be installed here without asking anybody: Debian or a child of it, as root.
pub(crate) fn can_install_debian_packages() -> bool {
    is_root() && Path::new("/etc/debian_version").exists() && on_path("apt-get").is_some()
}

/// Installs Debian packages; the package lists are fetched once in a run.
pub(crate) fn install_debian_packages(step: &Step, packages: &[&str]) -> Result<()> {
    static LISTS: std::sync::Once = std::sync::Once::new();
    let mut updated = Ok(());
    LISTS.call_once(|| updated = step.run(Command::new("apt-get").arg("update")));
    updated?;
    step.run(
        Command::new("apt-get")
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

/// The first file of that name on PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// What a command prints, when it can be run and succeeds.
pub(crate) fn asked(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
