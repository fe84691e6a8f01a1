//! A Chromium that Playwright can drive.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::{can_install_debian_packages, install_debian_packages, on_path};
use crate::steps::Step;

/// The browser's path: `CHROMIUM`, or the one on PATH, or Debian's, installed now.
pub(crate) fn find_or_install(step: &Step) -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM").map(PathBuf::from) {
        if named.is_file() {
            return Ok(named);
        }
        bail!("CHROMIUM names {}, which is no file.", named.display());
    }
    if let Some(found) = on_this_machine() {
        return Ok(found);
    }
    if can_install_debian_packages() {
        step.busy("apt-get install chromium");
        install_debian_packages(step, &["chromium"])?;
    }
    match on_this_machine() {
        Some(found) => Ok(found),
        None => bail!("Install Chromium, or say where it is in CHROMIUM."),
    }
}

fn on_this_machine() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .find_map(|name| on_path(name))
}
