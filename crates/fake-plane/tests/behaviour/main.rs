//! What a client meets beyond the recordings: faults, limits, roles, changes between pages, webhooks, TLS.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod admin;
mod changes;
mod faults;
mod process;
mod seeds;
mod tls;
mod webhooks;

use std::sync::Arc;

use fake_plane::{FakePlane, Options, Role};
use serde_json::Value;

struct Acme {
    plane: FakePlane,
    key: String,
    project: uuid::Uuid,
    http: reqwest::Client,
}

impl Acme {
    async fn start(options: Options, items: u32) -> Self {
        let plane = FakePlane::start(options).await;
        let (key, project) = plane.given(|state| {
            state.add_workspace("acme", "Acme");
            let inge = state.add_user("Inge", "Integration");
            state.join_workspace("acme", inge, Role::Member);
            let project = state.add_project("acme", "Web Platform", "WEB");
            state.join_project(project, inge, Role::Admin);
            state.add_usual_labels(project);
            state.add_items(project, items);
            (state.add_key(inge, "integration"), project)
        });
        Self {
            plane,
            key,
            project,
            http: client(),
        }
    }

    async fn status(&self, path: &str) -> u16 {
        self.get(path).await.status().as_u16()
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let url = format!("{}{path}", self.plane.url());
        self.http
            .get(url)
            .header("X-API-Key", &self.key)
            .send()
            .await
            .unwrap()
    }

    /// The path of the project's list.
    fn list(&self, query: &str) -> String {
        let project = self.project;
        format!("/api/v1/workspaces/acme/projects/{project}/work-items/?{query}")
    }

    async fn items(&self, query: &str) -> Value {
        self.get(&self.list(query)).await.json().await.unwrap()
    }
}

fn client() -> reqwest::Client {
    builder(None).build().unwrap()
}

/// A client that trusts one authority, follows no redirects and uses no proxy.
fn builder(trusted: Option<&str>) -> reqwest::ClientBuilder {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test talks to the fake on this machine"
    )]
    let builder = reqwest::Client::builder();
    builder
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .tls_backend_preconfigured(tls(trusted))
}

fn tls(trusted: Option<&str>) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(pem) = trusted {
        use rustls::pki_types::{CertificateDer, pem::PemObject};
        roots
            .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
            .unwrap();
    }
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}
