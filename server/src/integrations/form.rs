use std::collections::BTreeMap;

use app::IntegrationForm;
use chrono::NaiveDate;
use domain::{
    integration::{AuthScheme, IntegrationSettings},
    quiet::QuietHours,
    tag::Tags,
    text::TextError,
};
use secrecy::SecretString;

use crate::egress::Egress;

/// Longest description, in characters: a note, not a document.
const DESCRIPTION_MAX: usize = 2000;

pub(super) struct Checked {
    pub(super) settings: IntegrationSettings,
    pub(super) key: Option<SecretString>,
}

/// What the form says, or what is wrong with it by field. `kept` is the key of an earlier try.
pub(super) fn check(
    form: &IntegrationForm,
    egress: &Egress,
    kept: Option<SecretString>,
) -> Result<Checked, BTreeMap<String, String>> {
    let mut errors = BTreeMap::new();
    let mut wrong = |field: &str, says: String| {
        errors.insert(field.to_owned(), says);
    };

    let address = if form.base_url.trim().is_empty() {
        wrong(
            "base_url",
            "Enter Plane's address, such as https://api.plane.so.".to_owned(),
        );
        None
    } else {
        match plane::normalise(&form.base_url) {
            Ok(address) => match egress.check(&address.base) {
                Ok(()) => Some(address),
                Err(refused) => {
                    wrong(
                        "base_url",
                        format!("{} {}", refused.sentence(), refused.advice()),
                    );
                    None
                }
            },
            Err(error) => {
                wrong("base_url", error.to_string());
                None
            }
        }
    };
    let suggested = address.as_ref().and_then(|a| a.workspace.clone());
    let workspace = match (form.workspace.trim().is_empty(), suggested) {
        (true, Some(slug)) => Some(slug),
        _ => form
            .workspace
            .parse()
            .map_err(|e: TextError| wrong("workspace", e.to_string()))
            .ok(),
    };
    let name = if form.integration_name.trim().is_empty() {
        workspace.as_ref().map(|w| w.as_str()).unwrap_or_default()
    } else {
        &form.integration_name
    };
    let integration_name = name
        .parse()
        .map_err(|e: TextError| wrong("integration_name", e.to_string()))
        .ok();
    let description = form.description.trim().replace("\r\n", "\n");
    if description.chars().count() > DESCRIPTION_MAX {
        wrong(
            "description",
            format!("A description has at most {DESCRIPTION_MAX} characters."),
        );
    }
    let project_id = match form.project_id.trim() {
        "" => None,
        text => match text.parse() {
            Ok(id) => Some(id),
            Err(_) => {
                wrong(
                    "project_id",
                    "A project's id is a UUID: the part after /projects/ in its address."
                        .to_owned(),
                );
                None
            }
        },
    };
    let interval_minutes = match form.interval_minutes.trim() {
        "" => 15,
        text => IntegrationSettings::parse_interval(text).unwrap_or_else(|e| {
            wrong("interval_minutes", e.to_string());
            15
        }),
    };
    let quiet = QuietHours::parse(&form.quiet_from, &form.quiet_to, &form.quiet_zone);
    let quiet_hours = quiet.unwrap_or_else(|(field, says)| {
        wrong(field, says.to_string());
        None
    });
    let test_minutes = match form.test_minutes.trim() {
        "" => 15,
        text => IntegrationSettings::parse_interval(text).unwrap_or_else(|e| {
            wrong("test_minutes", e.to_string());
            15
        }),
    };
    let key_expires_on = day(&form.key_expires_on).unwrap_or_else(|says| {
        wrong("key_expires_on", says);
        None
    });
    let tags = form.tags.parse().unwrap_or_else(|e: TextError| {
        wrong("tags", e.to_string());
        Tags::default()
    });
    let key = key(&form.api_key).unwrap_or_else(|says| {
        wrong("api_key", says);
        None
    });

    match (address, workspace, integration_name) {
        (Some(address), Some(workspace), Some(integration_name)) if errors.is_empty() => {
            Ok(Checked {
                settings: IntegrationSettings {
                    integration_name,
                    description,
                    base_url: address.base,
                    workspace,
                    project_id,
                    auth_scheme: AuthScheme::from_word(&form.auth_scheme),
                    interval_minutes,
                    quiet_hours,
                    test_minutes,
                    key_expires_on,
                    tags,
                },
                key: key.or(kept),
            })
        }
        _ => Err(errors),
    }
}

/// A day as a browser sends it, or as it was typed; `None` if the field was left empty.
pub(super) fn day(text: &str) -> Result<Option<NaiveDate>, String> {
    match text.trim() {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| "Enter a day such as 2027-01-31, or leave it empty.".to_owned()),
    }
}

/// A key as it was pasted; `None` if the field was left empty.
pub(super) fn key(text: &str) -> Result<Option<SecretString>, String> {
    let key = text.trim();
    if key.is_empty() {
        return Ok(None);
    }
    // What can't stand in a header can't be a key; Plane's own are `plane_api_` and 32 hex digits.
    if key.len() > 4096 || !key.chars().all(|c| c.is_ascii_graphic()) {
        return Err(
            "This can't be an API key: it has spaces or characters that no key has.".to_owned(),
        );
    }
    Ok(Some(key.to_owned().into()))
}

/// What was typed, without the key.
pub(super) fn values(form: &IntegrationForm) -> BTreeMap<String, String> {
    let version = form.version.map(|v| v.to_string()).unwrap_or_default();
    [
        ("integration_name", &form.integration_name),
        ("description", &form.description),
        ("base_url", &form.base_url),
        ("workspace", &form.workspace),
        ("project_id", &form.project_id),
        ("auth_scheme", &form.auth_scheme),
        ("interval_minutes", &form.interval_minutes),
        ("quiet_from", &form.quiet_from),
        ("quiet_to", &form.quiet_to),
        ("quiet_zone", &form.quiet_zone),
        ("test_minutes", &form.test_minutes),
        ("key_expires_on", &form.key_expires_on),
        ("tags", &form.tags),
        ("version", &version),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.chars().take(8000).collect()))
    .collect()
}
