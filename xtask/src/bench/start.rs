use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};

use super::{Bench, Row};
use crate::running::Portal;
use crate::steps::Step;

/// How often the start is timed; the middle one counts.
const TIMES: usize = 7;

pub(super) fn measure(bench: &Bench, _: &Step) -> Result<Vec<Row>> {
    let (first, _) = time_to_ready(bench, "empty", 1)?;
    let (again, memory) = time_to_ready(bench, "empty", TIMES)?;
    Ok(vec![
        Row::seen("very first start to ready", first, "s"),
        Row::at_most("start to ready, empty", again, 0.15, "s"),
        Row::at_most("memory after the start", memory, 60.0, "MB"),
    ])
}

/// The middle time from the start of the process to its first good answer, and its memory then.
pub(super) fn time_to_ready(bench: &Bench, data: &str, times: usize) -> Result<(f64, f64)> {
    let mut seconds = Vec::new();
    let mut memory = 0.0;
    for _ in 0..times {
        let started = Instant::now();
        let mut portal = bench.portal(data)?;
        seconds.push(started.elapsed().as_secs_f64());
        memory = resident_megabytes(&portal)?;
        portal.process.stop()?;
    }
    seconds.sort_by(f64::total_cmp);
    Ok((seconds[seconds.len() / 2], memory))
}

/// The CPU time that a portal has used so far.
pub(super) fn cpu_seconds(portal: &Portal) -> Result<f64> {
    // Linux counts a hundred ticks a second for programs, whatever the kernel itself ticks (proc(5), sysconf(3)).
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{}/stat", portal.process.id()))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    Ok(ticks / TICKS)
}

/// What a portal has had written to its disk so far.
pub(super) fn written_megabytes(portal: &Portal) -> Result<f64> {
    let io = fs::read_to_string(format!("/proc/{}/io", portal.process.id()))?;
    let bytes: f64 = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok())
        .context("the kernel does not say how much the portal wrote")?;
    Ok(bytes / 1e6)
}

/// The memory that a portal holds now.
pub(super) fn resident_megabytes(portal: &Portal) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", portal.process.id()))?;
    let kilobytes: f64 = status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmRSS:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .context("the kernel does not say how much memory the portal holds")?;
    Ok(kilobytes * 1.024 / 1_000.0)
}
