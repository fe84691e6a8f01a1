//! Whole workspaces, the same each time, with keys that are fixed and plainly not real.

use chrono::TimeDelta;
use uuid::Uuid;

use crate::faults::{Fault, What};
use crate::names;
use crate::state::{Role, State};

/// The integration user's key in [`demo`], [`e2e`] and [`big`]: member of `acme` (and `big`).
pub const KEY: &str = "plane_api_fa4efa4efa4efa4efa4efa4e00000001";
/// The key of a workspace admin.
pub const ADMIN_KEY: &str = "plane_api_fa4efa4efa4efa4efa4efa4e00000002";
/// The key of a guest.
pub const GUEST_KEY: &str = "plane_api_fa4efa4efa4efa4efa4efa4e00000003";
/// A key that was valid once.
pub const REVOKED_KEY: &str = "plane_api_fa4efa4efa4efa4efa4efa4e00000004";
/// A key that has run out.
pub const EXPIRED_KEY: &str = "plane_api_fa4efa4efa4efa4efa4efa4e00000005";
/// The key for `unruly`, the workspace that misbehaves.
pub const UNRULY_KEY: &str = "plane_api_fa4efa4efa4efa4efa4efa4e00000006";
/// A valid key of somebody who is in no workspace.
pub const STRANGER_KEY: &str = "plane_api_fa4efa4efa4efa4efa4efa4e00000007";

/// Two workspaces: `acme` with 12 projects and 5,000 work items, and `unruly`.
pub fn demo(state: &mut State) {
    let people = people(state, "acme", "Acme");
    for (n, (name, identifier, place, items, about)) in DEMO_PROJECTS.into_iter().enumerate() {
        fill(state, "acme", (name, identifier), place, items, &people);
        if let Some(project) = state
            .project_called("acme", identifier)
            .map(|project| project.id)
        {
            let lead = people.team[n % people.team.len()];
            if let Some(project) = state.project_mut(project) {
                project.project_lead = Some(lead);
                about.clone_into(&mut project.description);
            }
        }
    }
    let unruly = state.add_user("Rob", "Unruly");
    state.add_workspace("unruly", "Unruly Inc");
    state.join_workspace("unruly", unruly, Role::Member);
    state.add_key_value(unruly, UNRULY_KEY);
    let rows = [
        ("Billing", "BIL", 260),
        ("Checkout", "CHK", 180),
        ("Support Desk", "SUP", 90),
    ];
    let team = People {
        integration: unruly,
        admin: unruly,
        team: vec![unruly],
    };
    for (name, identifier, items) in rows {
        fill(
            state,
            "unruly",
            (name, identifier),
            Place::Member,
            items,
            &team,
        );
    }
}

/// What goes wrong in `unruly`: slow always, and now and then 429, 500 or half an answer.
pub fn unruly_faults() -> [Fault; 4] {
    let unruly = "/workspaces/unruly/";
    let crash = r#"{"error":"Something went wrong please try again later"}"#;
    [
        Fault::new(What::Latency(900)).on(unruly),
        Fault::new(What::RetryAfter("7".to_owned()))
            .on(unruly)
            .every(6),
        Fault::new(What::Status(500, crash.to_owned(), Vec::new()))
            .on(unruly)
            .every(4),
        Fault::new(What::CutJson).on(unruly).every(9),
    ]
}

/// One small workspace `acme`: 3 projects to read, 1 public one that the key is not in, 1 archived.
///
/// `WEB` has 348 visible work items; `WEB-1` to `WEB-6` have the names of [`KNOWN_NAMES`].
pub fn e2e(state: &mut State) {
    let people = people(state, "acme", "Acme");
    fill(
        state,
        "acme",
        ("Web Platform", "WEB"),
        Place::Member,
        348,
        &people,
    );
    fill(
        state,
        "acme",
        ("Operations", "OPS"),
        Place::Member,
        42,
        &people,
    );
    fill(
        state,
        "acme",
        ("Design System", "DES"),
        Place::Member,
        17,
        &people,
    );
    fill(
        state,
        "acme",
        ("Mobile App", "MOB"),
        Place::Public,
        25,
        &people,
    );
    fill(
        state,
        "acme",
        ("Legacy Importer", "LEG"),
        Place::Archived,
        7,
        &people,
    );
    fill(
        state,
        "acme",
        ("Security Reviews", "SEC"),
        Place::Private,
        9,
        &people,
    );
    let Some(web) = state.project_called("acme", "WEB") else {
        return;
    };
    let done = web.state_called("Done").map(|state| state.id);
    let bug = web.label_called("bug").map(|label| label.id);
    let ids: Vec<Uuid> = web.items.all().iter().map(|item| item.id).collect();
    let Some(web) = state.project_mut(web.id) else {
        return;
    };
    for (id, name) in ids.iter().zip(KNOWN_NAMES) {
        if let Some(item) = web.items.get_mut(*id) {
            name.clone_into(&mut item.name);
        }
    }
    if let Some(first) = web.items.get_mut(ids[0]) {
        first.state = done.unwrap_or(first.state);
        first.labels = bug.into_iter().collect();
        first.description_html =
            "<p>Release it. <b>Today.</b><script>alert(1)</script></p>".to_owned();
    }
    let web = web.id;
    let start = state.epoch + TimeDelta::days(80);
    state.add_cycle(
        web,
        "Sprint 12",
        Some((start, start + TimeDelta::days(14))),
        &ids[10..30],
    );
    state.add_module(web, "Sync engine", &ids[14..29]);
}

/// The first work items of `WEB` in [`e2e`].
pub const KNOWN_NAMES: [&str; 6] = [
    "Ship it",
    "Fix login on Safari",
    "Dark mode for the settings page",
    "<img src=x onerror=alert(1)>",
    "Quotes \"double\", unicode ☃ 日本語 <b>html</b> & emoji 🎉",
    "A very long name that goes on and on so that a table has to cut it somewhere without breaking the page around it, which narrow windows make hard enough already",
];

/// The workspace `big` with one project `BIG` of `items` work items.
pub fn big(state: &mut State, items: u32) {
    big_in(state, items, 1);
}

/// The same, the items spread over so many projects.
pub fn big_in(state: &mut State, items: u32, projects: u32) {
    let people = people(state, "big", "Big");
    for n in 1..=projects {
        let (name, identifier) = match projects {
            1 => ("Big Project".to_owned(), "BIG".to_owned()),
            _ => (format!("Big Project {n}"), format!("BIG{n}")),
        };
        let items = items / projects + u32::from(n <= items % projects);
        fill(
            state,
            "big",
            (&name, &identifier),
            Place::Member,
            items,
            &people,
        );
    }
}

struct People {
    integration: Uuid,
    admin: Uuid,
    team: Vec<Uuid>,
}

/// The integration's relation to a project.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Member,
    /// Public, not a member.
    Public,
    /// Private, not a member: invisible.
    Private,
    Archived,
}

const DEMO_PROJECTS: [(&str, &str, Place, u32, &str); 12] = [
    (
        "Web Platform",
        "WEB",
        Place::Member,
        1240,
        "The product in the browser: sign-in, workspaces, billing pages.",
    ),
    (
        "Mobile App",
        "MOB",
        Place::Member,
        860,
        "iOS and Android apps, released every second Tuesday.",
    ),
    (
        "Payments",
        "PAY",
        Place::Member,
        640,
        "Cards, invoices, refunds and everything that auditors ask about.",
    ),
    (
        "Data Warehouse",
        "DATA",
        Place::Member,
        520,
        "Events in, dashboards out; nightly loads and their failures.",
    ),
    (
        "Customer Support",
        "CARE",
        Place::Member,
        480,
        "What customers report, and the tools that answer them.",
    ),
    (
        "Infrastructure",
        "OPS",
        Place::Member,
        430,
        "Clusters, backups, certificates, on-call.",
    ),
    (
        "Design System",
        "DES",
        Place::Member,
        260,
        "Tokens, components and the guidelines they follow.",
    ),
    (
        "Marketing Site",
        "MKT",
        Place::Member,
        190,
        "The public site, its blog and the pricing page.",
    ),
    (
        "Partner API",
        "API",
        Place::Public,
        150,
        "The interface that partners build on.",
    ),
    (
        "Internal Tools",
        "TOOL",
        Place::Public,
        90,
        "Small tools for our own people.",
    ),
    (
        "Legacy Importer",
        "LEG",
        Place::Archived,
        100,
        "The old importer, kept until the last customer has moved.",
    ),
    (
        "Security Reviews",
        "SEC",
        Place::Private,
        40,
        "Findings and reviews, for few eyes.",
    ),
];

fn people(state: &mut State, slug: &str, name: &str) -> People {
    state.add_workspace(slug, name);
    let admin = state.add_user("Olga", "Owner");
    state.join_workspace(slug, admin, Role::Admin);
    state.add_key_value(admin, ADMIN_KEY);
    let integration = state.add_user("Inge", "Integration");
    state.join_workspace(slug, integration, Role::Member);
    state.add_key_value(integration, KEY);
    state.add_key_value(integration, REVOKED_KEY);
    state.revoke_key(REVOKED_KEY);
    state.add_key_value(integration, EXPIRED_KEY);
    state.expire_key(EXPIRED_KEY);
    let guest = state.add_user("Gus", "Guest");
    state.join_workspace(slug, guest, Role::Guest);
    state.add_key_value(guest, GUEST_KEY);
    let stranger = state.add_user("Sam", "Stranger");
    state.add_key_value(stranger, STRANGER_KEY);
    let team: Vec<Uuid> = names::PEOPLE
        .into_iter()
        .map(|(first, last)| state.add_user(first, last))
        .collect();
    for &person in &team {
        state.join_workspace(slug, person, Role::Member);
    }
    People {
        integration,
        admin,
        team,
    }
}

fn fill(
    state: &mut State,
    slug: &str,
    (name, identifier): (&str, &str),
    place: Place,
    items: u32,
    people: &People,
) {
    let project = state.add_project(slug, name, identifier);
    state.join_project(project, people.admin, Role::Admin);
    for &person in &people.team {
        state.join_project(project, person, Role::Member);
    }
    if matches!(place, Place::Member | Place::Archived) {
        state.join_project(project, people.integration, Role::Member);
    }
    if place == Place::Private
        && let Some(project) = state.project_mut(project)
    {
        project.network = 0;
    }
    state.add_usual_labels(project);
    state.add_items(project, items);
    if place == Place::Archived {
        state.archive_project(project);
    }
}
