//! Where things are.

use std::env;
use std::path::PathBuf;

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    // Asked at run time first: clones that share a target folder share this binary too.
    let here = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// Cargo's target folder for the host.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// The built site, which the server embeds: `server/src/http/assets.rs` names the same folder.
pub(crate) fn site() -> PathBuf {
    root().join("target/site")
}

/// A binary of the quick-to-build profile.
pub(crate) fn debug_binary(name: &str) -> PathBuf {
    target().join("debug").join(name)
}
