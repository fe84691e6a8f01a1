//! Events as people see them: indented, and without what is nobody's business.

use app::EventReport;
use serde_json::Value;
use store::KeptEvent;

/// A body is shown up to so many characters.
const SHOWN: usize = 200_000;
/// A value of a field.
const VALUE: usize = 200;

pub(super) fn event_report(event: &KeptEvent) -> EventReport {
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
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        body: shown(body, &event.body),
    }
}

fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(text.chars().take(VALUE).collect())
}

fn shown(body: Option<Value>, bytes: &[u8]) -> String {
    let text = match body {
        Some(mut body) => {
            mask(&mut body);
            serde_json::to_string_pretty(&body).unwrap_or_default()
        }
        None => String::from_utf8_lossy(bytes).into_owned(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}\n…", &text[..end]),
        None => text,
    }
}

/// Takes e-mail addresses out, wherever they stand.
fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "email" => *text = masked(text),
                    other => mask(other),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::String(text) if is_address(text) => *text = masked(text),
        _ => {}
    }
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
