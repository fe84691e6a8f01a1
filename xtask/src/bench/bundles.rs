use std::fs;

use anyhow::{Context, Result};

use super::{Bench, Row};
use crate::paths;
use crate::steps::Step;

pub(super) fn measure(bench: &Bench, _: &Step) -> Result<Vec<Row>> {
    let site = paths::site();
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(site.join("manifest.json"))?)?;
    let brotli = |key: &str| -> Result<f64> {
        let path = manifest[key]
            .as_str()
            .with_context(|| format!("the site has no {key}"))?;
        Ok(megabytes(fs::metadata(site.join(format!("{path}.br")))?.len()) * 1_000.0)
    };
    Ok(vec![
        Row::at_most(
            "WASM and JS, brotli",
            brotli("wasm")? + brotli("js")?,
            100.0,
            "kB",
        ),
        Row::seen("style sheet, brotli", brotli("css")?, "kB"),
        Row::seen(
            "binary",
            megabytes(fs::metadata(&bench.hangar)?.len()),
            "MB",
        ),
    ])
}

#[expect(clippy::cast_precision_loss, reason = "files are far below 2^52 bytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
