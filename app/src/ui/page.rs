use std::future::Future;

use domain::actor::Viewer;
use leptos::prelude::*;

use super::failure_view::FailureView;
use crate::{Draft, Failure, query::Query};

/// A page: its data, then its view; a failure becomes the page that helps, with the right status.
/// `load` starts with the guard.
pub fn loaded<T, V>(
    load: impl Future<Output = Result<T, Failure>> + Send + 'static,
    view: impl FnOnce(T) -> V + Send + 'static,
) -> AnyView
where
    T: Send + 'static,
    V: IntoView + 'static,
{
    let page = Suspend::new(async move {
        match load.await {
            Ok(data) => view(data).into_any(),
            Err(failure) => view! { <FailureView failure/> }.into_any(),
        }
    });
    view! { <Suspense>{page}</Suspense> }.into_any()
}

/// The guard of a page.
pub fn signed_in() -> Result<Viewer, Failure> {
    crate::viewer()
}

/// The form that came back to this visitor (`?draft=`), or an empty one. Before the data of a page is loaded: it reads no context after waiting.
pub async fn draft_of(query: &Query) -> Result<Draft, Failure> {
    let Some(id) = query.parsed("draft") else {
        return Ok(Draft::default());
    };
    let viewer = crate::viewer().ok();
    Ok(crate::backend()
        .accounts
        .draft(viewer.as_ref(), id)
        .await?
        .unwrap_or_default())
}
