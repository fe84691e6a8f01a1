use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    alerts::{ChannelKind, Message, MessageKind},
    checks::Level,
    ids::DeliveryId,
    text::BaseUrl,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{StatusCode, header};
use serde_json::{Value, json};
use sha2::Sha256;
use url::Url;

use super::{AlertsService, Secret, sender::Unsent};

/// How a key to sign by begins: <https://www.standardwebhooks.com>.
pub(super) const KEY_PREFIX: &str = "whsec_";
/// A channel that is asked for longer than this is asked again all the same.
const ASKED_MOST: TimeDelta = TimeDelta::hours(1);

/// The part of an address that the rules for outgoing requests go by.
pub(super) fn base_of(url: &Url) -> Option<BaseUrl> {
    let host = url.host_str()?;
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    format!("{}://{host}{port}", url.scheme()).parse().ok()
}

impl AlertsService {
    /// Sends a message over HTTP; any answer of success means that it was taken.
    pub(super) async fn send_hook(
        &self,
        kind: ChannelKind,
        secret: &Secret,
        message: &Message,
        id: DeliveryId,
    ) -> Result<(), Unsent> {
        let unusable = || Unsent::new("Its address can’t be used; enter it again.");
        let url = Url::parse(&secret.url).map_err(|_| unusable())?;
        let base = base_of(&url).ok_or_else(unusable)?;
        let client = self.egress.client(&base).map_err(|refused| {
            Unsent::new(format!("{} {}", refused.sentence(), refused.advice()))
        })?;
        let body = body(kind, message).to_string();
        let mut request = client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json");
        if kind == ChannelKind::Webhook {
            let at = self.clock.now();
            let signature = sign(&secret.key, &id.to_string(), at, &body).ok_or_else(unusable)?;
            request = request
                .header("webhook-id", id.to_string())
                .header("webhook-timestamp", at.timestamp().to_string())
                .header("webhook-signature", signature);
        }
        let answer = request.body(body).send().await.map_err(unreached)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let asked = answer
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| retry_after(text, self.clock.now()));
        let says = match status {
            StatusCode::TOO_MANY_REQUESTS => "It takes no more messages for now (429).".to_owned(),
            StatusCode::NOT_FOUND | StatusCode::GONE => format!(
                "It answered {}: there is no such webhook (any more). Make a new one there.",
                status.as_u16()
            ),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => format!(
                "It answered {}: the address or its token is not right.",
                status.as_u16()
            ),
            status => format!("It answered {}.", status.as_u16()),
        };
        Err(Unsent { says, asked })
    }
}

/// Seconds, or a date of HTTP; an hour at most.
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    let wait = match text.trim().parse::<f64>() {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "as many milliseconds as fit"
        )]
        Ok(seconds) if seconds >= 0.0 => TimeDelta::milliseconds((seconds * 1000.0) as i64),
        Ok(_) => return None,
        Err(_) => DateTime::parse_from_rfc2822(text.trim()).ok()?.to_utc() - now,
    };
    Some(wait.clamp(TimeDelta::zero(), ASKED_MOST))
}

/// Why it could not be reached, without its address.
fn unreached(error: reqwest::Error) -> Unsent {
    let says = match plane::Error::from_transport(&error) {
        plane::Error::Dns => "The host’s name could not be resolved.".to_owned(),
        plane::Error::Refused => "Nothing accepts connections there.".to_owned(),
        plane::Error::Timeout => "It did not answer in time.".to_owned(),
        tls @ plane::Error::Tls(_) => tls.sentence(),
        plane::Error::Policy(forbidden) => format!("{} {}", forbidden.sentence, forbidden.advice),
        _ => "The connection broke off.".to_owned(),
    };
    Unsent::new(says)
}

/// `v1,` and the signature, as <https://www.standardwebhooks.com> has it.
fn sign(key: &str, id: &str, at: DateTime<Utc>, body: &str) -> Option<String> {
    let key = STANDARD.decode(key.strip_prefix(KEY_PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{}.{body}", at.timestamp()).as_bytes());
    Some(format!(
        "v1,{}",
        STANDARD.encode(mac.finalize().into_bytes())
    ))
}

fn body(kind: ChannelKind, message: &Message) -> Value {
    match kind {
        ChannelKind::Slack => slack(message),
        ChannelKind::Discord => discord(message),
        ChannelKind::Text => json!({ "text": text(message) }),
        ChannelKind::Webhook | ChannelKind::Email => webhook(message),
    }
}

/// What names nobody: `@channel` and the like would call everybody.
fn harmless(text: &str) -> String {
    text.replace('@', "@\u{200b}")
}

/// Slack's own escapes: without them `<!channel>` would call everybody.
fn for_slack(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    escaped.replace('>', "&gt;")
}

fn slack(message: &Message) -> Value {
    let (title, says) = (for_slack(&message.subject()), for_slack(&message.says));
    let advice = match message.advice.is_empty() || message.kind == MessageKind::Closed {
        true => String::new(),
        false => format!("\n{}", for_slack(&message.advice)),
    };
    json!({
        "text": title,
        "attachments": [{
            "color": format!("#{:06x}", colour(message)),
            "text": format!("{says}{advice}\n<{}|Open in Hangar>", message.url),
            "footer": for_slack(&message.rule_name),
            "ts": message.at.timestamp(),
        }],
    })
}

fn discord(message: &Message) -> Value {
    let advice = match message.kind {
        MessageKind::Closed => String::new(),
        _ => format!("\n{}", message.advice),
    };
    json!({
        "allowed_mentions": { "parse": [] },
        "embeds": [{
            "title": message.subject().chars().take(256).collect::<String>(),
            "description": format!("{}{advice}", message.says).chars().take(4000).collect::<String>(),
            "url": message.url,
            "color": colour(message),
            "timestamp": message.at.to_rfc3339(),
            "footer": { "text": message.rule_name },
        }],
    })
}

fn colour(message: &Message) -> u32 {
    match (message.kind, message.level) {
        (MessageKind::Closed, _) => 0x001c_7c54,
        (_, Level::Bad) => 0x00b3_261e,
        _ => 0x009a_5b00,
    }
}

/// Markdown, as Mattermost, Rocket.Chat and Teams read it.
fn text(message: &Message) -> String {
    let mut lines = vec![format!("**{}**", harmless(&message.subject()))];
    lines.push(harmless(&message.says));
    if message.kind != MessageKind::Closed && !message.advice.is_empty() {
        lines.push(message.advice.clone());
    }
    lines.push(format!("[Open in Hangar]({})", message.url));
    lines.join("\n\n")
}

fn webhook(message: &Message) -> Value {
    let affected = message.integrations.iter();
    let affected: Vec<Value> = affected
        .map(|(id, name)| json!({ "id": id, "name": name }))
        .collect();
    json!({
        "type": format!("incident.{}", message.kind.word()),
        "timestamp": message.at.to_rfc3339(),
        "data": {
            "incident": message.incident,
            "rule": { "id": message.rule, "name": message.rule_name },
            "level": message.level.word(),
            "title": message.title,
            "says": message.says,
            "advice": message.advice,
            "integrations": affected,
            "since": message.since.to_rfc3339(),
            "owner": message.owner,
            "url": message.url,
        },
    })
}

#[cfg(test)]
mod tests {
    use domain::ids::{IntegrationId, RuleId};

    use super::*;

    fn message(name: &str) -> Message {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        Message {
            kind: MessageKind::Opened,
            rule: RuleId(uuid::Uuid::nil()),
            rule_name: "What is broken".to_owned(),
            incident: "ab12".to_owned(),
            level: Level::Bad,
            title: "Plane can’t be reached".to_owned(),
            says: "Plane can’t be reached.".to_owned(),
            advice: "Check that Plane is running.".to_owned(),
            integrations: vec![(IntegrationId(uuid::Uuid::nil()), name.to_owned())],
            since: at,
            at,
            owner: None,
            owner_addresses: vec![],
            url: "https://hangar.example/problems/1".to_owned(),
        }
    }

    /// The example of <https://github.com/standard-webhooks/standard-webhooks>.
    #[test]
    fn a_webhook_is_signed_as_the_standard_says() {
        let at = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let signed = sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            at,
            "{\"test\": 2432232314}",
        );
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signed.as_deref(), Some(expected));
        assert_eq!(sign("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "a", at, ""), None);
    }

    #[test]
    fn a_name_calls_nobody() {
        let evil = message("<!channel> @everyone [x](http://evil)");
        let slack = body(ChannelKind::Slack, &evil).to_string();
        assert!(
            slack.contains("&lt;!channel&gt;") && !slack.contains("<!channel>"),
            "{slack}"
        );
        let text = body(ChannelKind::Text, &evil).to_string();
        assert!(!text.contains("@everyone"), "{text}");
        let discord = body(ChannelKind::Discord, &evil);
        assert_eq!(discord["allowed_mentions"]["parse"], json!([]));
    }

    #[test]
    fn a_channel_is_left_alone_for_as_long_as_it_asks() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let asked = |text: &str| retry_after(text, now).map(|wait| wait.num_milliseconds());
        assert_eq!(asked("30"), Some(30_000));
        assert_eq!(asked("0.5"), Some(500));
        assert_eq!(asked("99999999"), Some(3_600_000));
        assert_eq!(asked("-3"), None);
        assert_eq!(asked("soon"), None);
        let date = (now + TimeDelta::seconds(90)).to_rfc2822();
        assert_eq!(asked(&date), Some(90_000));
    }
}
