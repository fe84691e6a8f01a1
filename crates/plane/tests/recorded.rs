//! Every recorded answer of a real Plane that a client can meet, served again byte for byte and read through the
//! client's own door.

#![expect(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use domain::{
    collection::CollectionKind,
    ids::CollectionId,
    integration::AuthScheme,
    mirror::{Priority, Project, StateGroup},
    text::BaseUrl,
};
use plane::{Budget, Error, List, ListPage, Options, Plane};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};

/// Recordings that a client which only reads can't meet.
const NOT_MET: [(&str, &str); 9] = [
    ("write-", "this client does not write"),
    ("err-01", "this client does not write"),
    ("url-03", "this client does not write"),
    ("ui-", "the web app's own API, with a session"),
    ("webhook-", "deliveries, which come to us"),
    ("url-10", "this client sends no HEAD"),
    ("url-11", "this client sends no OPTIONS"),
    ("url-12", "this client sends no PUT"),
    ("paging-experiments", "a summary, not an exchange"),
];

/// Good answers of endpoints this client does not read.
const NOT_READ: [&str; 14] = [
    "rate-02-sequence",
    "sub-03-label-detail",
    "sub-21-comments",
    "sub-22-activities",
    "sub-23-links",
    "sub-24-intake",
    "sub-26-state-detail",
    "sub-27-stickies",
    "sub-33-work-item-relations",
    "sub-34-attachments",
    "url-06-root",
    "wi-46-search",
    "wi-47-search-empty",
    "wi-48-search-project",
];

fn recordings() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|ext| ext == "json"))
        .map(|file| {
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            (
                name,
                serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap(),
            )
        })
        .collect()
}

/// A server that gives one recorded answer to whatever it is asked.
struct Replay {
    http: reqwest::Client,
    base: BaseUrl,
    answer: watch::Sender<Vec<u8>>,
}

impl Replay {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let (answer, answers) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if connection.read(&mut byte).await.unwrap_or(0) == 0 {
                        break;
                    }
                    request.push(byte[0]);
                }
                let bytes = answers.borrow().clone();
                let _ = connection.write_all(&bytes).await;
                let _ = connection.shutdown().await;
            }
        });
        Self {
            http: http(),
            base,
            answer,
        }
    }

    /// A new client with an unused budget.
    fn plane(&self, old_paths: bool) -> Plane {
        let options = Options {
            max_wait: Duration::ZERO,
            old_paths,
            ..Options::default()
        };
        let (base, slug) = (self.base.clone(), "acme".parse().unwrap());
        let key = "plane_api_x".into();
        Plane::new(
            self.http.clone(),
            base,
            slug,
            AuthScheme::ApiKey,
            key,
            Arc::new(Budget::default()),
            options,
        )
    }

    fn give(&self, response: &Value) {
        let body = match (&response["body_text"], &response["body_json"]) {
            (Value::String(text), _) => text.clone(),
            (_, json) => json.to_string(),
        };
        let mut head = format!(
            "HTTP/1.1 {} Recorded\r\nConnection: close\r\nContent-Length: {}\r\n",
            response["status"],
            body.len()
        );
        for header in response["headers"].as_array().unwrap() {
            let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
            // The recorder kept the body unpacked.
            if ![
                "content-length",
                "content-encoding",
                "transfer-encoding",
                "connection",
            ]
            .contains(&&*name.to_lowercase())
            {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        self.answer
            .send_replace(format!("{head}\r\n{body}").into_bytes());
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test stands where the portal's egress does"
)]
fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

fn page<T>(page: Result<ListPage<T>, Error>) -> String {
    match page {
        Ok(ListPage {
            rows,
            next,
            total,
            page,
            pages,
            undecodable,
            ..
        }) => {
            let next = if next.is_some() { ", more" } else { "" };
            format!(
                "{} rows of {total}, page {page} of {pages}, {undecodable} undecodable{next}",
                rows.len()
            )
        }
        Err(error) => error.to_string(),
    }
}

fn list<T>(list: Result<List<T>, Error>) -> String {
    match list {
        Ok(List { rows, undecodable }) => format!("{} rows, {undecodable} undecodable", rows.len()),
        Err(error) => error.to_string(),
    }
}

fn object<T>(object: Result<T, Error>) -> String {
    object.map_or_else(|error| error.to_string(), |_| "read".to_owned())
}

/// Asks for what the recorded request asked for, in this client's way.
async fn ask(plane: &Plane, path: &str) -> String {
    let path = path.split('?').next().unwrap().trim_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let id = || {
        parts
            .get(5)
            .and_then(|id| id.parse().ok())
            .unwrap_or_else(|| "4067044b-b4b9-5577-8d4e-77b0fc96ec49".parse().unwrap())
    };
    let of = || parts[7].parse::<CollectionId>().unwrap();
    match parts[..] {
        ["api", "instances"] => object(plane.instance().await),
        ["api", "v1", "workspaces", _, "members"] => list(plane.workspace_members().await),
        ["api", "v1", "workspaces", _, "projects"] => page(plane.projects(None).await),
        ["api", "v1", "workspaces", _, "projects", _] => object(plane.project(id()).await),
        ["api", "v1", "workspaces", _, "projects", _, what] => match what {
            "summary" => object(plane.summary(id()).await),
            "members" | "project-members" => list(plane.members(id()).await),
            "states" => list(plane.states(id()).await),
            "labels" => list(plane.labels(id()).await),
            "cycles" | "archived-cycles" => {
                list(plane.collections(id(), CollectionKind::Cycle).await)
            }
            "modules" | "archived-modules" => {
                list(plane.collections(id(), CollectionKind::Module).await)
            }
            _ => page(plane.work_items(id(), None).await),
        },
        ["api", "v1", "workspaces", _, "projects", _, "cycles", _] => {
            object(plane.project(id()).await)
        }
        ["api", "v1", "workspaces", _, "projects", _, "cycles", _, _] => list(
            plane
                .collection_items(id(), CollectionKind::Cycle, of())
                .await,
        ),
        ["api", "v1", "workspaces", _, "projects", _, "modules", _, _] => list(
            plane
                .collection_items(id(), CollectionKind::Module, of())
                .await,
        ),
        ["api", "v1", "workspaces", _, "projects", _, _, item] => {
            let item = item
                .parse()
                .unwrap_or_else(|_| "90777dae-1a83-5057-9e68-9527f4c8c1c4".parse().unwrap());
            object(plane.work_item(id(), item).await)
        }
        ["api", "v1", "workspaces", _, "work-items", _] => object(
            plane
                .work_item(
                    id(),
                    "90777dae-1a83-5057-9e68-9527f4c8c1c4".parse().unwrap(),
                )
                .await,
        ),
        _ => object(plane.me().await),
    }
}

#[tokio::test]
async fn every_recording_a_client_can_meet_is_read_or_told_apart() {
    let replay = Replay::start().await;
    let mut answers = String::new();
    for (name, recording) in recordings() {
        let met = !NOT_MET.iter().any(|(prefix, _)| name.starts_with(prefix));
        if !met || NOT_READ.contains(&name.as_str()) {
            continue;
        }
        let path = recording["request"]["path"].as_str().unwrap();
        replay.give(&recording["response"]);
        let answer = ask(&replay.plane(path.contains("/issues/")), path).await;
        answers.push_str(&format!("{name}: {answer}\n"));
    }
    let expected = include_str!("recorded.txt");
    let differences: Vec<_> = answers
        .lines()
        .zip(expected.lines())
        .filter(|(is, was)| is != was)
        .collect();
    assert!(
        differences.is_empty() && answers.lines().count() == expected.lines().count(),
        "{differences:#?}\n{answers}"
    );
}

#[tokio::test]
async fn a_recorded_work_item_is_read_field_by_field() {
    let replay = Replay::start().await;
    let recordings = recordings();
    replay.give(&recordings["wi-37-detail"]["response"]);
    let project = "4067044b-b4b9-5577-8d4e-77b0fc96ec49".parse().unwrap();
    let id = "90777dae-1a83-5057-9e68-9527f4c8c1c4".parse().unwrap();
    let item = replay.plane(false).work_item(project, id).await.unwrap();
    assert_eq!(
        (item.id, item.project, item.sequence_id, item.priority),
        (id, project, 7, Priority::High)
    );
    assert_eq!(
        item.name,
        r#"Quotes "double", unicode ☃ 日本語 <b>html</b> & emoji 🎉"#
    );
    assert_eq!(item.description_html, "<p>Description of item 7</p>");
    assert_eq!(
        item.state.unwrap().to_string(),
        "b0687899-dfc7-5cd2-9153-44cc82674ca4"
    );
    assert_eq!(
        (item.assignees.len(), item.labels.len(), item.parent),
        (2, 0, None)
    );
    assert_eq!(
        item.updated_at.to_rfc3339(),
        "2026-08-03T17:36:55.982146+00:00"
    );
    assert_eq!(
        item.completed_at.unwrap().to_rfc3339(),
        "2026-11-23T18:28:56.075852+00:00"
    );

    replay.give(&recordings["wi-19-expand"]["response"]);
    let expanded = replay
        .plane(false)
        .work_items(project, None)
        .await
        .unwrap()
        .rows
        .swap_remove(0);
    assert_eq!(
        expanded.labels[0].to_string(),
        "abc9bd7e-08ec-5a1b-92cb-006931765e40"
    );
    assert_eq!(
        expanded.parent.unwrap().to_string(),
        "a9456df2-f210-5469-8d62-75e9d1557b9d"
    );
    assert_eq!(
        expanded.state.unwrap().to_string(),
        "69ff5ee9-3b4c-54c0-b196-5bbf55ba6852"
    );
}

#[tokio::test]
async fn recorded_projects_labels_states_and_members_are_read() {
    let replay = Replay::start().await;
    let recordings = recordings();
    let project = "4067044b-b4b9-5577-8d4e-77b0fc96ec49".parse().unwrap();
    let plane = replay.plane(false);

    replay.give(&recordings["projects-01-list"]["response"]);
    let projects = plane.projects(None).await.unwrap().rows;
    let words = |p: &Project| {
        (
            p.identifier.clone(),
            p.is_member,
            p.is_public,
            p.archived_at.is_some(),
        )
    };
    let seen: Vec<_> = projects.iter().map(words).collect();
    assert_eq!(seen[0], ("WEB".to_owned(), true, true, false));
    assert!(seen.contains(&("LEG".to_owned(), true, true, true)));
    assert!(seen.contains(&("MOB".to_owned(), false, true, false)));

    replay.give(&recordings["sub-01-labels"]["response"]);
    let labels = plane.labels(project).await.unwrap().rows;
    assert_eq!(
        (labels[0].name.as_str(), labels[0].color.as_str()),
        ("über-wichtig ✨", "#6cad4a")
    );

    replay.give(&recordings["sub-07-states"]["response"]);
    let states = plane.states(project).await.unwrap().rows;
    assert_eq!(
        (states[0].group, states[0].sequence),
        (StateGroup::Backlog, 15_000_000)
    );

    replay.give(&recordings["sub-11-workspace-members"]["response"]);
    let members = plane.workspace_members().await.unwrap().rows;
    assert_eq!(members[0].display_name, "guest");

    replay.give(&recordings["projects-14-summary"]["response"]);
    let summary = plane.summary(project).await.unwrap();
    assert_eq!((summary.work_items, summary.labels), (Some(350), Some(25)));

    replay.give(&recordings["url-07-instances"]["response"]);
    let instance = plane.instance().await.unwrap();
    assert_eq!(
        (instance.version.as_deref(), instance.edition.as_deref()),
        (Some("v1.3.1"), Some("PLANE_COMMUNITY"))
    );

    replay.give(&recordings["rate-01-429"]["response"]);
    assert_eq!(
        plane.me().await,
        Err(Error::RateLimited {
            retry_after: Duration::from_secs(57)
        })
    );
}
