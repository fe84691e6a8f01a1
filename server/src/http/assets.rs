use std::borrow::Cow;

use app::Assets;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::RustEmbed;
use serde::Deserialize;

/// Addresses of the built style sheet and scripts; `None` for what was not built.
pub fn manifest() -> Assets {
    let manifest = Manifest::read(embedded);
    let address = |path: Option<String>| path.map(|path| format!("/{path}"));
    Assets {
        css: address(manifest.css),
        js: address(manifest.js),
        wasm: address(manifest.wasm),
        dev_reload: false,
    }
}

/// Serves `/pkg/…` and the public files, each as small as the browser can take it.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    router_of(embedded)
}

/// What `cargo xtask build` made. A release build holds it, a debug build reads it from disk.
#[derive(RustEmbed)]
#[folder = "../target/site"]
#[allow_missing = true]
struct Site;

/// A file of the site and the hash of its content.
struct File {
    content: Cow<'static, [u8]>,
    hash: [u8; 32],
}

/// Finds a file by its path in the site.
type Files = fn(&str) -> Option<File>;

fn embedded(path: &str) -> Option<File> {
    let file = Site::get(path)?;
    Some(File {
        content: file.data,
        hash: file.metadata.sha256_hash(),
    })
}

#[derive(Default, Deserialize)]
struct Manifest {
    css: Option<String>,
    js: Option<String>,
    wasm: Option<String>,
    #[serde(default)]
    public: Vec<String>,
}

impl Manifest {
    fn read(files: Files) -> Self {
        // A portal whose site was not built still starts: its pages work without style and scripts.
        files("manifest.json")
            .and_then(|file| serde_json::from_slice(&file.content).ok())
            .unwrap_or_default()
    }
}

fn router_of<S: Clone + Send + Sync + 'static>(files: Files) -> Router<S> {
    let answer = move |request: Request| async move { answer(files, &request) };
    let router = Router::new().route("/pkg/{*path}", get(answer));
    let public = Manifest::read(files).public;
    public.into_iter().fold(router, |router, path| {
        router.route(&format!("/{path}"), get(answer))
    })
}

fn answer(files: Files, request: &Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let encodings = accepted_encodings(request.headers());
    let compressed = encodings
        .iter()
        .find_map(|(name, extension)| Some((files(&format!("{path}.{extension}"))?, Some(*name))));
    let Some((file, encoding)) = compressed.or_else(|| Some((files(path)?, None))) else {
        return (
            StatusCode::NOT_FOUND,
            [(header::CACHE_CONTROL, "no-store")],
            "not found\n",
        )
            .into_response();
    };

    let tag = format!("\"{}\"", hex::encode(&file.hash[..12]));
    let cache = if path.starts_with("pkg/") {
        // The name holds the content's hash.
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=3600"
    };
    let mut response = if is_known(request.headers(), &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(file.content));
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type(path));
        if let Some(encoding) = encoding {
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// The encodings that we have and the browser takes, smallest first: their names and file extensions.
fn accepted_encodings(headers: &HeaderMap) -> Vec<(&'static str, &'static str)> {
    let accepts = |wanted: &str| {
        let values = headers.get_all(header::ACCEPT_ENCODING).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|choice| {
                let (name, quality) = choice.split_once(';').unwrap_or((choice, "q=1"));
                let quality = quality.trim().trim_start_matches("q=").parse::<f32>();
                name.trim().eq_ignore_ascii_case(wanted) && quality.is_ok_and(|q| q > 0.0)
            })
    };
    [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(name, _)| accepts(name))
        .collect()
}

/// Whether the browser says that it already has the content with this tag.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == tag || known == "*")
}

fn content_type(path: &str) -> HeaderValue {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let kind = match kind.type_() {
        mime_guess::mime::TEXT => format!("{kind}; charset=utf-8"),
        _ => kind.to_string(),
    };
    HeaderValue::try_from(kind).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    fn built(path: &str) -> Option<File> {
        let content: &'static [u8] = match path {
            "manifest.json" => {
                br#"{"css":"pkg/main-1.css","js":"pkg/hangar-2.js","wasm":"pkg/hangar-3_bg.wasm","public":["robots.txt","favicon.svg"]}"#
            }
            "pkg/hangar-3_bg.wasm" => b"\0asm whole",
            "pkg/hangar-3_bg.wasm.br" => b"brotli",
            "pkg/hangar-3_bg.wasm.gz" => b"gzip",
            "pkg/main-1.css" => b"body{}",
            "robots.txt" => b"User-agent: *\n",
            "favicon.svg" => b"<svg/>",
            _ => return None,
        };
        let mut hash = [0; 32];
        hash[0] = u8::try_from(content.len()).unwrap();
        Some(File {
            content: content.into(),
            hash,
        })
    }

    async fn ask(
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = router_of(built).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (
            parts.status,
            parts.headers,
            body.collect().await.unwrap().to_bytes().to_vec(),
        )
    }

    #[tokio::test]
    async fn a_hashed_file_is_kept_for_ever() {
        let (status, headers, body) = ask(Method::GET, "/pkg/hangar-3_bg.wasm", &[]).await;

        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            headers["cache-control"],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(headers["content-type"], "application/wasm");
        assert_eq!(headers["vary"], "accept-encoding");
        assert!(!headers.contains_key("content-encoding"));
        assert_eq!(body, b"\0asm whole");
    }

    #[tokio::test]
    async fn the_smallest_encoding_that_the_browser_takes_is_sent() {
        for (accepted, sent, body) in [
            ("gzip, deflate, br, zstd", Some("br"), &b"brotli"[..]),
            ("gzip;q=1.0, br;q=0.5", Some("br"), b"brotli"),
            ("gzip, br;q=0", Some("gzip"), b"gzip"),
            ("GZIP", Some("gzip"), b"gzip"),
            ("identity", None, b"\0asm whole"),
        ] {
            let headers = [("accept-encoding", accepted)];
            let (_, headers, got) = ask(Method::GET, "/pkg/hangar-3_bg.wasm", &headers).await;
            let encoding = headers
                .get("content-encoding")
                .map(|value| value.to_str().unwrap());
            assert_eq!((encoding, &*got), (sent, body), "{accepted}");
            assert_eq!(headers["content-type"], "application/wasm");
        }
    }

    #[tokio::test]
    async fn a_file_without_a_compressed_copy_is_sent_as_it_is() {
        let (_, headers, body) = ask(
            Method::GET,
            "/pkg/main-1.css",
            &[("accept-encoding", "br, gzip")],
        )
        .await;

        assert_eq!(headers["content-type"], "text/css; charset=utf-8");
        assert!(!headers.contains_key("content-encoding"));
        assert_eq!(body, b"body{}");
    }

    #[tokio::test]
    async fn a_public_file_that_has_not_changed_is_not_sent_again() {
        let (_, headers, _) = ask(Method::GET, "/robots.txt", &[]).await;
        let tag = headers["etag"].to_str().unwrap().to_owned();
        assert_eq!(headers["cache-control"], "public, max-age=3600");

        for known in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"other\", {tag}"),
            "*".to_owned(),
        ] {
            let (status, headers, body) =
                ask(Method::GET, "/robots.txt", &[("if-none-match", &known)]).await;
            assert_eq!(status, StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(headers["etag"], tag.as_str());
            assert!(body.is_empty());
        }
        let (status, ..) = ask(
            Method::GET,
            "/robots.txt",
            &[("if-none-match", "\"other\"")],
        )
        .await;
        assert_eq!(status, StatusCode::OK);
    }

    #[tokio::test]
    async fn two_encodings_of_a_file_have_two_tags() {
        let (_, plain, _) = ask(Method::GET, "/pkg/hangar-3_bg.wasm", &[]).await;
        let (_, small, _) = ask(
            Method::GET,
            "/pkg/hangar-3_bg.wasm",
            &[("accept-encoding", "br")],
        )
        .await;

        assert_ne!(plain["etag"], small["etag"]);
    }

    #[tokio::test]
    async fn asking_for_the_headers_alone_tells_the_length() {
        let (status, headers, body) = ask(Method::HEAD, "/favicon.svg", &[]).await;

        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["content-type"], "image/svg+xml");
        assert_eq!(headers["content-length"], "6");
        assert!(body.is_empty());
    }

    #[tokio::test]
    async fn what_is_not_in_the_site_is_not_found_and_not_remembered() {
        for path in [
            "/pkg/old-1.js",
            "/pkg/../manifest.json",
            "/pkg/%2e%2e/manifest.json",
        ] {
            let (status, headers, _) = ask(Method::GET, path, &[]).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(headers["cache-control"], "no-store");
        }
        let (status, ..) = ask(Method::GET, "/manifest.json", &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let (status, ..) = ask(Method::POST, "/robots.txt", &[]).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    }

    #[tokio::test]
    async fn without_a_built_site_there_are_no_scripts_and_no_public_files() {
        let nothing: Files = |_| None;
        assert!(Manifest::read(nothing).js.is_none());

        let request = Request::builder()
            .uri("/robots.txt")
            .body(Body::empty())
            .unwrap();
        let response = router_of::<()>(nothing).oneshot(request).await.unwrap();

        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn a_path_cannot_leave_the_folder_that_a_debug_build_reads() {
        assert!(embedded("../../Cargo.toml").is_none());
        assert!(embedded("pkg/../../../Cargo.toml").is_none());
    }
}
