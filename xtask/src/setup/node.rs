//! Node.js and the packages of `end2end/package-lock.json`: wasm-opt, esbuild, Playwright.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use sha2::{Digest, Sha256};

use super::{asked, can_install_debian_packages, install_debian_packages, on_path};
use crate::paths;
use crate::steps::Step;

/// The oldest Node.js that Playwright runs on.
const OLDEST: u32 = 20;

/// Node.js with the packages installed.
pub(crate) struct Node {
    node: PathBuf,
}

impl Node {
    /// A command for a program that one of the packages brought.
    pub(crate) fn tool(&self, script: &str) -> Command {
        let mut command = Command::new(&self.node);
        command
            .arg(packages().join("node_modules").join(script))
            .current_dir(packages());
        command
    }
}

/// Node.js if this machine has it, with the packages installed; nothing is added to the machine.
pub(crate) fn find(step: &Step) -> Result<Option<Node>> {
    let Some(node) = installed().or_else(downloaded) else {
        return Ok(None);
    };
    if on_path("npm").is_none() {
        return Ok(None);
    }
    install_packages(step)?;
    Ok(Some(Node { node }))
}

/// Node.js with the packages installed, fetched where the machine lacks it.
pub(crate) fn find_or_install(step: &Step) -> Result<Node> {
    if (installed().is_none() || on_path("npm").is_none()) && can_install_debian_packages() {
        step.busy("apt-get install nodejs npm");
        install_debian_packages(step, &["nodejs", "npm"])?;
    }
    // Debian 12 has Node.js 18; npm itself has newer ones.
    if installed().or_else(downloaded).is_none() && on_path("npm").is_some() {
        step.busy("npm install node 22");
        step.run(
            Command::new("npm")
                .args(["install", "--no-save", "--no-package-lock", "--prefix"])
                .arg(downloads())
                .arg(format!("node-linux-{}@22", npm_architecture())),
        )?;
    }
    match find(step)? {
        Some(node) => Ok(node),
        None => bail!("Install Node.js {OLDEST} or newer with npm (https://nodejs.org)."),
    }
}

fn installed() -> Option<PathBuf> {
    on_path("node").filter(is_new_enough)
}

fn downloaded() -> Option<PathBuf> {
    let package = format!("node_modules/node-linux-{}/bin/node", npm_architecture());
    Some(downloads().join(package)).filter(is_new_enough)
}

fn is_new_enough(node: &PathBuf) -> bool {
    asked(Command::new(node).arg("--version"))
        .and_then(|version| {
            version
                .trim_start_matches('v')
                .split('.')
                .next()?
                .parse::<u32>()
                .ok()
        })
        .is_some_and(|major| major >= OLDEST)
}

fn install_packages(step: &Step) -> Result<()> {
    let lock = fs::read(packages().join("package-lock.json"))?;
    let wanted = hex::encode(Sha256::digest(lock));
    let stamp = packages().join("node_modules/.installed-from");
    if fs::read_to_string(&stamp).ok().as_deref() == Some(&*wanted) {
        return Ok(());
    }
    step.busy("npm ci");
    step.run(
        Command::new("npm")
            // No package gets to run a script of its own: none of ours needs one.
            .args(["ci", "--ignore-scripts", "--no-fund", "--no-audit"])
            .current_dir(packages())
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"),
    )?;
    fs::write(stamp, wanted)?;
    Ok(())
}

fn packages() -> PathBuf {
    paths::root().join("end2end")
}

fn downloads() -> PathBuf {
    paths::target().join("node")
}

fn npm_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "x64",
    }
}
