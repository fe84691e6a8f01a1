use std::process::Command;

use anyhow::{Context, Result};

use super::{Bench, Row};
use crate::setup::asked;
use crate::steps::Step;

/// Reads the rates that `hangar bench vault` prints, one a line: `seal 123456 /s`.
pub(super) fn measure(bench: &Bench, _: &Step) -> Result<Vec<Row>> {
    let said = asked(Command::new(&bench.hangar).args(["bench", "vault", "--rounds", "200000"]))
        .context("`hangar bench vault` failed")?;
    let rows = said.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let name = words.next()?.trim_end_matches(':').to_owned();
        let rate = words.find_map(|word| word.replace([',', '_'], "").parse::<f64>().ok())?;
        Some(Row::seen(format!("vault: {name}"), rate, "/s"))
    });
    Ok(rows.collect())
}
