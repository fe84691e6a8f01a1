//! Says what is being done and how long it took: one line a step, live on a terminal.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a step that is still running says so where there is no terminal to redraw.
const STILL_RUNNING: Duration = Duration::from_secs(30);

/// Runs one step of the work and prints its name, its time and what it has to say at the end.
pub(crate) fn step<T>(name: &str, work: impl FnOnce(&Step) -> Result<T>) -> Result<T> {
    let step = Step::begin(name);
    let result = work(&step);
    step.finish(result.is_ok());
    result
}

/// Runs two steps side by side and returns the first error when one fails.
pub(crate) fn side_by_side<A: Send, B: Send>(
    left: impl FnOnce() -> Result<A> + Send,
    right: impl FnOnce() -> Result<B> + Send,
) -> Result<(A, B)> {
    thread::scope(|scope| {
        let left = scope.spawn(left);
        let right = right();
        let left = match left.join() {
            Ok(left) => left,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        Ok((left?, right?))
    })
}

/// Prints a line that is no step of its own.
pub(crate) fn say(line: &str) {
    let board = board();
    board.clear_live_line();
    println!("{line}");
}

/// A step under way.
pub(crate) struct Step {
    id: u64,
    name: String,
    started: Instant,
    note: Mutex<String>,
    log: Mutex<VecDeque<String>>,
}

impl Step {
    fn begin(name: &str) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let step = Arc::new(Step {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            name: name.to_owned(),
            started: Instant::now(),
            note: Mutex::default(),
            log: Mutex::default(),
        });
        board()
            .running
            .push((step.id, step.name.clone(), step.started, String::new()));
        start_ticker();
        step
    }

    /// Sets what the step's closing line says beside its time.
    pub(crate) fn note(&self, note: impl Into<String>) {
        *lock(&self.note) = note.into();
    }

    /// Shows what the step is busy with, where there is a terminal.
    pub(crate) fn busy(&self, doing: &str) {
        for (id, _, _, shown) in &mut board().running {
            if *id == self.id {
                doing.clone_into(shown);
            }
        }
    }

    /// Runs a command to its end; its output is shown only when it fails.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        let (status, output) = self.try_run(command, |_| ())?;
        if !status.success() {
            say(&output);
            bail!("{} failed ({status})", describe(command));
        }
        Ok(())
    }

    /// Runs a command and returns how it ended and the last of what it printed; `each` sees every line.
    pub(crate) fn try_run(
        &self,
        command: &mut Command,
        each: impl Fn(&str) + Sync,
    ) -> Result<(ExitStatus, String)> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} could not be started", describe(command)))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        lock(&self.log).clear();
        thread::scope(|scope| {
            scope.spawn(|| self.follow(stdout, &each));
            self.follow(stderr, &each);
        });
        let status = child.wait()?;
        let output = lock(&self.log).make_contiguous().join("\n");
        Ok((status, output))
    }

    fn follow(&self, stream: Option<impl Read>, each: &(impl Fn(&str) + Sync)) {
        let Some(stream) = stream else { return };
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            each(&line);
            self.busy(line.trim());
            if is_progress(&line) {
                continue;
            }
            let mut log = lock(&self.log);
            // Enough for the errors of a broken build, and no more than a screen buffer holds.
            if log.len() == 2_000 {
                log.pop_front();
            }
            log.push_back(line);
        }
    }

    fn finish(&self, well: bool) {
        let mut board = board();
        board.running.retain(|(id, ..)| *id != self.id);
        board.clear_live_line();
        let mark = if well { "✓" } else { "✗" };
        let note = lock(&self.note);
        println!(
            "{mark} {:>7}  {:<12} {note}",
            seconds(self.started.elapsed()),
            self.name
        );
    }
}

/// Whether a line only says what cargo is busy with: hundreds of them would hide the error.
fn is_progress(line: &str) -> bool {
    const DOING: [&str; 9] = [
        "Adding",
        "Blocking",
        "Checking",
        "Compiling",
        "Downloaded",
        "Downloading",
        "Fresh",
        "Locking",
        "Updating",
    ];
    line.starts_with("  ")
        && line
            .split_whitespace()
            .next()
            .is_some_and(|word| DOING.contains(&word))
}

/// A duration as people read it beside a step.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        all => format!("{} m {:02} s", all / 60, all % 60),
    }
}

/// The command as one would type it, for messages.
pub(crate) fn describe(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|arg| arg.to_string_lossy().into_owned()),
    );
    words.join(" ")
}

#[derive(Default)]
struct Board {
    running: Vec<(u64, String, Instant, String)>,
}

impl Board {
    fn clear_live_line(&self) {
        if std::io::stdout().is_terminal() {
            print!("\r\x1b[2K");
        }
    }

    fn draw_live_line(&self) {
        let Some((_, name, started, doing)) = self.running.first() else {
            return;
        };
        let others = match self.running.len() {
            0 | 1 => String::new(),
            all => format!(" (+{})", all - 1),
        };
        let line = format!(
            "… {:>7}  {name}{others}  {doing}",
            seconds(started.elapsed())
        );
        print!("\r\x1b[2K{}", line.chars().take(100).collect::<String>());
        // Nothing depends on the live line being seen.
        let _ = std::io::stdout().flush();
    }
}

static BOARD: Mutex<Board> = Mutex::new(Board {
    running: Vec::new(),
});

fn board() -> MutexGuard<'static, Board> {
    lock(&BOARD)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start_ticker() {
    static TICKER: std::sync::Once = std::sync::Once::new();
    TICKER.call_once(|| {
        thread::spawn(|| {
            if std::io::stdout().is_terminal() {
                loop {
                    thread::sleep(Duration::from_millis(200));
                    board().draw_live_line();
                }
            }
            loop {
                thread::sleep(STILL_RUNNING);
                for (_, name, started, doing) in &board().running {
                    if started.elapsed() > STILL_RUNNING {
                        println!("… {:>7}  {name:<12} {doing}", seconds(started.elapsed()));
                    }
                }
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well_on_both_sides_of_a_minute() {
        assert_eq!(seconds(Duration::from_millis(1_250)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 m 05 s");
    }

    #[test]
    fn a_failing_command_keeps_what_it_printed_on_both_streams() {
        let (status, output) = step("trial", |step| {
            step.try_run(
                Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]),
                |_| (),
            )
        })
        .unwrap();

        assert_eq!(status.code(), Some(3));
        assert!(output.contains("out") && output.contains("err"));
    }

    #[test]
    fn progress_is_told_from_what_went_wrong() {
        assert!(is_progress("   Compiling store v0.1.0 (crates/store)"));
        assert!(is_progress("  Downloaded serde v1.0.0"));
        for kept in [
            "error: linking with `cc` failed: exit status: 1",
            "     Running unittests src/lib.rs (target/debug/deps/store-1)",
            "Compiling is not what this line is about",
            "test result: ok. 3 passed; 0 failed",
            "",
        ] {
            assert!(!is_progress(kept), "{kept}");
        }
    }
}
