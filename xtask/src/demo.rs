//! `cargo xtask demo`: a living portal for somebody without a Plane account.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::build::{self, Tools};
use crate::paths;
use crate::running::{Output, Portal, Running, wait_for_the_first};
use crate::serve::hangar_serve;
use crate::steps::{say, step};

/// Builds, starts a fake Plane and a portal that is connected to it, and prints address and login last.
pub(crate) fn demo(args: &[String]) -> Result<()> {
    build::quick(Tools::IfPresent)?;
    let data = paths::target().join("demo");
    // A demo starts anew each time: the fake Plane does too.
    let _ = fs::remove_dir_all(&data);
    fs::create_dir_all(&data)?;

    let (mut plane, description) = step("fake plane", |step| {
        let mut command = Command::new(paths::debug_binary("fake-plane"));
        // Nobody should have to wait for the limit of a Plane that is not there; Unruly answers 429 all the same.
        command.args(["--demo", "--addr", "127.0.0.1:0", "--rate-limit", "0"]);
        let mut plane = Running::start(&mut command, Output::Hidden)?;
        let description = plane.wait_for(Duration::from_secs(30), |line| {
            line.starts_with('{').then(|| line.to_owned())
        })?;
        step.note("two workspaces, one of which misbehaves");
        Ok((plane, description))
    })?;
    let mut logins = Vec::new();
    let mut portal = step("portal", |_| {
        let mut command = hangar_serve();
        command
            .arg("--data")
            .arg(&data)
            .args(["--demo", &description]);
        command
            .args(["--egress-allow", "127.0.0.1", "--allow-http", "127.0.0.1"])
            .args(args);
        Portal::start_noting(&mut command, Output::Shown, |line| {
            if let Some(login) = line.strip_prefix("demo login") {
                logins.push(format!("Login{login}"));
            }
        })
    })?;
    say(&format!(
        "\nHangar is at {}    (Ctrl-C stops it)",
        portal.address
    ));
    for login in logins {
        say(&login);
    }
    wait_for_the_first(&mut [&mut portal.process, &mut plane])
}
