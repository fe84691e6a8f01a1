use std::collections::{BTreeMap, BTreeSet};

use app::{ChannelForm, RuleForm};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    alerts::{
        Channel, ChannelKind, ChannelSettings, MailSecurity, Pressing, Rule, Scope, parse_addresses,
    },
    ids::{ChannelId, IntegrationId},
    problems::Class,
    quiet::QuietHours,
    tag::Tag,
    text::{Email, Name},
};
use url::Url;

use super::{
    Secret,
    hook::{KEY_PREFIX, base_of},
};
use crate::egress::Egress;

type Errors = BTreeMap<String, String>;

/// What a channel's form asks for, checked. `None` of a secret: the one that is kept stays.
pub(super) struct CheckedChannel {
    pub(super) name: Name,
    pub(super) settings: ChannelSettings,
    pub(super) secret: Secret,
}

/// Checks a form; `kept` is what is there, with its secret. `new_key` is the key to sign by where nobody typed one.
pub(super) fn channel(
    form: &ChannelForm,
    kind: ChannelKind,
    kept: Option<(&Channel, &Secret)>,
    egress: &Egress,
    new_key: [u8; 24],
) -> Result<CheckedChannel, Errors> {
    let mut errors = Errors::new();
    let name = form.name.parse::<Name>();
    let name = name.map_err(|e| errors.insert("name".to_owned(), e.to_string()));
    let checked = match kind {
        ChannelKind::Email => mail(form, kept, egress),
        _ => hook(form, kind, kept, egress, new_key),
    };
    match (name, checked) {
        (Ok(name), Ok((settings, secret))) => Ok(CheckedChannel {
            name,
            settings,
            secret,
        }),
        (_, Err(more)) => Err(errors.into_iter().chain(more).collect()),
        (Err(_), _) => Err(errors),
    }
}

fn mail(
    form: &ChannelForm,
    kept: Option<(&Channel, &Secret)>,
    egress: &Egress,
) -> Result<(ChannelSettings, Secret), Errors> {
    let mut errors = Errors::new();
    let mut wrong = |field: &str, says: &str| {
        errors.insert(field.to_owned(), says.to_owned());
    };
    let host = form.host.trim().to_lowercase();
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
    if host.is_empty() || host.len() > 253 || !host.chars().all(is_host) {
        wrong(
            "host",
            "Enter the mail server’s name, such as smtp.example.com.",
        );
    }
    let security = MailSecurity::from_slug(&form.security).unwrap_or_default();
    let usual = match security {
        MailSecurity::StartTls => 587,
        MailSecurity::Tls => 465,
        MailSecurity::Plain => 25,
    };
    let port = match form.port.trim() {
        "" => usual,
        text => text
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .unwrap_or_else(|| {
                wrong(
                    "port",
                    "Enter a port between 1 and 65535, or leave it empty.",
                );
                usual
            }),
    };
    if security == MailSecurity::Plain && !egress.may_be_plain(&host, port) {
        wrong(
            "security",
            "Without TLS only this machine’s own mail server is spoken to, and those that --allow-http (HANGAR_ALLOW_HTTP) names.",
        );
    }
    let from = form.from.parse::<Email>();
    let from = from.map_err(|e| wrong("from", e.0)).ok();
    let recipients = parse_addresses(&form.recipients).unwrap_or_else(|e| {
        wrong("recipients", e.0);
        vec![]
    });
    let user = form.user.trim().to_owned();
    let mut password = form.password.clone();
    if user.is_empty() {
        password.clear();
    } else if password.is_empty() {
        // What was typed for one server is not sent to another one.
        let same = kept.filter(|(channel, _)| match &channel.settings {
            ChannelSettings::Mail {
                host: h,
                port: p,
                security: s,
                user: u,
                ..
            } => *h == host && *p == port && *s == security && *u == user,
            ChannelSettings::Hook { .. } => false,
        });
        match same {
            Some((_, secret)) => password.clone_from(&secret.password),
            None => wrong("password", "Enter the password for this user and server."),
        }
    }
    match from {
        Some(from) if errors.is_empty() => Ok((
            ChannelSettings::Mail {
                host,
                port,
                security,
                user,
                from,
                recipients,
            },
            Secret {
                password,
                ..Secret::default()
            },
        )),
        _ => Err(errors),
    }
}

fn hook(
    form: &ChannelForm,
    kind: ChannelKind,
    kept: Option<(&Channel, &Secret)>,
    egress: &Egress,
    new_key: [u8; 24],
) -> Result<(ChannelSettings, Secret), Errors> {
    let mut errors = Errors::new();
    let mut wrong = |field: &str, says: String| {
        errors.insert(field.to_owned(), says);
    };
    let typed = form.url.trim();
    let (url, settings) = match (typed, kept) {
        ("", Some((channel, secret))) => (secret.url.clone(), Some(channel.settings.clone())),
        _ => {
            let parsed = Url::parse(typed).ok();
            let parsed = parsed.filter(|url| matches!(url.scheme(), "https" | "http"));
            let parsed = parsed.filter(|url| url.username().is_empty() && url.password().is_none());
            let base = parsed.as_ref().and_then(base_of);
            match base.as_ref().map(|base| egress.check(base)) {
                None => wrong(
                    "url",
                    "Enter the whole address, such as https://hooks.example.com/services/…."
                        .to_owned(),
                ),
                Some(Err(refused)) => {
                    wrong(
                        "url",
                        format!("{} {}", refused.sentence(), refused.advice()),
                    );
                }
                Some(Ok(())) => {}
            }
            let host = base.map(|base| base.host().to_owned());
            (
                typed.to_owned(),
                host.map(|host| ChannelSettings::Hook { host }),
            )
        }
    };
    let typed = form.key.trim();
    let key = match (kind, typed, kept) {
        (ChannelKind::Webhook, "", Some((_, secret))) => secret.key.clone(),
        (ChannelKind::Webhook, "", None) => format!("{KEY_PREFIX}{}", STANDARD.encode(new_key)),
        (ChannelKind::Webhook, typed, _) => {
            let bytes = typed
                .strip_prefix(KEY_PREFIX)
                .and_then(|key| STANDARD.decode(key).ok());
            if !bytes.is_some_and(|bytes| (16..=64).contains(&bytes.len())) {
                wrong(
                    "key",
                    "A signing secret is whsec_ and 16 to 64 bytes in base64; leave it empty to have one made.".to_owned(),
                );
            }
            typed.to_owned()
        }
        _ => String::new(),
    };
    match settings {
        Some(settings) if errors.is_empty() => Ok((
            settings,
            Secret {
                url,
                key,
                ..Secret::default()
            },
        )),
        _ => Err(errors),
    }
}

/// What may be shown again of a channel's form: never a secret.
pub(super) fn channel_values(form: &ChannelForm) -> BTreeMap<String, String> {
    let values = [
        ("kind", form.kind.clone()),
        ("name", form.name.clone()),
        ("is_on", on(form.is_on)),
        ("host", form.host.clone()),
        ("port", form.port.clone()),
        ("security", form.security.clone()),
        ("user", form.user.clone()),
        ("from", form.from.clone()),
        ("recipients", form.recipients.clone()),
    ];
    named(values)
}

/// The rule that a form asks for; `rule` is what is there, or a new one.
pub(super) fn rule(form: &RuleForm, rule: Rule, channels: &[Channel]) -> Result<Rule, Errors> {
    let mut errors = Errors::new();
    let mut wrong = |field: &str, says: &str| {
        errors.insert(field.to_owned(), says.to_owned());
    };
    let name = form.name.parse::<Name>().unwrap_or_else(|e| {
        wrong("name", e.0);
        rule.name.clone()
    });
    let classes: BTreeSet<Class> = form
        .classes
        .iter()
        .filter_map(|word| Class::from_word(word))
        .collect();
    let scope = match form.scope.as_str() {
        "tag" => match form.tag.parse::<Tag>() {
            Ok(tag) => Scope::Tag(tag),
            Err(e) => {
                wrong("tag", e.0);
                Scope::All
            }
        },
        "integrations" => {
            let ids = form.integrations.iter();
            let ids: BTreeSet<IntegrationId> = ids.filter_map(|id| id.parse().ok()).collect();
            if ids.is_empty() {
                wrong("integrations", "Choose at least one integration.");
            }
            Scope::Integrations(ids)
        }
        _ => Scope::All,
    };
    let chosen = form.channels.iter();
    let chosen: BTreeSet<ChannelId> = chosen.filter_map(|id| id.parse().ok()).collect();
    let known = channels.iter().map(|channel| channel.id);
    let channels = known.filter(|id| chosen.contains(id)).collect();
    let after_minutes = Rule::parse_after(&form.after_minutes).unwrap_or_else(|e| {
        wrong("after_minutes", e.0);
        0
    });
    let remind_hours = Rule::parse_reminder(&form.remind_hours).unwrap_or_else(|e| {
        wrong("remind_hours", e.0);
        0
    });
    let quiet = QuietHours::parse(&form.quiet_from, &form.quiet_to, &form.quiet_zone);
    let quiet_hours = quiet.unwrap_or_else(|(field, says)| {
        wrong(field, says.0);
        None
    });
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Rule {
        name,
        is_on: form.is_on,
        classes,
        pressing: Pressing::from_slug(&form.pressing).unwrap_or(Pressing::Broken),
        scope,
        channels,
        to_owner: form.to_owner,
        after_minutes,
        remind_hours,
        tells_end: form.tells_end,
        quiet_hours,
        version: form.version + 1,
        ..rule
    })
}

/// What is shown again of a rule's form.
pub(super) fn rule_values(form: &RuleForm) -> BTreeMap<String, String> {
    let values = [
        ("name", form.name.clone()),
        ("is_on", on(form.is_on)),
        ("classes", form.classes.join(",")),
        ("pressing", form.pressing.clone()),
        ("scope", form.scope.clone()),
        ("tag", form.tag.clone()),
        ("integrations", form.integrations.join(",")),
        ("channels", form.channels.join(",")),
        ("to_owner", on(form.to_owner)),
        ("after_minutes", form.after_minutes.clone()),
        ("remind_hours", form.remind_hours.clone()),
        ("tells_end", on(form.tells_end)),
        ("quiet_from", form.quiet_from.clone()),
        ("quiet_to", form.quiet_to.clone()),
        ("quiet_zone", form.quiet_zone.clone()),
    ];
    named(values)
}

fn on(is_on: bool) -> String {
    if is_on {
        "true".to_owned()
    } else {
        String::new()
    }
}

fn named<const N: usize>(values: [(&str, String); N]) -> BTreeMap<String, String> {
    let values = values.into_iter();
    values
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
