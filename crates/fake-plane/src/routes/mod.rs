//! From a request to an answer, in Plane's order: route, key, permission, rate limit, method, handler.

/// Requests, read.
mod asked;
/// Comments of work items.
mod comments;
/// `/cycles/` and `/modules/`.
mod cycles;
/// `/labels/` and `/states/`.
mod labels;
/// Paths, and who may ask what.
mod place;
/// `/projects/`.
mod projects;
/// Answers and their headers.
mod reply;
/// What answers without a project: the server itself, users and members.
mod server;
/// Creating, changing and deleting work items.
mod work_item_writes;
/// `/work-items/`, alias `/issues/`.
mod work_items;

use std::sync::{Arc, RwLockReadGuard};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State as Extracted};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::{Router, routing};
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::connection::Switch;
use crate::faults::{self, What};
use crate::paging::{self, LARGEST, PageError, Window};
use crate::rows::View;
use crate::state::State;
use crate::{Seen, Shared, admin, lock};

use asked::{Asked, accepts_gzip, without_keys};
use place::{Endpoint, Place};
use reply::Reply;

/// Plane's own limit for a body (`write-09`).
const LARGEST_BODY: usize = 5 * 1024 * 1024;

/// The whole server.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .nest("/__fake", admin::router())
        .fallback(routing::any(answer))
        .with_state(shared)
}

/// One request: the faults that strike it, the answer, a line in the log.
async fn answer(
    Extracted(shared): Extracted<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Switch>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let at = shared.clock.now();
    let place_in_log = {
        let mut seen = lock(&shared.seen);
        let method = parts.method.to_string();
        seen.push(Seen {
            method,
            path: path.clone(),
            query: without_keys(&query),
            status: 0,
            at,
        });
        seen.len() - 1
    };
    let log = |status: StatusCode| {
        // The log may have been emptied meanwhile.
        if let Some(seen) = lock(&shared.seen).get_mut(place_in_log) {
            seen.status = status.as_u16();
        }
    };

    let (latency, fault) = lock(&shared.faults).strike(&format!("{path}?{query}"));
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match fault {
        Some(What::Drop) => {
            connection.kill();
            return Response::new(Body::empty());
        }
        Some(What::Reset) => {
            connection.reset();
            return Response::new(Body::empty());
        }
        // Until the client gives up.
        Some(What::Silent) => std::future::pending().await,
        Some(What::Trickle) => connection.trickle(),
        _ => {}
    }
    if let Some(answer) = fault.as_ref().and_then(What::answer) {
        log(answer.status());
        return answer;
    }

    let mut asked = Asked::new(parts.method, path, &query, &parts.headers);
    let page = asked.param("cursor").and_then(paging::page_of).unwrap_or(0);
    if fault.as_ref().is_some_and(What::ignores_cursor) {
        asked.params.retain(|(name, _)| name != "cursor");
    }
    let mut reply = match read(body).await {
        Some(body) => {
            asked.body = body;
            answer_asked(&shared, &asked)
        }
        None => Reply::too_large(),
    };
    if let Some(fault) = &fault {
        reply.body = fault.spoil(reply.body, page);
    }
    log(reply.status);
    let body = match fault {
        Some(What::SlowBytes(rate)) => Some(faults::slowly(reply.body.clone(), rate)),
        _ => None,
    };
    reply.render(accepts_gzip(&parts.headers), body)
}

/// The body, or none when it is too large. It is read to its end then too, so that the client gets to the answer.
async fn read(mut body: Body) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    let mut is_too_large = false;
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        is_too_large |= read.len() + bytes.len() > LARGEST_BODY;
        if !is_too_large {
            read.extend_from_slice(&bytes);
        }
    }
    (!is_too_large).then_some(read)
}

/// What Plane would say.
fn answer_asked(shared: &Arc<Shared>, asked: &Asked) -> Reply {
    let Some(place) = Place::find(&asked.path, shared.version) else {
        let with_slash = format!("{}/", asked.path);
        return match Place::find(&with_slash, shared.version) {
            Some(_) => Reply::add_slash(&with_slash, &asked.query),
            None => Reply::no_such_page(),
        };
    };
    let endpoint = place.endpoint;
    match endpoint {
        Endpoint::Root => return Reply::raw(200, r#"{"status": "OK"}"#).without_cookie(),
        Endpoint::Instance => return server::instance(shared).allow(endpoint.allow()),
        Endpoint::Internal(_) => return Reply::no_key().allow(endpoint.allow()),
        _ => {}
    }
    let now = shared.clock.now();
    let state = shared
        .state
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(key_value) = asked.key.as_deref().filter(|key| !key.is_empty()) else {
        return Reply::no_key().without_cookie().allow(endpoint.allow());
    };
    let key = state.keys.get(key_value).cloned();
    let is_valid = key
        .as_ref()
        .is_some_and(|key| key.active && key.expires_at.is_none_or(|expires_at| expires_at > now));
    let Some(key) = key.filter(|_| is_valid) else {
        return Reply::bad_key().without_cookie().allow(endpoint.allow());
    };
    if !place.admits(&state, key.user, &asked.method) {
        return Reply::no_permission().allow(endpoint.allow());
    }
    drop(state);

    let allowance = if endpoint.is_throttled() {
        match lock(&shared.limit).admit(key_value, key.per_minute, now) {
            Ok(allowance) => allowance,
            Err(wait) => return Reply::too_many(wait.retry_after).allow(endpoint.allow()),
        }
    } else {
        None
    };
    let context = Context {
        shared,
        asked,
        user: key.user,
        slug: place.slug,
    };
    let reply = handle(&context, endpoint).unwrap_or_else(|refusal| refusal);
    reply.allow(endpoint.allow()).allowed(allowance)
}

fn handle(context: &Context, endpoint: Endpoint) -> Answer {
    use Endpoint as E;
    match (endpoint, &context.asked.method) {
        (E::Me, &Method::GET) => server::me(context),
        (E::WorkspaceMembers, &Method::GET) => server::workspace_members(context),
        (E::Stickies, &Method::GET) => context.empty_page(20),
        (E::Projects, &Method::GET) => projects::list(context),
        (E::Projects, &Method::POST) => projects::create(context),
        (E::Project(id), &Method::GET) => projects::detail(context, id),
        (E::Project(id), &Method::PATCH) => projects::update(context, id),
        (E::Project(id), &Method::DELETE) => projects::delete(context, id),
        (E::Archive(id), &Method::POST | &Method::DELETE) => projects::archive(context, id),
        (E::Summary(id), &Method::GET) => projects::summary(context, id),
        (E::ProjectMembers(id), &Method::GET) => projects::members(context, id),
        (E::Items(p), &Method::GET) => work_items::list(context, p),
        (E::Items(p), &Method::POST) => work_item_writes::create(context, p),
        (E::Item(p, id), &Method::GET) => work_items::detail(context, p, id),
        (E::Item(p, id), &Method::PATCH) => work_item_writes::update(context, p, id),
        (E::Item(p, id), &Method::DELETE) => work_item_writes::delete(context, p, id),
        (E::ItemCalled(name), &Method::GET) => work_items::called(context, name),
        (E::Search, &Method::GET) => work_items::search(context),
        (E::Labels(p), &Method::GET) => labels::list(context, p),
        (E::Labels(p), &Method::POST) => labels::create(context, p),
        (E::Label(p, id), &Method::GET) => labels::detail(context, p, id),
        (E::Label(p, id), &Method::PATCH) => labels::update(context, p, id),
        (E::Label(p, id), &Method::DELETE) => labels::delete(context, p, id),
        (E::States(p), &Method::GET) => labels::states(context, p),
        (E::State(p, id), &Method::GET) => labels::state(context, p, id),
        (E::State(p, id), &Method::PATCH) => labels::update_state(context, p, id),
        (E::Cycles(p), &Method::GET) => cycles::list(context, p),
        (E::Cycles(p), &Method::POST) => cycles::create(context, p),
        (E::Cycle(p, id), &Method::GET) => cycles::detail(context, p, id),
        (E::Cycle(p, id), &Method::PATCH) => cycles::update(context, p, id),
        (E::Cycle(p, id), &Method::DELETE) => cycles::delete(context, p, id),
        (E::CycleItems(p, id), &Method::GET) => cycles::items(context, p, id),
        (E::CycleItems(p, id), &Method::POST) => cycles::add_items(context, p, id),
        (E::Modules(p), &Method::GET) => cycles::modules(context, p),
        (E::Modules(p), &Method::POST) => cycles::create_module(context, p),
        (E::Module(p, id), &Method::GET) => cycles::module(context, p, id),
        (E::Module(p, id), &Method::PATCH) => cycles::update_module(context, p, id),
        (E::Module(p, id), &Method::DELETE) => cycles::delete_module(context, p, id),
        (E::ModuleItems(p, id), &Method::GET) => cycles::module_items(context, p, id),
        (E::ModuleItems(p, id), &Method::POST) => cycles::add_module_items(context, p, id),
        (E::Comments(p, item), &Method::GET) => comments::list(context, p, item),
        (E::Comments(p, item), &Method::POST) => comments::create(context, p, item),
        (E::Comment(p, id), &Method::PATCH) => comments::update(context, p, id),
        (E::Comment(p, id), &Method::DELETE) => comments::delete(context, p, id),
        (E::EmptyPage(_), &Method::GET) => context.empty_page(LARGEST),
        (E::Relations(_), &Method::GET) => Ok(server::no_relations()),
        (E::Attachments(_), &Method::GET) => Ok(Reply::raw(200, "[]")),
        (_, method) => Ok(Reply::no_method(method.as_str())),
    }
}

/// A refusal is an answer too; `?` ends a handler with it.
type Answer = Result<Reply, Reply>;

/// What a handler knows about the request.
struct Context<'a> {
    shared: &'a Arc<Shared>,
    asked: &'a Asked,
    user: Uuid,
    slug: &'a str,
}

impl Context<'_> {
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.shared
            .state
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// How this request wants its rows.
    fn view<'v>(&'v self, state: &'v State) -> View<'v> {
        View::new(
            state,
            self.user,
            self.asked.param("fields"),
            self.asked.param("expand"),
        )
    }

    fn window(&self, default_size: i64) -> Result<Window, Reply> {
        let (per_page, cursor) = (self.asked.param("per_page"), self.asked.param("cursor"));
        let largest = self.shared.largest_page;
        Window::read(per_page, cursor, default_size, largest).map_err(|error| match error {
            PageError::Refused(detail) => Reply::detail(400, detail),
            PageError::TooLarge(largest) => {
                let detail = format!("Invalid per_page value. Cannot exceed {largest}.");
                Reply::detail(400, &detail)
            }
            PageError::Crash => Reply::crash(),
        })
    }

    /// One page of rows that are made on demand.
    fn page<T, R: serde::Serialize>(&self, all: &[T], show: impl Fn(&T) -> R) -> Answer {
        let window = self.window(LARGEST)?;
        let rows = all[window.of(all.len())].iter().map(show).collect();
        Ok(Reply::json(200, &window.envelope(all.len(), rows)))
    }

    fn empty_page(&self, default_size: i64) -> Answer {
        let window = self.window(default_size)?;
        Ok(Reply::json(200, &window.envelope(0, Vec::<()>::new())))
    }

    fn body(&self) -> Result<Map<String, Value>, Reply> {
        self.asked.members()
    }
}
