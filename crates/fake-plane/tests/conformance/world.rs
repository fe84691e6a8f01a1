//! The recorded server's content, put together again from its answers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use fake_plane::state::{Cycle, Key, Label, PlaneModule, Project, ProjectState, User, WorkItem};
use fake_plane::{Clock, FakePlane, Options, Role, State};
use serde_json::Value;
use uuid::Uuid;

pub(crate) const WEB: &str = "4067044b-b4b9-5577-8d4e-77b0fc96ec49";
pub(crate) const OPS: &str = "37607a4e-715f-5ca1-b1d2-f03615350549";
const LEG: &str = "6d7a01a9-5b98-5a58-85c7-c3cb8471c9dd";
const MOB: &str = "1e486ed9-0cae-5a73-a967-bffab07eff81";
const SEC: &str = "b9b07a1f-ba14-52b8-b913-a947fb4ce5b7";
const ELSEWHERE: &str = "5d643bbd-027f-5d53-8004-3e5f280c7eb6";
pub(crate) const INTEGRATION: &str = "2db55239-d801-52ca-a032-83dc32e05c36";
const OWNER: &str = "3e0efd24-4064-53d3-b8c9-a4b788a93293";
const GUEST: &str = "e5187924-16fd-54d5-8972-8abfc5609bd2";
const ADA: &str = "d8bb8320-0064-5035-b7e5-9bfd492d0d27";
const ARCHIVED: &str = "5054a0b5-08cd-544f-9488-36d80b58d7de";
const DRAFT: &str = "6ded3661-f6a9-503f-903d-978209ed4045";

/// A fake with the recorded content and a clock that stands still until it is moved.
pub(crate) struct World {
    pub(crate) plane: FakePlane,
    now: Arc<Mutex<DateTime<Utc>>>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let now = Arc::new(Mutex::new(moment("2026-11-23T18:31:00Z")));
        let clock = {
            let now = now.clone();
            Clock::new(move || *now.lock().unwrap())
        };
        let plane = FakePlane::start(Options {
            clock,
            ..Options::default()
        })
        .await;
        plane.given(rebuild);
        Self { plane, now }
    }

    pub(crate) fn pass(&self, time: TimeDelta) {
        *self.now.lock().unwrap() += time;
    }

    pub(crate) fn set_now(&self, now: DateTime<Utc>) {
        *self.now.lock().unwrap() = now;
    }
}

/// A recording by its name without `.json`.
pub(crate) fn recording(name: &str) -> Value {
    let path = folder().join(format!("{name}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Every recording's name, in order.
pub(crate) fn recordings() -> Vec<String> {
    let files = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let json = files.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let mut names: Vec<String> = json
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../plane/tests/recorded")
}

pub(crate) fn id(text: &str) -> Uuid {
    text.parse().unwrap()
}

pub(crate) fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn body(name: &str) -> Value {
    recording(name)["response"]["body_json"].clone()
}

fn rows<T: serde::de::DeserializeOwned>(name: &str) -> Vec<T> {
    let rows = match body(name) {
        Value::Array(rows) => rows,
        mut page => page["results"].as_array_mut().unwrap().split_off(0),
    };
    rows.into_iter()
        .map(|row| serde_json::from_value(row).unwrap())
        .collect()
}

/// The key that a recording was made with.
fn key(name: &str) -> String {
    recording(name)["request"]["headers"]["X-API-Key"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn rebuild(state: &mut State) {
    state.add_workspace("acme", "Acme");
    state.workspaces[0].id = id("cc7d0f0f-eec9-5707-a476-eed1b1df5018");
    // Answers list the newest member first.
    for row in rows::<Value>("sub-11-workspace-members").into_iter().rev() {
        let user: User = serde_json::from_value(row.clone()).unwrap();
        let role = match row["role"].as_u64().unwrap() {
            20 => Role::Admin,
            15 => Role::Member,
            _ => Role::Guest,
        };
        let user_id = user.id;
        state.users.push(user);
        state.join_workspace("acme", user_id, role);
    }
    let stranger = state.add_user("Sam", "Stranger");

    let mut give = |name: &str, user: Uuid| {
        let value = key(name);
        let row = Key {
            user,
            active: true,
            expires_at: None,
            per_minute: None,
        };
        state.keys.insert(value.clone(), row);
        value
    };
    give("auth-01-me-ok", id(INTEGRATION));
    give("projects-19-list-owner", id(OWNER));
    give("wi-49-guest-list", id(GUEST));
    give("auth-12-workspace-not-member", stranger);
    let expired = give("auth-04-expired-key", id(INTEGRATION));
    let inactive = give("auth-05-inactive-key", id(INTEGRATION));
    let service = give("auth-13-service-token", id(INTEGRATION));
    state.expire_key(&expired);
    state.revoke_key(&inactive);
    state.keys.get_mut(&service).unwrap().per_minute = Some(300);

    for row in body("projects-01-list")["results"].as_array().unwrap() {
        add_project(state, "acme", row);
    }
    let hidden = |project_id: &str, name: &str, identifier: &str| {
        let mut row = body("projects-01-list")["results"][0].clone();
        row["id"] = project_id.into();
        row["name"] = name.into();
        row["identifier"] = identifier.into();
        row["network"] = 0.into();
        row["created_at"] = "2026-11-23T18:28:55.800000Z".into();
        row
    };
    add_project(state, "acme", &hidden(SEC, "Security", "SEC"));
    state.add_workspace("other-ws", "Other");
    add_project(state, "other-ws", &hidden(ELSEWHERE, "Elsewhere", "ELSE"));

    for row in rows::<User>("sub-09-project-members").into_iter().rev() {
        state.join_project(id(WEB), row.id, Role::Member);
    }
    state.join_project(id(WEB), id(GUEST), Role::Guest);
    // Joining again moves to the end; the recorded order has the guest there anyway.
    for project in [WEB, OPS, LEG, MOB, SEC] {
        set_role(state, project, OWNER, Role::Admin);
    }
    set_role(state, WEB, INTEGRATION, Role::Admin);
    set_role(state, OPS, INTEGRATION, Role::Member);
    set_role(state, LEG, INTEGRATION, Role::Admin);
    set_role(state, MOB, ADA, Role::Member);

    state.add_items(id(MOB), 5);
    state.add_items(id(LEG), 7);
    let web = state.project_mut(id(WEB)).unwrap();
    web.states = rows::<ProjectState>("sub-07-states");
    web.labels = rows::<Label>("sub-01-labels");
    web.labels.reverse();
    add_work_items(web);
    let first = |from: u32, to: u32| {
        let items = web
            .items
            .all()
            .iter()
            .filter(|item| (from..=to).contains(&item.sequence_id));
        items.map(|item| item.id).collect::<Vec<_>>()
    };
    let (of_cycle, of_module) = (first(1, 20), first(15, 29));
    web.cycles = rows::<Cycle>("sub-13-cycles");
    web.cycles
        .iter_mut()
        .find(|cycle| cycle.name == "Sprint 1")
        .unwrap()
        .items = of_cycle;
    web.modules = rows::<PlaneModule>("sub-17-modules");
    web.modules[0].items = of_module;
    web.next_sequence = 352;
}

/// Sets a role without changing the member's place in the list.
fn set_role(state: &mut State, project: &str, user: &str, role: Role) {
    let members = &mut state.project_mut(id(project)).unwrap().members;
    match members.iter_mut().find(|member| member.user == id(user)) {
        Some(member) => member.role = role,
        None => state.join_project(id(project), id(user), role),
    }
}

fn add_project(state: &mut State, slug: &str, row: &Value) {
    let made = state.add_project(
        slug,
        row["name"].as_str().unwrap(),
        row["identifier"].as_str().unwrap(),
    );
    let project: &mut Project = state.project_mut(made).unwrap();
    let time = |field: &str| row[field].as_str().map(moment);
    project.id = id(row["id"].as_str().unwrap());
    project.description = row["description"].as_str().unwrap().to_owned();
    project.network = row["network"].as_u64().unwrap() as u8;
    project.created_at = time("created_at").unwrap();
    project.updated_at = time("updated_at").unwrap();
    project.archived_at = time("archived_at");
    project.project_lead = row["project_lead"].as_str().map(id);
}

/// Three of four pages were recorded; of the third the ids are known from `wi-05`, the rest is made up between its neighbours.
fn add_work_items(web: &mut Project) {
    let pages = ["wi-01-list-100", "wi-02-list-page2", "wi-03-list-last-page"];
    let known: Vec<WorkItem> = pages.into_iter().flat_map(rows::<WorkItem>).collect();
    let mut all: Vec<WorkItem> = Vec::new();
    for row in rows::<Value>("wi-05-default-per-page") {
        let row_id = id(row["id"].as_str().unwrap());
        let item = known
            .iter()
            .find(|item| item.id == row_id)
            .cloned()
            .unwrap_or_else(|| {
                let before = all.last().unwrap();
                WorkItem {
                    id: row_id,
                    sequence_id: before.sequence_id - 1,
                    created_at: before.created_at - TimeDelta::minutes(1),
                    updated_at: moment("2026-01-01T00:00:00Z"),
                    name: "not recorded".to_owned(),
                    external_id: None,
                    external_source: None,
                    ..before.clone()
                }
            });
        all.push(item);
    }
    // The summary counts one archived and one draft more than the list (`projects-14`).
    let hidden = |hidden: &str, sequence_id| WorkItem {
        id: id(hidden),
        sequence_id,
        ..all[0].clone()
    };
    let mut archived = hidden(ARCHIVED, 347);
    archived.archived_at = Some(archived.created_at.date_naive());
    let mut draft = hidden(DRAFT, 350);
    draft.is_draft = true;
    for item in all.into_iter().rev().chain([archived, draft]) {
        web.items.push(item);
    }
}
