use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

fn hangar(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hangar"));
    command
        .args(args)
        .env_remove("HANGAR_MASTER_KEY")
        .stdin(Stdio::null());
    command
}

fn output(args: &[&str]) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = hangar(args).output().unwrap();
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    (status.code(), text)
}

/// A running portal on an embedded database, and its address.
struct Running {
    process: Child,
    address: String,
}

impl Running {
    fn start(data: &Path) -> Self {
        let data = data.to_str().unwrap();
        let mut process = hangar(&["serve", "--addr", "127.0.0.1:0", "--data", data])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let address = line
            .strip_prefix("listening on http://")
            .unwrap()
            .to_owned();
        Self { process, address }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([name, &self.process.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn wrong_values_are_refused_by_name_before_anything_is_opened() {
    for (args, name) in [
        (vec!["serve", "--addr", "nonsense"], "--addr"),
        (vec!["serve", "--public-url", "ftp://x"], "--public-url"),
        (vec!["serve", "--log-format", "xml"], "--log-format"),
        (
            vec!["serve", "--config", "/nonexistent/hangar.toml"],
            "--config",
        ),
        (vec!["serve", "--nonsense"], "--nonsense"),
    ] {
        let (code, text) = output(&args);
        assert!(matches!(code, Some(2 | 78)), "{args:?}: {code:?}");
        assert!(text.contains(name), "{args:?}: {text}");
    }
    assert_eq!(
        output(&["--version"]).1.trim(),
        concat!("hangar ", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_signal_stops_it_in_good_order_and_what_was_made_is_there_afterwards() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().to_str().unwrap();
    let made = output(&[
        "admin",
        "create",
        "--data",
        path,
        "--email",
        "maya@example.com",
        "--name",
        "Maya",
    ]);
    assert_eq!(made.0, Some(0), "{}", made.1);

    let mut running = Running::start(data.path());
    running.signal("-INT");
    assert_eq!(running.process.wait().unwrap().code(), Some(0));

    let again = output(&[
        "admin",
        "create",
        "--data",
        path,
        "--email",
        "maya@example.com",
        "--name",
        "Maya",
    ]);
    assert_eq!(
        again.0,
        Some(65),
        "the same admin can't be made twice: {}",
        again.1
    );
}

#[test]
fn a_second_process_on_the_same_data_is_refused_with_a_clear_sentence() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());

    let (code, text) = output(&[
        "serve",
        "--addr",
        "127.0.0.1:0",
        "--data",
        data.path().to_str().unwrap(),
    ]);

    assert_eq!(code, Some(75), "{text}");
    assert!(text.contains("in use by another process"), "{text}");
    drop(running);
}

#[test]
fn a_lost_master_key_is_never_replaced_by_a_fresh_one() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().to_str().unwrap();
    drop(Running::start(data.path()));
    let key = data.path().join("master.key");
    std::fs::remove_file(&key).unwrap();

    let (code, text) = output(&["serve", "--addr", "127.0.0.1:0", "--data", path]);

    assert_eq!(code, Some(78), "{text}");
    assert!(!key.exists());
}

#[test]
fn after_a_rotation_only_the_new_master_key_opens() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().to_str().unwrap();
    let new = data.path().join("new.key");
    let new = new.to_str().unwrap();
    drop(Running::start(data.path()));

    let rotated = output(&[
        "key",
        "rotate",
        "--data",
        path,
        "--new-master-key-file",
        new,
    ]);
    assert_eq!(rotated.0, Some(0), "{}", rotated.1);
    let old = output(&["serve", "--addr", "127.0.0.1:0", "--data", path]);
    assert_eq!(old.0, Some(78), "{}", old.1);
    let fine = output(&[
        "admin",
        "create",
        "--data",
        path,
        "--master-key-file",
        new,
        "--email",
        "a@example.com",
        "--name",
        "A",
    ]);
    assert_eq!(fine.0, Some(0), "{}", fine.1);
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let data = tempfile::tempdir().unwrap();
    let mut running = Running::start(data.path());
    let mut stream = std::net::TcpStream::connect(&running.address).unwrap();
    use std::io::Write as _;
    // Half a request: the server has taken the connection and waits for the rest.
    write!(stream, "GET /livez HTTP/1.1\r\nhost: x\r\n").unwrap();
    let mut other = std::net::TcpStream::connect(&running.address).unwrap();
    write!(
        other,
        "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    other.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");

    running.signal("-TERM");
    write!(stream, "connection: close\r\n\r\n").unwrap();
    text.clear();
    stream.read_to_string(&mut text).unwrap();

    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert_eq!(running.process.wait().unwrap().code(), Some(0));
}
