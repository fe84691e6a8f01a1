//! Events as people see them: indented, and without what is nobody's business.

use app::EventReport;
use plane::webhook;
use serde_json::Value;
use store::KeptEvent;

/// A body is shown up to so many characters.
const SHOWN: usize = 200_000;
/// A value of a field.
const VALUE: usize = 200;

/// With `unmasked`, the webhook's address, nothing is masked, and a command sends it there once more.
pub(super) fn event_report(event: &KeptEvent, unmasked: Option<&str>) -> EventReport {
    let body: Option<Value> = serde_json::from_slice(&event.body).ok();
    let activity = body.as_ref().and_then(|body| body.get("activity"));
    let value = |name: &str| activity.and_then(|of| of.get(name)).and_then(text);
    let previous = || {
        let field = event.field.as_ref()?;
        body.as_ref()?
            .get("previous_attributes")?
            .get(field)
            .and_then(text)
    };
    EventReport {
        received_at: event.received_at,
        name: event.name.clone(),
        field: event.field.clone(),
        before: value("old_value").or_else(previous),
        after: value("new_value"),
        updated_at: event.updated_at,
        duplicates: event.duplicates,
        headers: event
            .headers
            .iter()
            .map(
                |(name, value)| match name == webhook::SIGNATURE && unmasked.is_none() {
                    true => (name.clone(), beginning(value)),
                    false => (name.clone(), value.clone()),
                },
            )
            .collect(),
        body: shown(body, &event.body, unmasked.is_some()),
        curl: unmasked.and_then(|address| curl(address, event)),
    }
}

/// A command for a POSIX shell that sends it again, as it came; `None`: it is no text.
fn curl(address: &str, event: &KeptEvent) -> Option<String> {
    let body = std::str::from_utf8(&event.body)
        .ok()
        .filter(|body| !body.contains('\0'))?;
    let sent = [webhook::EVENT, webhook::DELIVERY, webhook::SIGNATURE];
    let headers = sent.into_iter().filter_map(|name| {
        let value = event.headers.get(name)?;
        Some(format!(" -H {}", quoted(&format!("{name}: {value}"))))
    });
    Some(format!(
        "curl {} -H 'content-type: application/json'{} --data-binary {}",
        quoted(address),
        headers.collect::<String>(),
        quoted(body)
    ))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn beginning(text: &str) -> String {
    let first: String = text.chars().take(8).collect();
    format!("{first}…")
}

fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(text.chars().take(VALUE).collect())
}

fn shown(body: Option<Value>, bytes: &[u8], is_unmasked: bool) -> String {
    let text = match body {
        Some(mut body) => {
            if !is_unmasked {
                mask(&mut body);
            }
            serde_json::to_string_pretty(&body).unwrap_or_default()
        }
        None => String::from_utf8_lossy(bytes).into_owned(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}\n…", &text[..end]),
        None => text,
    }
}

/// Takes e-mail addresses and secrets out, wherever they stand.
fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "email" => *text = masked(text),
                    Value::String(text) if is_secret(name) => *text = "…".to_owned(),
                    other => mask(other),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::String(text) if is_address(text) => *text = masked(text),
        Value::String(text) => {
            for prefix in PLANES_SECRETS {
                while let Some(at) = text.find(prefix) {
                    let rest = text[at..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                    let end = rest.map_or(text.len(), |length| at + length);
                    text.replace_range(at..end, "…");
                }
            }
        }
        _ => {}
    }
}

/// How keys and secrets of Plane's begin.
const PLANES_SECRETS: [&str; 2] = ["plane_api_", "plane_wh_"];

/// Whether a field of this name holds a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    ["secret", "password", "token", "api_key"]
        .iter()
        .any(|word| name.contains(word))
}

fn is_address(text: &str) -> bool {
    text.len() < 255 && text.contains('@') && !text.contains(char::is_whitespace)
}

/// `m…@example.com`
fn masked(text: &str) -> String {
    match text.split_once('@') {
        Some((name, host)) => {
            let first: String = name.chars().take(1).collect();
            format!("{first}…@{host}")
        }
        None => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let mut body = json!({
            "data": {"api_token": "abc", "name": "Key plane_api_0123, then plane_wh_45.", "tokens": ["kept"], "secret": null},
        });
        mask(&mut body);
        assert_eq!(
            body,
            json!({"data": {"api_token": "…", "name": "Key …, then ….", "tokens": ["kept"], "secret": null}})
        );
    }

    #[test]
    fn a_command_sends_it_as_it_came() {
        let event = KeptEvent {
            key: "k".into(),
            received_at: Default::default(),
            name: "x".into(),
            field: None,
            updated_at: None,
            signed_by: "current".into(),
            headers: [
                ("x-plane-event", "issue"),
                ("x-plane-signature", "00ff"),
                ("user-agent", "Autopilot"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            duplicates: 0,
            again_at: None,
            body: br#"{"name": "It's"}"#.to_vec(),
            trace: None,
        };
        assert_eq!(
            curl("https://hangar.example.com/x", &event).unwrap(),
            "curl 'https://hangar.example.com/x' -H 'content-type: application/json' -H 'x-plane-event: issue' \
             -H 'x-plane-signature: 00ff' --data-binary '{\"name\": \"It'\\''s\"}'"
        );
        let binary = KeptEvent {
            body: vec![0xff],
            ..event
        };
        assert_eq!(curl("https://hangar.example.com/x", &binary), None);
    }

    #[test]
    fn addresses_are_masked_wherever_they_stand() {
        let mut body = json!({
            "data": {"assignees": [{"email": "maya@example.com", "display_name": "maya"}], "name": "Ask ben@example.com"},
            "activity": {"actor": {"email": "broken"}, "new_value": "jo@example.com"},
        });
        mask(&mut body);
        assert_eq!(
            body,
            json!({
                "data": {"assignees": [{"email": "m…@example.com", "display_name": "maya"}], "name": "Ask ben@example.com"},
                "activity": {"actor": {"email": "…"}, "new_value": "j…@example.com"},
            })
        );
    }
}
