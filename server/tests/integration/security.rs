use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use reqwest::Method;

use crate::support::{
    Person, TestPortal,
    portal::{LEAD, PASSWORD},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anyone,
    SignedIn,
    Admin,
}
use Who::{Admin, Anyone, SignedIn};

const NOBODY: &str = "019ab2c0-0000-7000-8000-000000000000";

type Form = &'static [(&'static str, &'static str)];

/// Who may call which server function, and a complete form for it. A new function must be added here.
/// The two that end a session stand last.
const TABLE: &[(&str, Who, Form)] = &[
    (
        "sign_in",
        Anyone,
        &[("email", "nobody@example.com"), ("password", "x")],
    ),
    (
        "set_up",
        Anyone,
        &[
            ("token", "x"),
            ("name", "x"),
            ("email", "x"),
            ("password", "x"),
        ],
    ),
    ("set_theme", Anyone, &[("theme", "dark")]),
    (
        "add_person",
        Admin,
        &[("name", ""), ("email", ""), ("password", ""), ("role", "")],
    ),
    ("set_role", Admin, &[("id", NOBODY), ("role", "lead")]),
    (
        "set_person_active",
        Admin,
        &[("id", NOBODY), ("is_active", "false")],
    ),
    ("create_integration", Admin, INTEGRATION),
    ("update_integration", Admin, INTEGRATION),
    (
        "set_integration_active",
        Admin,
        &[("id", NOBODY), ("is_active", "false")],
    ),
    ("replace_key", Admin, &[("id", NOBODY), ("api_key", "x")]),
    (
        "delete_integration",
        Admin,
        &[("id", NOBODY), ("typed_name", "x")],
    ),
    ("test_integration", Admin, &[("id", NOBODY)]),
    ("test_integration_form", Admin, INTEGRATION),
    ("start_sync", Admin, &[("id", NOBODY)]),
    ("pause_integration", Admin, &[("id", NOBODY), ("note", "x")]),
    ("resume_integration", Admin, &[("id", NOBODY)]),
    ("cancel_run", Admin, &[("id", NOBODY)]),
    ("save_channel", Admin, &[("kind", "slack"), ("name", "x")]),
    ("delete_channel", Admin, &[("id", NOBODY)]),
    ("test_channel", Admin, &[("id", NOBODY)]),
    ("save_rule", Admin, &[("name", "x")]),
    ("delete_rule", Admin, &[("id", NOBODY)]),
    ("test_rule", Admin, &[("id", NOBODY)]),
    (
        "save_objectives",
        Admin,
        &[("id", NOBODY), ("freshness", "95")],
    ),
    (
        "announce_maintenance",
        Admin,
        &[("minutes", "60"), ("reason", "x")],
    ),
    ("end_maintenance", Admin, &[("id", NOBODY)]),
    ("add_screen", Admin, &[("name", "Hall")]),
    ("remove_screen", Admin, &[("id", NOBODY)]),
    ("acknowledge_problem", Admin, &[("id", NOBODY)]),
    ("snooze_problem", Admin, &[("id", NOBODY), ("hours", "1")]),
    ("assign_problem", Admin, &[("id", NOBODY), ("owner", "")]),
    ("note_problem", Admin, &[("id", NOBODY), ("note", "x")]),
    ("make_backup", Admin, &[]),
    ("plan_bulk", Admin, &[("ids[]", NOBODY), ("action", "sync")]),
    ("start_bulk", Admin, &[("id", NOBODY)]),
    ("stop_bulk", Admin, &[("id", NOBODY)]),
    ("retry_bulk", Admin, &[("id", NOBODY)]),
    ("create_webhook", Admin, &[("id", NOBODY)]),
    (
        "save_webhook_secret",
        Admin,
        &[("id", NOBODY), ("secret", "x")],
    ),
    (
        "rotate_webhook_secret",
        Admin,
        &[("id", NOBODY), ("is_open", "true")],
    ),
    ("make_webhook_secret", Admin, &[("id", NOBODY)]),
    ("hide_webhook_secret", Admin, &[("id", NOBODY)]),
    ("test_webhook", Admin, &[("id", NOBODY)]),
    (
        "keep_webhook_events",
        Admin,
        &[("id", NOBODY), ("days", "1"), ("megabytes", "10")],
    ),
    ("replay_burst", Admin, &[("id", NOBODY), ("burst", NOBODY)]),
    ("plan_replay", Admin, &[("chosen[]", "x")]),
    ("start_replay", Admin, &[("id", NOBODY)]),
    ("cancel_replay", Admin, &[("id", NOBODY)]),
    ("release_held", Admin, PROJECT),
    ("restore_all_deleted", Admin, PROJECT),
    ("compare_project", Admin, PROJECT),
    ("reread_project", Admin, PROJECT),
    ("restore_deleted", Admin, ITEM),
    ("discard_kept", Admin, ITEM),
    (
        "change_password",
        SignedIn,
        &[("current", "x"), ("new", "x")],
    ),
    ("sign_out", Anyone, &[]),
];

const PROJECT: Form = &[("id", NOBODY), ("project", NOBODY)];
const ITEM: Form = &[("id", NOBODY), ("project", NOBODY), ("item", NOBODY)];
const INTEGRATION: Form = &[
    ("id", NOBODY),
    ("integration_name", ""),
    ("description", ""),
    ("base_url", ""),
    ("workspace", ""),
    ("project_id", ""),
    ("auth_scheme", ""),
    ("interval_minutes", ""),
    ("quiet_from", ""),
    ("quiet_to", ""),
    ("quiet_zone", ""),
    ("test_minutes", ""),
    ("key_expires_on", ""),
    ("tags", ""),
    ("api_key", ""),
    ("version", "1"),
];

fn function(path: &str) -> &str {
    path.strip_prefix("/api/ui/")
        .expect("server functions live under /api/ui/")
}

#[test]
fn every_server_function_is_in_the_table_of_who_may_call_it() {
    let registered: BTreeSet<_> = server_fn::axum::server_fn_paths()
        .map(|(path, method)| {
            assert_eq!(
                method,
                Method::POST,
                "{path}: only posts are checked for other sites"
            );
            function(path)
        })
        .collect();
    let in_table: BTreeSet<_> = TABLE.iter().map(|(name, ..)| *name).collect();
    assert_eq!(registered, in_table);
}

#[tokio::test]
async fn functions_do_for_each_what_the_table_says() {
    let portal = TestPortal::start().await;
    let (mut visitor, mut lead, mut admin) =
        (portal.visitor(), portal.lead().await, portal.admin().await);
    for (name, who, form) in TABLE {
        let called = visitor.call(name, form).await;
        assert_eq!(
            called.status == 401,
            *who != Anyone,
            "nobody calls {name}: {} {}",
            called.status,
            called.text
        );

        let called = lead.call(name, form).await;
        assert_eq!(
            called.status == 403,
            *who == Admin,
            "a lead calls {name}: {} {}",
            called.status,
            called.text
        );
        assert_ne!(called.status, 401, "a lead calls {name}: {}", called.text);

        let called = admin.call(name, form).await;
        assert!(
            !matches!(called.status, 401 | 403 | 500..),
            "an admin calls {name}: {} {}",
            called.status,
            called.text
        );
    }
}

#[tokio::test]
async fn functions_refuse_a_form_without_javascript_just_the_same() {
    let portal = TestPortal::start().await;
    let (mut visitor, mut lead) = (portal.visitor(), portal.lead().await);
    for (name, _, form) in TABLE.iter().filter(|(_, who, _)| *who == Admin) {
        let sent = visitor.post(name, form).await;
        assert_eq!(sent.status, 303, "{name}");
        assert!(
            sent.location().starts_with("/sign-in"),
            "{name}: {}",
            sent.location()
        );

        let sent = lead.post(name, form).await;
        assert_eq!(sent.status, 403, "{name}");
        assert!(sent.has("h1"), "{name}: a page says why");
    }
}

#[tokio::test]
async fn odd_spellings_of_an_address_open_nothing() {
    let portal = TestPortal::start().await;
    let mut lead = portal.lead().await;
    let spellings = [
        "//api/ui/{}",
        "/api//ui/{}",
        "/api/ui/{}/",
        "/api/ui/{};x",
        "/api/ui/./{}",
        "/api/ui/x/../{}",
        "/API/UI/{}",
        "/api/ui/{}%00",
        "/api/ui/{}%20",
        "/api/v1/../ui/{}",
        "/api/webhooks/../ui/{}",
        "/api/webhooks/%2e%2e/ui/{}",
        "/api/ui/{}?/api/webhooks/x",
        "/api/ui/{}?x=/api/v1",
        "/%61pi/ui/{}",
        "/api/ui/{}#x",
        "/api%2Fui%2F{}",
    ];
    for (name, _, form) in TABLE.iter().filter(|(_, who, _)| *who == Admin) {
        for spelling in spellings {
            let path = spelling.replace("{}", name);
            let body = form
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect::<Vec<_>>()
                .join("&");
            let headers = [
                ("accept", "application/json"),
                ("sec-fetch-site", "same-origin"),
            ];
            let answer = lead.send(Method::POST, &path, &headers, Some(body)).await;
            assert!(
                (400..500).contains(&answer.status),
                "{path}: {} {}",
                answer.status,
                answer.text
            );
        }
    }
}

#[tokio::test]
async fn another_site_gets_nothing_done_whatever_it_makes_a_browser_send() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let session = admin.cookie("hangar").map(str::to_owned);
    let origins: [&[(&str, &str)]; 6] = [
        &[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
        ],
        &[
            ("sec-fetch-site", "same-site"),
            ("origin", "http://127.0.0.1:1"),
        ],
        &[
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1.evil.example")],
    ];
    let functions = TABLE
        .iter()
        .map(|(name, _, form)| (format!("/api/ui/{name}"), *form));
    let routes = functions.chain([("/live/connection-test".to_owned(), INTEGRATION)]);
    for (path, form) in routes {
        let pairs = form
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect::<Vec<_>>()
            .join("&");
        let json =
            serde_json::to_string(&form.iter().copied().collect::<BTreeMap<_, _>>()).unwrap();
        let bodies = [
            ("application/x-www-form-urlencoded", &pairs),
            ("text/plain", &pairs),
            ("text/plain", &json),
            ("application/json", &json),
        ];
        for (kind, body) in bodies {
            for origin in origins {
                let headers: Vec<_> = origin
                    .iter()
                    .copied()
                    .chain([("content-type", kind), ("accept", "text/html")])
                    .collect();
                let answer = admin
                    .send(Method::POST, &path, &headers, Some(body.clone()))
                    .await;
                assert_eq!(
                    answer.status, 403,
                    "{path} {kind} {origin:?}: {}",
                    answer.text
                );
                assert_eq!(answer.header("set-cookie"), None, "{path}");
            }
        }
    }
    assert_eq!(admin.cookie("hangar").map(str::to_owned), session);
    assert_eq!(
        admin.get("/").await.status,
        200,
        "the session was not ended"
    );
}

#[tokio::test]
async fn our_own_pages_and_programs_get_things_done() {
    let portal = TestPortal::start().await;
    let own = portal.url.clone();
    for headers in [
        vec![("sec-fetch-site", "same-origin"), ("origin", own.as_str())],
        vec![("origin", own.as_str())],
        vec![("sec-fetch-site", "none")],
        vec![],
    ] {
        let body = Some("theme=dark".to_owned());
        let answer = portal
            .visitor()
            .send(Method::POST, "/api/ui/set_theme", &headers, body)
            .await;
        assert_eq!(answer.status, 200, "{headers:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn behind_a_proxy_the_public_address_is_our_own() {
    let portal = TestPortal::start_with(&["--public-url", "https://hangar.example.com"]).await;
    let mut visitor = portal.visitor();
    let own = [("origin", "https://hangar.example.com")];
    let answer = visitor
        .send(
            Method::POST,
            "/api/ui/set_theme",
            &own,
            Some("theme=dark".to_owned()),
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let plain = [("origin", "http://hangar.example.com")];
    let answer = visitor
        .send(
            Method::POST,
            "/api/ui/set_theme",
            &plain,
            Some("theme=dark".to_owned()),
        )
        .await;
    assert_eq!(answer.status, 403);
}

/// What every answer says, but for the policy, whose nonce changes.
const EXPECTED: [(&str, &str); 8] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("x-permitted-cross-domain-policies", "none"),
    (
        "permissions-policy",
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'; manifest-src 'self'"
    )
}

/// The nonce, after making sure that all the headers are there.
async fn check(
    person: &mut Person,
    method: Method,
    path: &str,
    body: Option<String>,
    status: u16,
) -> String {
    let headers = [("accept", "text/html"), ("sec-fetch-site", "same-origin")];
    let answer = person.send(method.clone(), path, &headers, body).await;
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
    for (name, value) in EXPECTED {
        assert_eq!(answer.header(name), Some(value), "{method} {path}: {name}");
    }
    let said = answer.header("content-security-policy").unwrap_or_default();
    let nonce = said
        .split("'nonce-")
        .nth(1)
        .and_then(|rest| rest.split('\'').next())
        .unwrap_or_default();
    assert!(nonce.len() >= 22, "{path}: {said}");
    assert_eq!(said, policy(nonce), "{method} {path}");
    if !path.starts_with("/pkg/") {
        assert_eq!(
            answer.header("cache-control"),
            Some("no-store"),
            "{method} {path}"
        );
    }
    for script in answer.all("script") {
        assert!(
            answer.attribute("script", "nonce").as_deref() == Some(nonce),
            "{path}: {script}"
        );
    }
    nonce.to_owned()
}

#[tokio::test]
async fn every_answer_has_the_security_headers_also_when_it_is_an_error() {
    let portal = TestPortal::start().await;
    let (mut visitor, mut admin, mut lead) =
        (portal.visitor(), portal.admin().await, portal.lead().await);
    let mut nonces = BTreeSet::new();
    let get = Method::GET;
    let big = Some("x".repeat((1 << 20) + 1));
    for (method, path, body, status) in [
        (get.clone(), "/", None, 303),
        (get.clone(), "/sign-in", None, 200),
        (get.clone(), "/sign-in", None, 200),
        (get.clone(), "/livez", None, 200),
        (get.clone(), "/pkg/nothing.css", None, 404),
        (get.clone(), "/live/runs/x", None, 400),
        (Method::POST, "/api/ui/nothing", Some(String::new()), 404),
        (Method::POST, "/api/ui/sign_in", big, 413),
        (Method::DELETE, "/", None, 405),
        (get.clone(), "/api/webhooks/plane", None, 405),
        (
            Method::POST,
            "/api/webhooks/plane/x",
            Some(String::new()),
            404,
        ),
    ] {
        assert!(
            nonces.insert(check(&mut visitor, method, path, body, status).await),
            "{path}: the nonce is new"
        );
    }
    check(&mut admin, get.clone(), "/", None, 200).await;
    check(&mut admin, get.clone(), "/nothing/here", None, 404).await;
    check(&mut lead, get.clone(), "/integrations/new", None, 403).await;
    assert!(
        portal
            .visitor()
            .get("/sign-in")
            .await
            .header("strict-transport-security")
            .is_none()
    );

    portal.portal.store.close().await;
    check(&mut admin, get, "/", None, 503).await;
}

#[tokio::test]
async fn built_files_may_be_kept_and_have_the_headers_too() {
    let portal = TestPortal::start().await;
    let mut visitor = portal.visitor();
    let sheet = visitor
        .get("/sign-in")
        .await
        .attribute("link[rel=stylesheet]", "href")
        .unwrap();
    let answer = visitor.get(&sheet).await;
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    // A checkout whose site was not built has no style sheet.
    let expected = if answer.status == 200 {
        "public, max-age=31536000, immutable"
    } else {
        "no-store"
    };
    assert_eq!(
        answer.header("cache-control"),
        Some(expected),
        "{sheet}: {}",
        answer.status
    );
}

#[tokio::test]
async fn on_https_cookies_are_bound_to_this_host_and_browsers_are_told_to_stay() {
    let portal = TestPortal::start_with(&["--public-url", "https://hangar.example.com"]).await;
    portal.lead().await;
    let mut person = portal.visitor();
    let answer = person
        .post("sign_in", &[("email", LEAD), ("password", PASSWORD)])
        .await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-hangar="), "{cookie}");
    for attribute in ["HttpOnly", "Secure", "Path=/", "SameSite=Lax"] {
        assert!(
            cookie.split("; ").any(|part| part == attribute),
            "{attribute}: {cookie}"
        );
    }
    assert!(!cookie.contains("Domain"));
    assert_eq!(
        answer.header("strict-transport-security"),
        Some("max-age=63072000")
    );
    assert_eq!(person.get("/runs").await.status, 200);
}

#[tokio::test]
async fn whatever_is_sent_to_a_function_it_neither_panics_nor_fails() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let mut rng = StdRng::seed_from_u64(3);
    for (name, ..) in TABLE.iter().filter(|(name, ..)| *name != "sign_out") {
        for turn in 0..12 {
            let length = [0, 1, 40, 4000][turn % 4];
            let noise: String = (0..length)
                .map(|_| rng.random_range('\0'..='\u{2fff}'))
                .collect();
            let body = match turn % 3 {
                0 => noise,
                1 => format!(
                    "id={noise}&name=%ff%00&draft[]=1&version=-1&email={noise}&password={noise}"
                ),
                _ => "[".repeat(length),
            };
            let kinds = [
                "application/x-www-form-urlencoded",
                "application/json",
                "multipart/form-data",
                "",
            ];
            let headers = [
                ("content-type", kinds[turn % 4]),
                ("accept", ["text/html", "*/*"][turn % 2]),
            ];
            let answer = admin
                .send(
                    Method::POST,
                    &format!("/api/ui/{name}"),
                    &headers,
                    Some(body),
                )
                .await;
            assert!(
                answer.status < 500,
                "{name}: {} {}",
                answer.status,
                answer.text
            );
        }
    }
}
