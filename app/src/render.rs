use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use leptos::prelude::IntoView;

/// Answers a request with a document (`shell::shell`, `shell::failure_document`), whole, with the status its page has set.
/// The framework always adds scripts with the data of resources after the document; pages here have none, so they are cut off,
/// and a page without islands has no script at all.
pub async fn render<V: IntoView + 'static>(
    request: Request<Body>,
    provide: impl Fn() + Clone + Send + Sync + 'static,
    document: impl Fn() -> V + Clone + Send + Sync + 'static,
) -> Response {
    let response = leptos_axum::render_app_async_with_context(provide, document)(request).await;
    let (mut parts, body) = response.into_parts();
    let Ok(page) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    let page = page.slice(..end_of_document(&page));
    Response::from_parts(parts, Body::from(page))
}

fn end_of_document(page: &[u8]) -> usize {
    const END: &[u8] = b"</html>";
    page.windows(END.len())
        .rposition(|window| window == END)
        .map_or(page.len(), |at| at + END.len())
}

#[cfg(test)]
mod tests {
    use super::end_of_document;

    #[test]
    fn what_follows_the_document_is_cut_off() {
        assert_eq!(end_of_document(b"<html></html><script>x</script>"), 13);
        assert_eq!(end_of_document(b"<html>"), 6);
        assert_eq!(end_of_document(b""), 0);
    }
}
