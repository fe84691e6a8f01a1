//! Each switch does what its name says, where and as often as it is told.

use std::time::Duration;

use fake_plane::{Fault, Options, What};
use serde_json::{Value, json};

use crate::{Acme, builder};

#[tokio::test]
async fn a_fault_strikes_only_its_path_and_only_so_often() {
    let acme = Acme::start(Options::default(), 3).await;
    let status = What::Status(
        503,
        "down".to_owned(),
        vec![("Retry-After".into(), "9".into())],
    );
    acme.plane
        .fail(Fault::new(status).on("/work-items/").times(2));
    assert_eq!(acme.status("/api/v1/users/me/").await, 200);
    let answer = acme.get(&acme.list("")).await;
    assert_eq!(answer.headers()["retry-after"], "9");
    assert_eq!(answer.text().await.unwrap(), "down");
    assert_eq!(acme.status(&acme.list("")).await, 503);
    assert_eq!(acme.status(&acme.list("")).await, 200);
}

#[tokio::test]
async fn a_fault_can_strike_each_third_request_until_it_is_healed() {
    let acme = Acme::start(Options::default(), 3).await;
    acme.plane
        .fail(Fault::new(What::RetryAfter("7".to_owned())).every(3));
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(acme.status("/api/v1/users/me/").await);
    }
    assert_eq!(statuses, [200, 200, 429, 200, 200, 429]);
    acme.plane.heal();
    for _ in 0..3 {
        assert_eq!(acme.status("/api/v1/users/me/").await, 200);
    }
}

#[tokio::test]
async fn spoilt_bodies_are_not_what_a_client_can_read() {
    let acme = Acme::start(Options::default(), 3).await;
    for (what, kind) in [
        (What::CutJson, "application/json"),
        (What::GarbageJson, "application/json"),
        (What::HtmlWith200, "text/html; charset=utf-8"),
    ] {
        acme.plane.fail(Fault::new(what).times(1));
        let answer = acme.get(&acme.list("")).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], kind);
        let text = answer.text().await.unwrap();
        assert!(serde_json::from_str::<Value>(&text).is_err());
    }
}

#[tokio::test]
async fn a_dropped_connection_gives_no_answer_and_is_seen_with_status_0() {
    let acme = Acme::start(Options::default(), 3).await;
    acme.plane.fail(Fault::new(What::Drop).times(1));
    let url = format!("{}/api/v1/users/me/", acme.plane.url());
    let sent = acme
        .http
        .get(url)
        .header("X-API-Key", &acme.key)
        .send()
        .await;
    assert!(sent.is_err());
    assert_eq!(acme.plane.requests()[0].status, 0);
    assert_eq!(acme.status("/api/v1/users/me/").await, 200);
}

#[tokio::test]
async fn endless_pages_go_on_under_new_cursors_and_repeated_ones_under_the_same() {
    let acme = Acme::start(Options::default(), 5).await;
    let first = acme.items("per_page=2&fields=id").await;
    acme.plane.fail(What::EndlessPages);
    let far = acme.items("per_page=2&cursor=2:41:0&fields=id").await;
    assert_eq!(far["results"], first["results"]);
    assert_eq!(far["next_cursor"], "2:42:0");
    assert_eq!(far["next_page_results"], true);
    acme.plane.heal();
    acme.plane.fail(What::RepeatFirstPage);
    assert_eq!(acme.items("per_page=2&cursor=2:2:0&fields=id").await, first);
}

#[tokio::test]
async fn an_empty_page_ends_the_list_and_keeps_the_total() {
    let acme = Acme::start(Options::default(), 5).await;
    acme.plane.fail(What::EmptyPage);
    let page = acme.items("per_page=2").await;
    assert_eq!(page["results"], json!([]));
    assert_eq!(
        (&page["count"], &page["total_count"]),
        (&json!(0), &json!(5))
    );
    assert_eq!(page["next_page_results"], false);
}

#[tokio::test]
async fn wrong_types_leave_no_member_of_a_row_with_its_own_type() {
    let acme = Acme::start(Options::default(), 1).await;
    let right = acme.items("").await["results"][0].clone();
    acme.plane.fail(What::WrongTypes);
    let wrong = acme.items("").await["results"][0].clone();
    for (name, value) in right.as_object().unwrap() {
        let types = [value, &wrong[name]].map(std::mem::discriminant);
        assert_ne!(types[0], types[1], "{name}");
    }
}

#[tokio::test]
async fn latency_joins_with_other_faults_and_slow_bytes_arrive_whole() {
    let acme = Acme::start(Options::default(), 1).await;
    acme.plane.fail(What::Latency(60));
    acme.plane
        .fail(Fault::new(What::Status(502, String::new(), Vec::new())).times(1));
    let begin = std::time::Instant::now();
    assert_eq!(acme.status("/api/v1/users/me/").await, 502);
    assert!(begin.elapsed() >= Duration::from_millis(60));
    acme.plane.heal();
    let right = acme.items("").await;
    acme.plane.fail(What::SlowBytes(4000));
    let begin = std::time::Instant::now();
    assert_eq!(acme.items("").await, right);
    assert!(begin.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_huge_body_and_a_gzip_bomb_are_as_large_as_asked_for() {
    let acme = Acme::start(Options::default(), 1).await;
    acme.plane
        .fail(Fault::new(What::HugeBody(3_000_000)).times(1));
    let body = acme.get(&acme.list("")).await.bytes().await.unwrap();
    assert!(body.len() > 3_000_000);
    assert!(serde_json::from_slice::<Value>(&body).is_ok());

    acme.plane
        .fail(Fault::new(What::GzipBomb(50_000_000)).times(1));
    let mut answer = acme.get(&acme.list("")).await;
    let mut expanded = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        expanded += chunk.len();
    }
    assert!(expanded >= 50_000_000, "{expanded}");
}

#[tokio::test]
async fn a_redirect_names_another_place() {
    let acme = Acme::start(Options::default(), 1).await;
    acme.plane
        .fail(What::Redirect("http://elsewhere.test/".to_owned()));
    let answer = acme.get("/api/v1/users/me/").await;
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()["location"], "http://elsewhere.test/");
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_take_it() {
    let acme = Acme::start(Options::default(), 50).await;
    let url = format!("{}{}", acme.plane.url(), acme.list(""));
    let http = builder(None).no_gzip().build().unwrap();
    let ask = async |encoding: &str| {
        let asked = http.get(&url).header("X-API-Key", &acme.key);
        asked
            .header("Accept-Encoding", encoding)
            .send()
            .await
            .unwrap()
    };
    let (plain, zipped) = (ask("identity").await, ask("gzip, br").await);
    assert!(!plain.headers().contains_key("content-encoding"));
    assert_eq!(zipped.headers()["content-encoding"], "gzip");
    let (plain, zipped) = (plain.bytes().await.unwrap(), zipped.bytes().await.unwrap());
    assert!(zipped.len() * 3 < plain.len());
}
