//! What Prometheus reads: all that is promised, for who has the token, and nothing secret.

use std::{collections::BTreeSet, path::Path, process::Command};

use fake_plane::{Fault, What};
use serde_json::Value;

use crate::support::Watched;

const TOKEN: &str = "a token for prometheus";

fn docs(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The names that a text speaks of.
fn names(text: &str) -> BTreeSet<String> {
    let is_of = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c: char| !is_of(c));
    words
        .filter(|word| word.starts_with("portal_"))
        .map(str::to_owned)
        .collect()
}

/// A series' value.
fn value(text: &str, series: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{series} ")));
    line.unwrap_or_else(|| panic!("no {series} in:\n{text}"))
        .parse()
        .unwrap()
}

impl Watched {
    pub async fn metrics(&mut self, token: &str) -> (u16, String) {
        #[expect(
            clippy::disallowed_methods,
            reason = "a test is not the portal's way out"
        )]
        let client = reqwest::Client::new();
        let url = format!("{}/metrics", self.portal.url);
        let answer = client.get(url).bearer_auth(token).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn metrics_are_for_who_has_the_token() {
    let mut off = Watched::new().await;
    assert_eq!(off.metrics(TOKEN).await.0, 404);
    let mut on = Watched::with(&["--metrics-token", TOKEN]).await;
    for wrong in ["", "a token", "a token for prometheuS"] {
        let (status, text) = on.metrics(wrong).await;
        assert_eq!(status, 401);
        assert!(!text.contains("portal_"));
    }
    assert_eq!(on.metrics(TOKEN).await.0, 200);
}

#[tokio::test]
async fn what_happens_is_counted_and_every_documented_name_is_there() {
    let mut world = Watched::with(&["--metrics-token", TOKEN]).await;
    world.later(16).await;
    world.later(16).await;
    let (_, text) = world.metrics(TOKEN).await;
    assert_eq!(
        value(
            &text,
            "portal_sync_runs_total{integration=\"Acme\",outcome=\"succeeded\"}"
        ),
        2.0
    );
    assert_eq!(value(&text, "portal_sync_duration_seconds_count"), 2.0);
    let fresh = value(
        &text,
        "portal_freshness_seconds{integration=\"Acme\",entity=\"work_items\"}",
    );
    assert!((0.0..60.0).contains(&fresh), "{fresh}");
    assert_eq!(
        value(&text, "portal_integrations{standing=\"active\"}"),
        1.0
    );
    let calls = text
        .lines()
        .filter(|line| line.starts_with("portal_plane_requests_total"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap());
    let seen = world.portal.plane.requests();
    let seen = seen.iter().filter(|one| one.path.starts_with("/api/v1/"));
    assert_eq!(calls.sum::<f64>(), seen.count() as f64, "each call once");

    let refused = r#"{"error": "Given API token is not valid", "error_code": ""}"#;
    let fault = Fault::new(What::Status(403, refused.to_owned(), vec![]));
    world.portal.plane.fail(fault);
    world.later(16).await;
    let (_, text) = world.metrics(TOKEN).await;
    assert_eq!(
        value(
            &text,
            "portal_problems{class=\"auth.key_invalid\",level=\"bad\"}"
        ),
        1.0
    );
    assert_eq!(
        value(
            &text,
            "portal_sync_runs_total{integration=\"Acme\",outcome=\"rejected\"}"
        ),
        1.0
    );
    assert!(text.ends_with("# EOF\n"));
    for secret in [fake_plane::seed::ADMIN_KEY, TOKEN] {
        assert!(!text.contains(secret));
    }

    // Whatever the dashboard and the rules speak of is told, once there is something to tell: a family without a value is not written.
    let sources = [
        include_str!("../../src/metrics/mod.rs"),
        include_str!("../../src/metrics/scrape.rs"),
    ];
    let told: BTreeSet<String> = sources
        .iter()
        .flat_map(|source| source.split(".register(").skip(1))
        .map(|call| format!("portal_{}", call.split('"').nth(1).unwrap()))
        .collect();
    let written = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for name in written.map(|line| line.split(' ').next().unwrap()) {
        assert!(told.contains(name), "{name} among {told:?}");
    }
    for doc in ["grafana/hangar.json", "prometheus/hangar-rules.yml"] {
        for name in names(&docs(doc)) {
            let kind = name.trim_end_matches("_total");
            let kind = kind.trim_end_matches("_bucket");
            assert!(
                told.contains(kind),
                "{doc} speaks of {name}; told are {told:?}"
            );
        }
    }
}

#[test]
fn the_dashboard_is_json_and_the_rules_are_what_promtool_takes() {
    let dashboard: Value = serde_json::from_str(&docs("grafana/hangar.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<i64> = panels
        .iter()
        .map(|panel| panel["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids.len(), panels.len());
    assert!(
        panels
            .iter()
            .all(|panel| !panel["targets"].as_array().unwrap().is_empty())
    );

    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/prometheus/hangar-rules.yml");
    // Where Prometheus's own tool is installed, it has the last word.
    match Command::new("promtool")
        .args(["check", "rules"])
        .arg(&rules)
        .output()
    {
        Ok(output) => assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
    }
}
