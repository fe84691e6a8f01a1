use std::{collections::HashMap, convert::Infallible, time::Duration};

use app::{BulkReport, Failure, IntegrationForm, Visit, bulk::live};
use axum::{
    Extension, Form, Json,
    extract::{Path, State},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use domain::{
    actor::User,
    bulk::BulkState,
    connection_test::TestProgress,
    ids::{BulkId, RunId},
    run::SyncRun,
};
use futures::{Stream, StreamExt as _, stream};
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::HttpState;
use crate::{changes::next_change, integrations::TestTarget};

/// Items of a bulk operation may end one right after the other.
const GATHER: Duration = Duration::from_millis(200);

/// A run, whole, as JSON: now, and whenever it has changed, until it is finished.
pub(super) async fn run(
    State(state): State<HttpState>,
    Extension(visit): Extension<Visit>,
    Path(id): Path<RunId>,
) -> Response {
    let Some(viewer) = visit.user.map(User::viewer) else {
        return refuse(Failure::SignIn);
    };
    let first = match state.portal.backend.runs.run(&viewer, id).await {
        Ok(run) => run,
        Err(failure) => return refuse(failure),
    };
    let changes = state.portal.sync.changes();
    let start = Watching {
        shown: None,
        next: Some(first),
        changes,
        done: false,
    };
    let runs = state.portal.backend.runs.clone();
    let events = stream::unfold(start, move |mut watching| {
        let runs = runs.clone();
        let viewer = viewer.clone();
        async move {
            if watching.done {
                return None;
            }
            loop {
                let run = match watching.next.take() {
                    Some(run) => run,
                    None => {
                        next_change(&mut watching.changes, &id).await;
                        runs.run(&viewer, id).await.ok()?
                    }
                };
                if watching.shown.as_ref() != Some(&run) {
                    watching.done = run.finished_at.is_some();
                    let event = Event::default().event("changed").json_data(&run).ok()?;
                    watching.shown = Some(run);
                    return Some((Ok::<_, Infallible>(event), watching));
                }
            }
        }
    });
    sse(events)
}

struct Watching {
    shown: Option<SyncRun>,
    next: Option<SyncRun>,
    changes: broadcast::Receiver<RunId>,
    done: bool,
}

/// A bulk operation as `app::bulk::live::Event`: whole at first, then what has changed, until it is over.
pub(super) async fn bulk(
    State(state): State<HttpState>,
    Extension(visit): Extension<Visit>,
    Path(id): Path<BulkId>,
) -> Response {
    let Some(viewer) = visit.user.map(User::viewer) else {
        return refuse(Failure::SignIn);
    };
    let portal = state.portal;
    let changes = portal.bulk.changes();
    let first = match portal.backend.bulk.operation(&viewer, id).await {
        Ok(report) => report,
        Err(failure) => return refuse(failure),
    };
    let start = (None, Some(first), changes);
    let events = stream::unfold(start, move |(mut shown, mut next, mut changes)| {
        let (portal, viewer) = (portal.clone(), viewer.clone());
        async move {
            if shown.as_ref().is_some_and(is_over) {
                return None;
            }
            loop {
                let report = match next.take() {
                    Some(report) => report,
                    None => {
                        tokio::select! {
                            () = portal.bulk.stopped() => return None,
                            () = next_change(&mut changes, &id) => {}
                        }
                        // What changes at once is told at once.
                        tokio::time::sleep(GATHER).await;
                        portal.backend.bulk.operation(&viewer, id).await.ok()?
                    }
                };
                if shown.as_ref() != Some(&report) {
                    let now = portal.clock.now();
                    let told = live::Event::since(shown.as_ref(), &report, now);
                    let event = Event::default().event("bulk").json_data(&told).ok()?;
                    shown = Some(report);
                    return Some((Ok::<_, Infallible>(event), (shown, None, changes)));
                }
            }
        }
    });
    sse(events)
}

/// That webhooks brought something, or that it was applied: an event each time, at most a few a second.
pub(super) async fn webhooks(
    State(state): State<HttpState>,
    Extension(visit): Extension<Visit>,
) -> Response {
    if visit.user.is_none() {
        return refuse(Failure::SignIn);
    }
    let inbox = state.portal.inbox.clone();
    let changes = inbox.changes();
    let events = stream::unfold((true, changes), move |(is_first, mut changes)| {
        let inbox = inbox.clone();
        async move {
            if !is_first {
                // One that is too slow for all of them only missed how many there were.
                tokio::select! {
                    () = inbox.stopped() => return None,
                    _ = changes.recv() => {}
                }
                tokio::time::sleep(GATHER).await;
                while changes.try_recv().is_ok() {}
            }
            let event = Event::default().event("changed").data("{}");
            Some((Ok::<_, Infallible>(event), (false, changes)))
        }
    });
    sse(events)
}

fn is_over(report: &BulkReport) -> bool {
    report.operation.state == BulkState::Finished
}

/// Makes a connection test, of a saved integration (`id`) or of a form, and streams its stages as they happen.
pub(super) async fn connection_test(
    State(state): State<HttpState>,
    Extension(visit): Extension<Visit>,
    Form(fields): Form<HashMap<String, String>>,
) -> Response {
    let Some(user) = visit.user else {
        return refuse(Failure::SignIn);
    };
    let Some(admin) = user.admin() else {
        return refuse(Failure::Forbidden);
    };
    let target = match fields.get("id").map(|id| id.parse()) {
        Some(Ok(id)) => TestTarget::Saved(id),
        Some(Err(_)) => return refuse(Failure::NotFound),
        None => TestTarget::Form(Box::new(form(&fields))),
    };

    let (send, receive) = mpsc::unbounded_channel::<TestProgress>();
    let integrations = state.portal.integrations.clone();
    let prepared = match integrations.prepare_test(&admin, target).await {
        Ok(prepared) => prepared,
        Err(failure) => return refuse(failure),
    };
    // Goes on when the page is left, so that the result is kept.
    tokio::spawn(async move {
        if let Err(failure) = integrations
            .run_test(prepared, |progress| drop(send.send(progress)))
            .await
        {
            tracing::warn!(%failure, "a connection test was not kept");
        }
    });
    sse(
        UnboundedReceiverStream::new(receive).filter_map(async |progress| {
            Event::default()
                .event("test")
                .json_data(&progress)
                .ok()
                .map(Ok::<_, Infallible>)
        }),
    )
}

fn form(fields: &HashMap<String, String>) -> IntegrationForm {
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    IntegrationForm {
        integration_name: field("integration_name"),
        description: field("description"),
        base_url: field("base_url"),
        workspace: field("workspace"),
        project_id: field("project_id"),
        auth_scheme: field("auth_scheme"),
        interval_minutes: field("interval_minutes"),
        quiet_from: field("quiet_from"),
        quiet_to: field("quiet_to"),
        quiet_zone: field("quiet_zone"),
        test_minutes: field("test_minutes"),
        key_expires_on: field("key_expires_on"),
        tags: field("tags"),
        api_key: field("api_key"),
        integration: field("integration").parse().ok(),
        version: field("version").parse().ok(),
        draft: field("draft").parse().ok(),
    }
}

pub(super) fn sse(
    events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
) -> Response {
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response();
    // nginx buffers what it proxies unless it is told not to.
    response
        .headers_mut()
        .insert("x-accel-buffering", http::HeaderValue::from_static("no"));
    response
}

pub(super) fn refuse(failure: Failure) -> Response {
    (failure.status(), Json(failure)).into_response()
}
