//! Makes a release build notice a new site: its hashed names are listed when the embedding macro runs.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The embedding macro resolves the folder when it runs; before the first `cargo xtask build` there is none.
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/site");
    if let Err(error) = std::fs::create_dir_all(&site) {
        println!(
            "cargo::warning={} could not be made: {error}",
            site.display()
        );
    }
    // A debug build reads the site from disk and need not be built again for it.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!(
            "cargo::rerun-if-changed={}",
            site.join("manifest.json").display()
        );
    }
}
