//! `cargo xtask serve`: from a fresh clone to a portal that answers.

use std::process::Command;

use anyhow::Result;

use crate::build::{self, Tools};
use crate::paths;
use crate::running::{Output, Portal, wait_for_the_first};
use crate::steps::{say, step};

/// Builds what is needed, runs the portal on `./data` and prints its address last.
pub(crate) fn serve(args: &[String]) -> Result<()> {
    build::quick(Tools::IfPresent)?;
    let mut portal = step("start", |_| {
        Portal::start(hangar_serve().args(args), Output::Shown)
    })?;
    if let Some(link) = &portal.set_up_link {
        say(&format!(
            "\nNobody can sign in yet. Make the first admin at\n  {link}"
        ));
    }
    say(&format!(
        "\nHangar is at {}    (Ctrl-C stops it)",
        portal.address
    ));
    wait_for_the_first(&mut [&mut portal.process])
}

/// `hangar serve` of the quick-to-build profile, in the workspace's folder.
pub(crate) fn hangar_serve() -> Command {
    let mut command = Command::new(paths::debug_binary("hangar"));
    command.arg("serve").current_dir(paths::root());
    if std::env::var_os("HANGAR_LOG_FORMAT").is_none() {
        // Its output passes through us, so it can't see the terminal.
        command.env("HANGAR_LOG_FORMAT", "human");
    }
    command
}
