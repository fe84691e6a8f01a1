//! Webhooks in Plane's v1 format, signed and sent as recorded (plane-api.md, section 8).

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::rows::{self, View};
use crate::state::State;
use crate::{Shared, lock};

/// A webhook that a workspace's admin has registered.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub id: Uuid,
    pub url: String,
    pub secret: String,
    pub is_active: bool,
    /// Of `project`, `issue`, `module`, `cycle`, `issue_comment`.
    pub events: Vec<&'static str>,
}

/// How long to wait before a delivery that did not arrive is tried again.
#[derive(Debug, Clone, Copy, Default)]
pub enum Retry {
    /// As Plane: anything from 0 to 600 s.
    #[default]
    Plane,
    /// Always so long.
    After(Duration),
}

/// A request that was sent, and how it ended.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    pub delivery: Uuid,
    pub webhook: Uuid,
    pub event: &'static str,
    pub action: &'static str,
    pub field: Option<&'static str>,
    /// 0 for the first try.
    pub retry: u32,
    /// None when there was no answer at all.
    pub status: Option<u16>,
    pub body: String,
}

/// A change that may have to be told.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub workspace: Uuid,
    pub what: What,
    pub action: &'static str,
    pub actor: Option<Uuid>,
    pub field: Option<&'static str>,
    pub old_value: Value,
    pub new_value: Value,
}

/// The thing that changed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What {
    Project(Uuid),
    WorkItem(Uuid),
    Cycle(Uuid),
    Module(Uuid),
    Comment(Uuid),
}

impl What {
    fn event(self) -> &'static str {
        match self {
            What::Project(_) => "project",
            What::WorkItem(_) => "issue",
            What::Cycle(_) => "cycle",
            What::Module(_) => "module",
            What::Comment(_) => "issue_comment",
        }
    }

    fn id(self) -> Uuid {
        match self {
            What::Project(id)
            | What::WorkItem(id)
            | What::Cycle(id)
            | What::Module(id)
            | What::Comment(id) => id,
        }
    }
}

impl State {
    /// Registers a webhook for everything in a workspace; answers its id and secret.
    pub fn add_webhook(&mut self, slug: &str, url: &str) -> (Uuid, String) {
        let id = self.id(&format!("webhook/{slug}/{url}"));
        let digest = Sha256::digest(id.as_bytes());
        let secret = format!("plane_wh_{}", hex::encode(&digest[..16]));
        if let Some(workspace) = self.workspace_mut(slug) {
            workspace.webhooks.retain(|known| known.id != id);
            workspace.webhooks.push(Webhook {
                id,
                url: url.to_owned(),
                secret: secret.clone(),
                is_active: true,
                events: vec!["project", "issue", "module", "cycle", "issue_comment"],
            });
        }
        (id, secret)
    }

    /// Gives a webhook another secret, which counts at once (`ui-04-webhook-regenerate`); answers it.
    pub fn regenerate_secret(&mut self, id: Uuid) -> Option<String> {
        let webhook = self.webhook_mut(id)?;
        let digest = Sha256::digest(webhook.secret.as_bytes());
        webhook.secret = format!("plane_wh_{}", hex::encode(&digest[..16]));
        Some(webhook.secret.clone())
    }

    /// The webhook with this id.
    pub fn webhook(&self, id: Uuid) -> Option<&Webhook> {
        self.workspaces
            .iter()
            .flat_map(|w| &w.webhooks)
            .find(|webhook| webhook.id == id)
    }

    fn webhook_mut(&mut self, id: Uuid) -> Option<&mut Webhook> {
        self.workspaces
            .iter_mut()
            .flat_map(|w| &mut w.webhooks)
            .find(|webhook| webhook.id == id)
    }
}

/// The client that webhooks are sent with: 30 s, redirects followed (`webhook-fail-redirect-*`).
pub(crate) fn sender() -> reqwest::Client {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is Plane's side, outside the portal's egress"
    )]
    reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .user_agent("Autopilot")
        .no_proxy()
        .tls_backend_preconfigured(no_tls())
        .build()
        .expect("these fixed settings make a client")
}

/// Deliveries go to plain addresses on this machine; no root certificates are loaded for them.
fn no_tls() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

/// Sends each event to the webhooks that want it, in the background, or holds it back.
pub(crate) fn dispatch(shared: &Arc<Shared>, events: Vec<Event>) {
    for event in events {
        let state = shared
            .state
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(workspace) = state.workspaces.iter().find(|w| w.id == event.workspace) else {
            continue;
        };
        for webhook in &workspace.webhooks {
            if webhook.is_active && webhook.events.contains(&event.what.event()) {
                // The body is made when the event is dispatched: several quick changes all carry the last one's data.
                let body = body(&state, webhook, &event);
                if let Some(held) = &shared.held {
                    lock(held).push(body);
                    continue;
                }
                shared
                    .runtime
                    .spawn(deliver(shared.clone(), webhook.id, event.clone(), body));
            }
        }
    }
}

/// Tries up to six times; after that the webhook is switched off. Any HTTP status counts as delivered.
async fn deliver(shared: Arc<Shared>, webhook: Uuid, event: Event, body: String) {
    for retry in 0..=5 {
        let (url, secret) = {
            let state = shared
                .state
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let Some(webhook) = state.webhook(webhook) else {
                return;
            };
            if !webhook.is_active {
                return;
            }
            (webhook.url.clone(), webhook.secret.clone())
        };
        // A function of the body and the try, so that a run can be repeated; new for each try as in Plane.
        let delivery = Uuid::new_v5(&webhook, format!("{retry}/{body}").as_bytes());
        let answer = shared
            .sender
            .post(&url)
            .header("Content-Type", "application/json")
            .header("X-Plane-Delivery", delivery.to_string())
            .header("X-Plane-Event", event.what.event())
            .header("X-Plane-Signature", signature(&secret, body.as_bytes()))
            .body(body.clone())
            .send()
            .await;
        let status = answer.ok().map(|answer| answer.status().as_u16());
        lock(&shared.deliveries).push(Delivery {
            delivery,
            webhook,
            event: event.what.event(),
            action: event.action,
            field: event.field,
            retry,
            status,
            body: body.clone(),
        });
        if status.is_some() {
            return;
        }
        if retry < 5 {
            tokio::time::sleep(wait(shared.retry, delivery)).await;
        }
    }
    shared.change(|state| {
        if let Some(webhook) = state.webhook_mut(webhook) {
            webhook.is_active = false;
        }
    });
}

fn wait(retry: Retry, delivery: Uuid) -> Duration {
    match retry {
        Retry::After(wait) => wait,
        Retry::Plane => Duration::from_millis(delivery.as_u64_pair().1 % 600_000),
    }
}

/// Lower-case hex of HMAC-SHA256 over the body; the key is the whole secret string.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// What is sent: the same text is signed.
fn body(state: &State, webhook: &Webhook, event: &Event) -> String {
    let view = View::webhook(state);
    let data = match event.action {
        "deleted" => json!({ "id": event.what.id() }),
        _ => rows::webhook_data(&view, event.what),
    };
    let actor = event.actor.and_then(|id| state.user(id)).map(rows::user);
    python_json(&json!({
        "event": event.what.event(),
        "action": event.action,
        "webhook_id": webhook.id,
        "workspace_id": event.workspace,
        "data": data,
        "activity": {
            "field": event.field,
            "new_value": event.new_value,
            "old_value": event.old_value,
            "actor": actor,
            "old_identifier": null,
            "new_identifier": null,
        },
    }))
}

/// JSON as Python's `json.dumps` writes it: `", "` and `": "` between things, other than ASCII as `\uXXXX`.
pub fn python_json(value: &Value) -> String {
    let mut out = String::new();
    write_python(value, &mut out);
    out
}

fn write_python(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            out.push('{');
            for (n, (name, member)) in members.iter().enumerate() {
                out.push_str(if n == 0 { "" } else { ", " });
                write_python_text(name, out);
                out.push_str(": ");
                write_python(member, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n == 0 { "" } else { ", " });
                write_python(item, out);
            }
            out.push(']');
        }
        Value::String(text) => write_python_text(text, out),
        other => out.push_str(&other.to_string()),
    }
}

fn write_python_text(text: &str, out: &mut String) {
    out.push('"');
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b'"') => out.push_str("\\\""),
            Ok(b'\\') => out.push_str("\\\\"),
            Ok(b'\n') => out.push_str("\\n"),
            Ok(b'\r') => out.push_str("\\r"),
            Ok(b'\t') => out.push_str("\\t"),
            Ok(8) => out.push_str("\\b"),
            Ok(12) => out.push_str("\\f"),
            // Python leaves DEL as it is.
            Ok(plain @ 0x20..=0x7f) => out.push(char::from(plain)),
            _ => {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_text_is_written_in_ascii_and_read_back_the_same(text in ".*") {
            let value = json!({ "a": [text, 1.5, null], "b": {} });
            let written = python_json(&value);
            proptest::prop_assert!(written.is_ascii());
            proptest::prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
    }
}
