//! Paths as Plane routes them, the methods each names in `Allow`, and who may pass.

use axum::http::Method;
use uuid::Uuid;

use crate::Version;
use crate::state::{Role, State};

/// Where a path leads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'p> {
    pub slug: &'p str,
    pub endpoint: Endpoint<'p>,
}

/// Ids stand in the order of the path: the project first.
#[derive(Debug, Clone, Copy)]
pub(super) enum Endpoint<'p> {
    Root,
    Instance,
    /// Wants a session, whatever the key (`auth-15`, `url-09`).
    Internal(&'static str),
    Me,
    WorkspaceMembers,
    Stickies,
    Invitations,
    Projects,
    Project(Uuid),
    Archive(Uuid),
    Summary(Uuid),
    ProjectMembers(Uuid),
    Items(Uuid),
    Item(Uuid, Uuid),
    ItemCalled(&'p str),
    Search,
    Labels(Uuid),
    Label(Uuid, Uuid),
    States(Uuid),
    State(Uuid, Uuid),
    Cycles(Uuid),
    Cycle(Uuid, Uuid),
    CycleItems(Uuid, Uuid),
    Modules(Uuid),
    Module(Uuid, Uuid),
    ModuleItems(Uuid, Uuid),
    Comments(Uuid, Uuid),
    Comment(Uuid, Uuid),
    /// Lists that this fake always answers without rows; the text is their `Allow`.
    EmptyPage((Uuid, &'static str)),
    Relations(Uuid),
    Attachments(Uuid),
}

impl<'p> Place<'p> {
    /// The place of a path with its final slash; none is a 404.
    pub(super) fn find(path: &'p str, version: Version) -> Option<Self> {
        if path == "/" {
            return Some(Self {
                slug: "",
                endpoint: Endpoint::Root,
            });
        }
        let inner = path.strip_prefix('/')?.strip_suffix('/')?;
        let segments: Vec<&str> = inner.split('/').collect();
        let place = |slug, endpoint| Some(Self { slug, endpoint });
        match *segments.as_slice() {
            ["api", "instances"] => place("", Endpoint::Instance),
            ["api", "v1", "users", "me"] if version > Version::V0_27 => place("", Endpoint::Me),
            ["api", "workspaces", slug, "projects"] => {
                place(slug, Endpoint::Internal("GET, POST, HEAD, OPTIONS"))
            }
            ["api", "workspaces", slug, "webhooks"] => place(
                slug,
                Endpoint::Internal("GET, POST, PATCH, DELETE, HEAD, OPTIONS"),
            ),
            ["api", "v1", "workspaces", slug] if !slug.is_empty() => {
                place(slug, Endpoint::Internal("GET, HEAD, OPTIONS"))
            }
            ["api", "v1", "workspaces", slug, ref rest @ ..] => {
                place(slug, in_workspace(rest, version)?)
            }
            _ => None,
        }
    }

    /// Whether the user may, before anything is looked up.
    pub(super) fn admits(&self, state: &State, user: Uuid, method: &Method) -> bool {
        use Endpoint as E;
        let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let workspace = state.workspace(self.slug);
        let role = workspace.and_then(|workspace| workspace.role(user));
        // Membership of the workspace is not asked for inside projects (`auth-22`).
        let project_role = |id: Uuid| {
            let project = state.project(id)?;
            (Some(project.workspace) == workspace.map(|w| w.id)).then(|| project.role(user))?
        };
        let in_project = |id: Uuid| match is_safe {
            true => project_role(id).is_some(),
            false => project_role(id) >= Some(Role::Member),
        };
        let in_any_project = || {
            let mut projects = state.projects.iter();
            projects.any(|p| Some(p.workspace) == workspace.map(|w| w.id) && p.role(user).is_some())
        };
        match self.endpoint {
            E::Root | E::Instance | E::Me => true,
            E::Internal(_) => false,
            E::WorkspaceMembers | E::Summary(_) => role >= Some(Role::Member),
            E::Stickies => role.is_some(),
            E::Invitations => role >= Some(Role::Admin),
            E::Search => role.is_some(),
            E::Projects => match *method {
                Method::POST => role >= Some(Role::Member),
                _ => is_safe && role.is_some(),
            },
            E::Project(id) => match is_safe {
                true => role.is_some(),
                false => {
                    let own = project_role(id);
                    *method == Method::POST && role >= Some(Role::Member)
                        || own == Some(Role::Admin)
                        || own.is_some() && role == Some(Role::Admin)
                }
            },
            E::Archive(id) => project_role(id) == Some(Role::Admin),
            E::ProjectMembers(_) if is_safe => in_any_project(),
            E::ProjectMembers(id) => project_role(id) == Some(Role::Admin),
            // A hole that Plane has: members may create labels in projects that they are not in (`write-36`).
            E::Labels(id) | E::Label(id, _) => match *method {
                _ if is_safe => in_any_project(),
                Method::POST => role >= Some(Role::Member),
                _ => project_role(id) >= Some(Role::Member),
            },
            E::ItemCalled(name) => {
                let identifier = name
                    .rsplit_once('-')
                    .map_or("", |(identifier, _)| identifier);
                let project = state.project_called(self.slug, identifier);
                project.is_some_and(|project| project.role(user).is_some())
            }
            E::Items(id)
            | E::Item(id, _)
            | E::States(id)
            | E::State(id, _)
            | E::Cycles(id)
            | E::Cycle(id, _)
            | E::CycleItems(id, _)
            | E::Modules(id)
            | E::Module(id, _)
            | E::ModuleItems(id, _)
            | E::Comments(id, _)
            | E::Comment(id, _)
            | E::EmptyPage((id, _))
            | E::Relations(id)
            | E::Attachments(id) => in_project(id),
        }
    }
}

impl Endpoint<'_> {
    /// The `Allow` header.
    pub(super) fn allow(&self) -> &'static str {
        use Endpoint as E;
        match self {
            E::Root => "",
            E::Internal(methods) | E::EmptyPage((_, methods)) => methods,
            E::Instance => "GET, PATCH, HEAD, OPTIONS",
            E::Stickies | E::Invitations => "GET, POST, HEAD, OPTIONS",
            E::Me | E::WorkspaceMembers | E::Summary(_) | E::ItemCalled(_) | E::Search => "GET",
            E::Archive(_) => "POST, DELETE",
            E::Project(_)
            | E::Item(..)
            | E::Label(..)
            | E::State(..)
            | E::Cycle(..)
            | E::Module(..)
            | E::Comment(..) => "GET, PATCH, DELETE",
            _ => "GET, POST",
        }
    }

    /// View sets answer without the rate limit's headers (`sub-27`).
    pub(super) fn is_throttled(&self) -> bool {
        !matches!(self, Endpoint::Stickies | Endpoint::Invitations)
    }
}

fn in_workspace<'p>(rest: &[&'p str], version: Version) -> Option<Endpoint<'p>> {
    let items = |name: &str| name == "issues" || name == "work-items" && version >= Version::V1_3_1;
    Some(match *rest {
        ["projects"] => Endpoint::Projects,
        ["members"] if version > Version::V0_27 => Endpoint::WorkspaceMembers,
        ["stickies"] => Endpoint::Stickies,
        ["invitations"] => Endpoint::Invitations,
        [name, "search"] if items(name) => Endpoint::Search,
        [name, called] if items(name) && called.contains('-') => Endpoint::ItemCalled(called),
        ["projects", project, ref rest @ ..] => in_project(uuid(project)?, rest, version)?,
        _ => return None,
    })
}

fn in_project<'p>(p: Uuid, rest: &[&str], version: Version) -> Option<Endpoint<'p>> {
    use Endpoint as E;
    let items = |name: &str| name == "issues" || name == "work-items" && version >= Version::V1_3_1;
    Some(match *rest {
        [] => E::Project(p),
        ["archive"] => E::Archive(p),
        ["summary"] if version >= Version::V1_3_1 => E::Summary(p),
        ["members"] if version > Version::V0_27 => E::ProjectMembers(p),
        ["project-members"] if version >= Version::V1_3_1 => E::ProjectMembers(p),
        ["labels"] => E::Labels(p),
        ["labels", id] => E::Label(p, uuid(id)?),
        ["states"] => E::States(p),
        ["states", id] => E::State(p, uuid(id)?),
        ["cycles"] => E::Cycles(p),
        ["cycles", id] => E::Cycle(p, uuid(id)?),
        ["cycles", id, "cycle-issues"] => E::CycleItems(p, uuid(id)?),
        ["modules"] => E::Modules(p),
        ["modules", id] => E::Module(p, uuid(id)?),
        ["modules", id, "module-issues"] => E::ModuleItems(p, uuid(id)?),
        ["archived-cycles" | "archived-modules"] => E::EmptyPage((p, "GET")),
        ["intake-issues"] => E::EmptyPage((p, "GET, POST")),
        [name] if items(name) => E::Items(p),
        [name, id] if items(name) => E::Item(p, uuid(id)?),
        [name, id, "comments"] if items(name) => E::Comments(p, uuid(id)?),
        [name, id, "comments", comment] if items(name) => {
            uuid(id)?;
            E::Comment(p, uuid(comment)?)
        }
        [name, id, "activities"] if items(name) => {
            uuid(id)?;
            E::EmptyPage((p, "GET"))
        }
        [name, id, "links"] if items(name) => {
            uuid(id)?;
            E::EmptyPage((p, "GET, POST"))
        }
        ["work-items", id, "relations"] if items("work-items") => {
            uuid(id)?;
            E::Relations(p)
        }
        ["work-items", id, "attachments"] | ["issues", id, "issue-attachments"]
            if items(rest[0]) =>
        {
            uuid(id)?;
            E::Attachments(p)
        }
        _ => return None,
    })
}

/// Django's converter takes lower-case hex with hyphens alone; anything else is another path.
fn uuid(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    (id.hyphenated().to_string() == text).then_some(id)
}
