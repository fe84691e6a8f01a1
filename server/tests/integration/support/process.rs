use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use super::{
    Person,
    portal::{ADMIN, PASSWORD},
};

/// `hangar serve` as a process of its own, on an embedded database; killed with this value.
pub struct HangarProcess {
    child: Child,
    url: String,
}

impl HangarProcess {
    /// The first time in this folder: with an admin.
    pub fn set_up(data: &Path, args: &[&str]) -> Self {
        let mut make = command(
            data,
            &["admin", "create", "--email", ADMIN, "--name", "Maya"],
        )
        .arg("--password-stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
        let mut typed = make.stdin.take().unwrap();
        typed.write_all(PASSWORD.as_bytes()).unwrap();
        drop(typed);
        assert!(make.wait().unwrap().success());
        Self::start(data, args)
    }

    pub fn start(data: &Path, args: &[&str]) -> Self {
        Self::start_in(&[], data, args).unwrap()
    }

    /// With its log in this file.
    pub fn start_logging(log: &Path, data: &Path, args: &[&str]) -> Self {
        let log = std::fs::File::create(log).unwrap();
        Self::begin(serve(data, args).stderr(log)).unwrap()
    }

    /// With these variables; `None` if it ended before it listened.
    pub fn start_in(env: &[(&str, &OsStr)], data: &Path, args: &[&str]) -> Option<Self> {
        Self::begin(serve(data, args).envs(env.iter().copied()))
    }

    fn begin(serve: &mut Command) -> Option<Self> {
        let mut child = serve.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let Some(line) = lines.next() else {
            child.wait().unwrap();
            return None;
        };
        let line = line.unwrap();
        let url = line.strip_prefix("listening on ").unwrap().to_owned();
        Some(Self { child, url })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The admin, signed in.
    pub async fn admin(&self) -> Person {
        let mut person = Person::new(&self.url);
        let fields = [("email", ADMIN), ("password", PASSWORD)];
        let answer = person.post("sign_in", &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        person
    }

    /// Ends as after Ctrl-C.
    pub fn stop(self) {
        assert!(self.interrupt().success());
    }

    /// Ctrl-C, whatever comes of it.
    pub fn interrupt(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.unwrap().success());
        self.child.wait().unwrap()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The most memory that was resident at once, in KiB.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.unwrap().trim().trim_end_matches(" kB");
        number.parse().unwrap()
    }

    /// From now on the peak is counted anew.
    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }
}

impl Drop for HangarProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(data: &Path, args: &[&str]) -> Command {
    let fixed = ["serve", "--addr", "127.0.0.1:0", "--log", "warn"];
    let allow = ["--egress-allow", "127.0.0.1", "--allow-http", "127.0.0.1"];
    let mut serve = command(data, &fixed);
    serve.args(allow).args(args);
    serve
}

fn command(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hangar"));
    command
        .args(args)
        .arg("--data")
        .arg(data)
        .env_remove("HANGAR_MASTER_KEY")
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}
