use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::paths;
use crate::setup::asked;
use crate::steps::step;

/// What a clean clone's build and tests were seen to fill, and a little more.
const NEEDED: u64 = 12;

/// Refuses to begin a build from nothing where the disk cannot hold it: a linker that runs out of room says so in
/// hundreds of lines, after ten minutes.
pub(crate) fn ensure_room() -> Result<()> {
    if paths::debug_binary("hangar").exists() {
        return Ok(());
    }
    step("disk", |step| {
        let target = paths::target();
        // The folder may not be there yet.
        let there = target.ancestors().find(|folder| folder.is_dir());
        let Some(free) = there.and_then(free_gigabytes) else {
            step.note("its free room is not known here");
            return Ok(());
        };
        if free < NEEDED {
            bail!(
                "{free} GB are free for {}, and a first build needs {NEEDED}: make room, or set CARGO_TARGET_DIR to a \
                 folder on another disk",
                target.display()
            );
        }
        step.note(format!("{free} GB free, {NEEDED} needed"));
        Ok(())
    })
}

fn free_gigabytes(folder: &Path) -> Option<u64> {
    let table = asked(Command::new("df").arg("-Pk").arg(folder))?;
    let kilobytes: u64 = table
        .lines()
        .nth(1)?
        .split_whitespace()
        .nth(3)?
        .parse()
        .ok()?;
    Some(kilobytes / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_of_the_workspace_has_a_size() {
        let free = free_gigabytes(&paths::root()).expect("df answers");
        assert!(free < 1_000_000, "{free} GB");
    }
}
