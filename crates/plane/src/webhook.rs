//! Plane's webhooks: which deliveries are genuine, and what they say (plane-api.md sections 8 and 9).

use std::io;

use chrono::{DateTime, Utc};
use domain::{
    ids::ProjectId,
    mirror::WorkItem,
    webhook::{Change, Event, Subject},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::wire;

/// The header with the signature.
pub const SIGNATURE: &str = "x-plane-signature";
/// The header that names the event; it is not signed.
pub const EVENT: &str = "x-plane-event";
/// The header that names the request; it is not signed, and new with every try.
pub const DELIVERY: &str = "x-plane-delivery";

/// Whether a body was signed with this secret: lower-case hex of HMAC-SHA256 over the bytes as they came, keyed with the
/// whole secret. In constant time.
pub fn is_signed(secret: &SecretString, body: &[u8], signature: &str) -> bool {
    let Ok(signature) = hex::decode(signature.trim()) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
        return false;
    };
    mac.update(body);
    mac.verify_slice(&signature).is_ok()
}

/// A body's signature as Plane writes it: lower-case hex.
pub fn sign(secret: &SecretString, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes());
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// A delivery, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The same for every try of one event, and of nothing else: Plane's own id of it, or the hash of the body.
    pub key: String,
    /// Plane's webhook that it comes from.
    pub webhook: Option<Uuid>,
    /// Whether it is written in the second format.
    pub is_second: bool,
    pub event: Event,
}

/// Reads a body. Whatever is odd in it costs a field, never the delivery; `header` is the event's name outside of it, where
/// the body has none that makes sense.
pub fn read(body: &[u8], header: Option<&str>) -> Delivery {
    let body_of = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(object)) => object,
        // Nothing that this version knows; kept as it is.
        _ => Map::new(),
    };
    let text = |name: &str| body_of.get(name).and_then(Value::as_str);
    let is_second = text("version") == Some("v2") || text("event").is_some_and(|e| e.contains('.'));
    let event = if is_second {
        second(&body_of, header)
    } else {
        first(&body_of, header)
    };
    let own_id = text("event_id").filter(|_| is_second);
    let key = match own_id.and_then(|id| id.parse::<Uuid>().ok()) {
        Some(id) => id.simple().to_string(),
        None => hex::encode(Sha256::digest(body)),
    };
    Delivery {
        key,
        webhook: uuid(&body_of, "webhook_id"),
        is_second,
        event,
    }
}

/// Which webhook a body says it comes from; to be believed when the signature fits that one's secret.
pub fn webhook_of(body: &[u8]) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Named {
        webhook_id: Uuid,
    }
    serde_json::from_slice::<Named>(body)
        .ok()
        .map(|named| named.webhook_id)
}

/// The body as Plane would have written what it says, if it is JSON: Python's separators, and nothing but ASCII. A signature
/// that fits this and not the bytes means that something on the way wrote the body anew.
pub fn as_plane_writes(body: &[u8]) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let mut out = Vec::with_capacity(body.len() + body.len() / 8);
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, PythonFormatter);
    serde::Serialize::serialize(&value, &mut serializer).ok()?;
    Some(out)
}

/// Python's `json.dumps`.
struct PythonFormatter;

impl serde_json::ser::Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        to: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        to: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        to: &mut W,
        text: &str,
    ) -> io::Result<()> {
        for unit in text.encode_utf16() {
            match u8::try_from(unit) {
                Ok(plain) if plain.is_ascii() => to.write_all(&[plain])?,
                _ => write!(to, "\\u{unit:04x}")?,
            }
        }
        Ok(())
    }
}

/// The first format: `event` and `action`, relations as objects in `data`.
fn first(body: &Map<String, Value>, header: Option<&str>) -> Event {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let subject_said = text("event").or(header).unwrap_or_default();
    let change_said = text("action").unwrap_or_default();
    let subject = match subject_said {
        "project" => Subject::Project,
        "issue" => Subject::WorkItem,
        "cycle" => Subject::Cycle,
        "module" => Subject::Module,
        "issue_comment" => Subject::Comment,
        _ => Subject::Other,
    };
    let change = match change_said {
        "created" | "create" => Change::Created,
        "updated" | "update" => Change::Updated,
        "deleted" | "delete" => Change::Deleted,
        _ => Change::Other,
    };
    let empty = Map::new();
    let data = object(body, "data").unwrap_or(&empty);
    let field = object(body, "activity")
        .and_then(|activity| activity.get("field"))
        .and_then(Value::as_str);
    event(
        subject,
        change,
        uuid(data, "id"),
        data,
        field,
        format!("{subject_said} {change_said}"),
    )
}

/// The second format: `workitem.updated`, relations as ids under other names, nulls as `"None"`.
fn second(body: &Map<String, Value>, header: Option<&str>) -> Event {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    // One that Python printed as an enumeration says nothing; the header does.
    let said = text("event")
        .filter(|said| !said.starts_with("WebhookScope"))
        .or(header)
        .or(text("event"))
        .unwrap_or_default();
    let (subject, change) = said.split_once('.').unwrap_or((said, ""));
    let subject = match (subject, change.contains('.')) {
        ("project", false) => Subject::Project,
        ("workitem", false) => Subject::WorkItem,
        ("workitem", true) if change.starts_with("comment.") => Subject::Comment,
        ("cycle", false) => Subject::Cycle,
        ("module", false) => Subject::Module,
        _ => Subject::Other,
    };
    let change = match change.rsplit('.').next().unwrap_or_default() {
        "created" => Change::Created,
        "updated" => Change::Updated,
        "archived" => Change::Archived,
        "deleted" => Change::Deleted,
        _ => Change::Other,
    };
    let mut data = object(body, "data").cloned().unwrap_or_default();
    if data.is_empty() {
        // Of a deletion only what was before is told.
        data = object(body, "previous_attributes")
            .cloned()
            .unwrap_or_default();
    }
    for (other, ours) in [
        ("state_id", "state"),
        ("label_ids", "labels"),
        ("assignee_ids", "assignees"),
        ("project_id", "project"),
        ("parent_id", "parent"),
        ("created_by_id", "created_by"),
    ] {
        if let Some(value) = data.remove(other) {
            data.entry(ours).or_insert(value);
        }
    }
    for (name, value) in &mut data {
        if name != "name" && value.as_str() == Some("None") {
            *value = Value::Null;
        }
    }
    let entity = uuid(body, "entity_id").or(uuid(&data, "id"));
    let field = object(body, "previous_attributes")
        .filter(|before| before.len() == 1 && change == Change::Updated)
        .and_then(|before| before.keys().next());
    event(
        subject,
        change,
        entity,
        &data,
        field.map(String::as_str),
        said.to_owned(),
    )
}

fn event(
    subject: Subject,
    change: Change,
    entity: Option<Uuid>,
    data: &Map<String, Value>,
    field: Option<&str>,
    said: String,
) -> Event {
    let project = uuid(data, "project").map(ProjectId);
    let whole = || wire::decode_value::<WorkItem>(Value::Object(data.clone()));
    // What is archived, deleted or a draft is not in Plane's lists: Plane is asked for it, which says so.
    let is_listed = matches!(change, Change::Created | Change::Updated)
        && ["archived_at", "deleted_at"]
            .iter()
            .all(|name| is_null(data, name))
        && data.get("is_draft").and_then(Value::as_bool) != Some(true);
    let item = (subject == Subject::WorkItem && project.is_some() && is_listed)
        .then(whole)
        .flatten()
        // A field that is missing is not a field that is empty.
        .filter(|_| {
            [
                "labels",
                "assignees",
                "state",
                "name",
                "priority",
                "description_html",
            ]
            .iter()
            .all(|name| data.contains_key(*name))
        });
    Event {
        subject,
        change,
        entity: entity.filter(|_| subject != Subject::Other),
        project,
        title: data
            .get("name")
            .and_then(Value::as_str)
            .map(|name| name.chars().take(255).collect()),
        number: data.get("sequence_id").and_then(Value::as_u64),
        field: field.map(|field| field.chars().take(100).collect()),
        updated_at: data
            .get("updated_at")
            .and_then(Value::as_str)
            .and_then(|time| DateTime::parse_from_rfc3339(time).ok())
            .map(|time| time.with_timezone(&Utc)),
        item: item.map(Box::new),
        said: said.trim().chars().take(200).collect(),
    }
}

fn object<'a>(of: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    of.get(name).and_then(Value::as_object)
}

fn is_null(data: &Map<String, Value>, name: &str) -> bool {
    data.get(name).is_none_or(Value::is_null)
}

/// An id, or an object with one.
fn uuid(of: &Map<String, Value>, name: &str) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Object {
        id: Uuid,
    }
    match of.get(name)? {
        Value::String(text) => text.parse().ok(),
        Value::Object(object) => serde_json::from_value::<Object>(Value::Object(object.clone()))
            .ok()
            .map(|object| object.id),
        _ => None,
    }
}
