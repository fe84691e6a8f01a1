//! Programs that run beside xtask until it is told to stop.

use std::io::{BufRead, BufReader, PipeReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::http::Connection;
use crate::steps::describe;

/// How long a program may take to end its work before it is told again.
const GRACE: Duration = Duration::from_secs(10);

/// A program that was started, and what it prints.
pub(crate) struct Running {
    child: Child,
    name: String,
    lines: Receiver<String>,
}

/// What to do with the lines that a program prints.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Output {
    /// Show them.
    Shown,
    /// Only look for what is waited for.
    Hidden,
}

impl Running {
    /// Starts a program. It ends with xtask: Ctrl-C reaches it through [`wait_for_the_first`] or by being dropped.
    pub(crate) fn start(command: &mut Command, output: Output) -> Result<Self> {
        asked_to_stop();
        // One pipe for both, so that lines arrive in the order in which they were written.
        let (reader, writer) = std::io::pipe()?;
        let child = command
            // Else the terminal's Ctrl-C would reach it as well, and the second signal means "at once".
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .spawn()
            .with_context(|| format!("{} could not be started", describe(command)))?;
        // The command holds our ends of the pipe: it would never be closed.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let (sender, lines) = mpsc::channel();
        follow(reader, sender, output);
        let name = command.get_program().to_string_lossy().into_owned();
        Ok(Running { child, name, lines })
    }

    /// The first line that `wanted` takes something from.
    pub(crate) fn wait_for<T>(
        &mut self,
        patience: Duration,
        mut wanted: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + patience;
        loop {
            match self.lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => {
                    if let Some(found) = wanted(&line) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait()?;
                    bail!("{} ended before it was ready ({status})", self.name);
                }
                Err(RecvTimeoutError::Timeout) if stop_asked() => bail!("stopped"),
                Err(RecvTimeoutError::Timeout) if Instant::now() > deadline => {
                    bail!(
                        "{} was not ready within {} s",
                        self.name,
                        patience.as_secs()
                    );
                }
                Err(RecvTimeoutError::Timeout) => (),
            }
        }
    }

    /// How it ended, when it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, waits, and insists.
    pub(crate) fn stop(&mut self) -> Result<ExitStatus> {
        self.stop_within(GRACE)
    }

    /// The same, insisting after so long. The second signal stops a portal at once, open streams or not.
    pub(crate) fn stop_within(&mut self, patience: Duration) -> Result<ExitStatus> {
        for _ in 0..2 {
            self.signal("TERM")?;
            let asked = Instant::now();
            while asked.elapsed() < patience {
                if let Some(status) = self.child.try_wait()? {
                    return Ok(status);
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        self.child.kill()?;
        Ok(self.child.wait()?)
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let id = self.child.id().to_string();
        // The status says only that the process ended in between.
        Command::new("kill")
            .args([&format!("-{signal}"), &id])
            .stderr(Stdio::null())
            .status()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Nobody is left to tell.
            let _ = self.stop();
        }
    }
}

/// A portal that answers.
pub(crate) struct Portal {
    pub(crate) process: Running,
    /// `http://127.0.0.1:PORT`
    pub(crate) address: String,
    /// The one-time link that makes the first admin, when there is none.
    pub(crate) set_up_link: Option<String>,
}

impl Portal {
    /// Starts `hangar serve …` and waits until it answers.
    pub(crate) fn start(command: &mut Command, output: Output) -> Result<Self> {
        Self::start_noting(command, output, |_| ())
    }

    /// The same, with a look at every line that comes before the portal listens.
    pub(crate) fn start_noting(
        command: &mut Command,
        output: Output,
        mut note: impl FnMut(&str),
    ) -> Result<Self> {
        let mut process = Running::start(command, output)?;
        let mut set_up_link = None;
        let address = process.wait_for(Duration::from_secs(60), |line| {
            note(line);
            if let Some(link) = line.split("set-up link: ").nth(1) {
                set_up_link = Some(link.trim().to_owned());
            }
            line.strip_prefix("listening on ").map(str::to_owned)
        })?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while !answers(&address) {
            if let Some(status) = process.ended()? {
                bail!("the portal ended before it answered ({status})");
            }
            if Instant::now() > deadline {
                bail!("the portal does not answer at {address}");
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(Portal {
            process,
            address,
            set_up_link,
        })
    }
}

fn answers(address: &str) -> bool {
    let asked = Connection::open(address).and_then(|mut connection| connection.get("/readyz"));
    asked.is_ok_and(|answer| answer.status == 200)
}

/// Waits until one of the programs ends or somebody presses Ctrl-C, then stops them all, first to last.
pub(crate) fn wait_for_the_first(programs: &mut [&mut Running]) -> Result<()> {
    loop {
        if stop_asked() {
            for program in programs {
                program.stop()?;
            }
            return Ok(());
        }
        for program in programs.iter_mut() {
            if let Some(status) = program.ended()? {
                bail!("{} ended ({status})", program.name);
            }
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Whether Ctrl-C was pressed or SIGTERM came.
pub(crate) fn stop_asked() -> bool {
    asked_to_stop().load(Ordering::Relaxed)
}

fn asked_to_stop() -> &'static AtomicBool {
    static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Can only fail for signals that nobody may handle.
            let _ = signal_hook::flag::register(signal, asked.clone());
        }
        asked
    });
    &ASKED
}

fn follow(stream: PipeReader, lines: mpsc::Sender<String>, output: Output) {
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if output == Output::Shown {
                eprintln!("{line}");
            }
            // Once nobody waits for a line any more, they are only shown.
            let _ = lines.send(line);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_waited_for_by_what_it_prints_and_stopped() {
        let script =
            "trap 'exit 7' TERM; echo preparing >&2; echo ready at 7; while :; do sleep 0.05; done";
        let mut running =
            Running::start(Command::new("sh").args(["-c", script]), Output::Hidden).unwrap();

        let at = running
            .wait_for(Duration::from_secs(20), |line| {
                line.strip_prefix("ready at ").map(str::to_owned)
            })
            .unwrap();

        assert_eq!(at, "7");
        assert_eq!(running.stop().unwrap().code(), Some(7));
    }

    #[test]
    fn a_program_that_ends_early_is_an_error_and_no_wait() {
        let mut running =
            Running::start(Command::new("sh").args(["-c", "exit 3"]), Output::Hidden).unwrap();

        let waited = running.wait_for(Duration::from_secs(20), |_| Some(()));

        assert!(waited.unwrap_err().to_string().contains("exit status: 3"));
    }
}
