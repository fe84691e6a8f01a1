//! Starting and stopping, in this process and as one of its own.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use fake_plane::{Options, seed};
use serde_json::Value;

use crate::{Acme, client};

#[tokio::test]
async fn a_dropped_plane_answers_no_more_also_on_open_connections() {
    let acme = Acme::start(Options::default(), 1).await;
    let url = format!("{}/", acme.plane.url());
    let Acme { plane, http, .. } = acme;
    // This leaves an open connection in the client's pool.
    http.get(&url).send().await.unwrap().text().await.unwrap();
    drop(plane);
    assert!(http.get(&url).send().await.is_err());
    assert!(client().get(&url).send().await.is_err());
}

#[tokio::test]
async fn the_process_prints_its_address_and_keys_as_one_line_and_ends_well_when_told_to() {
    let mut process = Command::new(env!("CARGO_BIN_EXE_fake-plane"))
        .args(["--addr", "127.0.0.1:0", "--e2e"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let url = format!("{}/api/v1/users/me/", ready["url"].as_str().unwrap());
    assert_eq!(ready["keys"]["member"], seed::KEY);
    let answer = client()
        .get(url)
        .header("X-API-Key", seed::KEY)
        .send()
        .await
        .unwrap();
    let me: Value = answer.json().await.unwrap();
    Command::new("kill")
        .arg(process.id().to_string())
        .status()
        .unwrap();
    assert!(process.wait().unwrap().success());
    assert_eq!(me["display_name"], "inge");
}

#[test]
fn the_process_refuses_a_version_it_can_not_be() {
    let out = Command::new(env!("CARGO_BIN_EXE_fake-plane"))
        .args(["--addr", "127.0.0.1:0", "--plane-version", "2.0"])
        .output()
        .unwrap();
    assert!(!out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains("--plane-version takes"));
}
