//! `cargo xtask dist`: the binary as it ships.

use std::fs;

use anyhow::Result;

use crate::build::{self, Tools, cargo};
use crate::paths;
use crate::steps::{say, step};

/// Builds the site and the stripped, link-time optimised binary, and says how large it is.
pub(crate) fn dist() -> Result<()> {
    build::site(Tools::Required)?;
    step("hangar", |step| {
        // The same set as the bench builds, so that what is measured is what ships.
        step.run(cargo().args([
            "build",
            "--release",
            "-p",
            "server",
            "-p",
            "fake-plane",
            "--bins",
        ]))
    })?;
    let shipped = paths::root().join("dist/hangar");
    fs::create_dir_all(paths::root().join("dist"))?;
    fs::copy(paths::target().join("release/hangar"), &shipped)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a binary is far below 2^52 bytes"
    )]
    let size = fs::metadata(&shipped)?.len() as f64 / 1e6;
    say(&format!(
        "dist/hangar: {size:.1} MB, with everything inside"
    ));
    Ok(())
}
