//! Plane's limit, shared by integrations, by people and by restarts, through real processes and real HTTP. The window is
//! seven seconds instead of sixty, on both sides; `cargo xtask bench --only limit` takes the whole minute.

use std::time::Duration;

use chrono::TimeDelta;
use domain::connection_test::{ConnectionTest, StageName};
use fake_plane::{FakePlane, Options, Seen, seed};
use reqwest::Method;
use tokio::time::Instant;

use crate::support::{HangarProcess, Person};

const WINDOW: Duration = Duration::from_secs(7);
const LIMIT: u32 = 60;

/// Three projects of one workspace, 1,800 work items in pages of ten.
async fn limited_plane() -> FakePlane {
    let plane = FakePlane::start(Options {
        rate_limit: Some(LIMIT),
        rate_window: TimeDelta::from_std(WINDOW).unwrap(),
        largest_page: 10,
        ..Options::default()
    })
    .await;
    plane.given(|state| seed::big_in(state, 1_800, 3));
    plane
}

async fn connect(admin: &mut Person, plane: &FakePlane, n: usize) -> String {
    let project = plane.given(|state| {
        let found = state.project_called("big", &format!("BIG{n}"));
        found.unwrap().id.to_string()
    });
    let fields = [
        ("integration_name", &*format!("Big {n}")),
        ("base_url", &plane.url()),
        ("workspace", "big"),
        ("project_id", &project),
        ("api_key", seed::KEY),
        ("interval_minutes", "60"),
    ];
    let answer = admin.post("create_integration", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.location().rsplit('/').next().unwrap().to_owned()
}

/// How long a connection test's two calls with the key took.
async fn test(admin: &mut Person, url: &str, integration: &str) -> Duration {
    let headers = [
        ("accept", "text/event-stream"),
        ("origin", url),
        ("sec-fetch-site", "same-origin"),
    ];
    let body = Some(format!("id={integration}"));
    let answer = admin
        .send(Method::POST, "/live/connection-test", &headers, body)
        .await;
    let last = answer.text.lines().rev();
    let last = last.filter_map(|line| line.strip_prefix("data:")).next();
    let last: serde_json::Value = serde_json::from_str(last.unwrap()).unwrap();
    let test: ConnectionTest = serde_json::from_value(last["test"].clone()).unwrap();
    assert!(test.success, "{:?}", test.error);
    let calls = [StageName::ApiKey, StageName::Workspace];
    let calls = test.stages.iter().filter(|s| calls.contains(&s.name));
    Duration::from_millis(calls.map(|stage| u64::from(stage.took_ms)).sum())
}

async fn succeeded(admin: &mut Person, integration: &str) -> bool {
    let path = format!("/runs?integration={integration}&outcome=succeeded");
    admin.get(&path).await.has("main tbody tr")
}

/// The calls with the key, as Plane saw them.
fn calls(plane: &FakePlane) -> Vec<Seen> {
    let seen = plane.requests().into_iter();
    seen.filter(|seen| seen.path.starts_with("/api/v1/"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_integrations_on_one_key_people_and_three_restarts_use_the_limit_up_and_never_overdraw_it()
 {
    let plane = limited_plane().await;
    let data = tempfile::tempdir().unwrap();
    let window = WINDOW.as_millis().to_string();
    let args = ["--rate-window-ms", &*window];
    let mut hangar = HangarProcess::set_up(data.path(), &args);
    let mut admin = hangar.admin().await;
    let mut integrations = Vec::new();
    for n in 1..=3 {
        integrations.push(connect(&mut admin, &plane, n).await);
    }
    plane.forget_requests();
    let began = Instant::now();
    for integration in &integrations {
        let answer = admin.post("start_sync", &[("id", integration)]).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
    }

    let restarts = [0.5, 1.3, 2.2].map(|windows| WINDOW.mul_f64(windows));
    let (mut restarted, mut waits) = (0, Vec::new());
    let mut people = tokio::time::interval(WINDOW / 3);
    loop {
        people.tick().await;
        if restarted < restarts.len() && began.elapsed() >= restarts[restarted] {
            if restarted == 1 {
                hangar.kill();
            } else {
                hangar.stop();
            }
            hangar = HangarProcess::start(data.path(), &args);
            admin = hangar.admin().await;
            restarted += 1;
        }
        let mut done = restarted == restarts.len();
        for integration in &integrations {
            done = done && succeeded(&mut admin, integration).await;
        }
        if done {
            break;
        }
        assert!(began.elapsed() < WINDOW * 15, "never done");
        waits.push(test(&mut admin, hangar.url(), &integrations[0]).await);
    }

    let calls = calls(&plane);
    let refused = calls.iter().filter(|call| call.status == 429).count();
    assert_eq!(refused, 0, "of {} calls", calls.len());
    for window in calls.windows(LIMIT as usize + 1) {
        let (first, last) = (window[0].at, window[LIMIT as usize].at);
        assert!(last - first >= TimeDelta::from_std(WINDOW).unwrap());
    }
    let mut lists = calls.iter().filter(|call| call.path.contains("work-items"));
    let last = lists.next_back().unwrap().at;
    let made = calls.iter().filter(|call| call.at <= last).count() as f64;
    let took = (last - calls[0].at).as_seconds_f64() / WINDOW.as_secs_f64();
    let share = made / (took * f64::from(LIMIT));
    assert!(made >= 195.0, "{made} calls");
    assert!(
        share >= 0.97,
        "{made} calls in {took:.2} windows: {share:.3}"
    );
    waits.sort();
    let p95 = waits[(waits.len() * 95).div_ceil(100) - 1];
    // Behind what the three have in hand it would be twice as long. The bench has the figure.
    assert!(p95 <= WINDOW / 5, "{waits:?}");
    println!("{made} calls in {took:.2} windows, {share:.3} of the limit; people waited {waits:?}");
}
