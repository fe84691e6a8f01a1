//! `cargo xtask dist`: the binary as it ships.

use std::fs;

use anyhow::Result;

use crate::build::{self, Tools};
use crate::paths;
use crate::steps::say;

/// Builds the site and the stripped, link-time optimised binary, and says how large it is.
pub(crate) fn dist() -> Result<()> {
    build::site(Tools::Required)?;
    let built = build::optimised("dist")?.join("hangar");
    let shipped = paths::root().join("dist/hangar");
    fs::create_dir_all(paths::root().join("dist"))?;
    fs::copy(built, &shipped)?;
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
