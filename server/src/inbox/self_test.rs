//! A delivery of our own, over the public address: what Plane's would meet on its way.

use std::time::Duration;

use app::Failure;
use domain::{
    actor::Admin,
    ids::IntegrationId,
    inbox::{Disbelief, SelfTest, SelfTestResult},
};
use http::{StatusCode, header};
use plane::webhook;
use secrecy::SecretString;
use serde_json::{Value, json};
use store::WebhookKeys;

use super::{InboxService, hooks};
use crate::failure::{from_store, internal};

/// It may take so long; Plane would wait for 30 s.
const PATIENCE: Duration = Duration::from_secs(10);
/// What its body says it is.
const EVENT: &str = "hangar.self_test";
/// No larger than that.
const LARGEST: usize = 200;

/// What a test of ours says and must be answered with; `None`: it is something else.
pub(super) fn nonce_of(body: &[u8]) -> Option<String> {
    if body.len() > LARGEST {
        return None;
    }
    let body: Value = serde_json::from_slice(body).ok()?;
    (body.get("event")? == EVENT).then_some(())?;
    Some(body.get("nonce")?.as_str()?.to_owned())
}

/// What proves that it arrived where its secret is known.
fn proof(secret: &SecretString, nonce: &str) -> String {
    webhook::sign(secret, format!("{EVENT} arrived: {nonce}").as_bytes())
}

impl InboxService {
    /// The answer to a test of ours that was believed.
    pub(super) fn answer_to_self(&self, hook: &WebhookKeys, nonce: &str) -> Option<String> {
        let secret = hook.current.as_ref()?;
        let secret = hooks::open(&self.0.integrations.vault, hook.integration, secret).ok()?;
        Some(proof(&secret, nonce))
    }

    /// Sends a delivery over the public address and keeps how that went.
    pub(super) async fn test_itself(
        &self,
        admin: &Admin,
        integration: IntegrationId,
    ) -> Result<(), Failure> {
        self.0.hooks.forget();
        let known = self.hooks().await;
        let known = known.map_err(from_store)?;
        let hook = known.of(integration).ok_or(Failure::NotFound)?;
        let begun_at = self.now();
        let result = match hook.current.as_ref() {
            None => SelfTestResult::Disbelieved(Disbelief::NoSecret),
            Some(secret) => {
                let opened = hooks::open(&self.0.integrations.vault, integration, secret);
                let secret = opened.map_err(|error| internal(&error, error.code()))?;
                self.deliver_to_self(&self.address(&hook.path), &secret)
                    .await
            }
        };
        let at = self.now();
        let took_ms = u64::try_from((at - begun_at).num_milliseconds()).unwrap_or(0);
        let test = SelfTest {
            at,
            took_ms,
            result,
        };
        let saved = self.store().save_self_test(admin, integration, &test).await;
        saved.map_err(from_store)?;
        self.changed();
        Ok(())
    }

    async fn deliver_to_self(&self, address: &str, secret: &SecretString) -> SelfTestResult {
        let client = match self.0.integrations.egress.client_for_setting() {
            Ok(client) => client,
            Err(error) => return SelfTestResult::Unreachable(error.to_string()),
        };
        let nonce = hex::encode(self.0.integrations.rng.bytes::<16>());
        let body = json!({"event": EVENT, "nonce": nonce}).to_string();
        let sent = client
            .post(address)
            .timeout(PATIENCE)
            .header(header::CONTENT_TYPE, "application/json")
            .header(webhook::EVENT, EVENT)
            .header(webhook::SIGNATURE, webhook::sign(secret, body.as_bytes()))
            .body(body)
            .send()
            .await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => return SelfTestResult::Unreachable(why(&error)),
        };
        let status = answer.status();
        if status.is_redirection() {
            let to = answer.headers().get(header::LOCATION);
            let to = to.and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
            return SelfTestResult::Redirected(to.chars().take(200).collect());
        }
        if answer
            .content_length()
            .is_some_and(|length| length > 10_000)
        {
            return SelfTestResult::Elsewhere(status.as_u16());
        }
        let text = answer.text().await.unwrap_or_default();
        let why = Disbelief::ALL
            .into_iter()
            .find(|why| text.trim() == why.sentence());
        match (status, why) {
            (StatusCode::OK, _) if text.trim() == proof(secret, &nonce) => SelfTestResult::Passed,
            (StatusCode::UNAUTHORIZED, Some(why)) => SelfTestResult::Disbelieved(why),
            _ => SelfTestResult::Elsewhere(status.as_u16()),
        }
    }
}

/// The innermost reason: "connection refused" says more than "error sending request".
fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", PATIENCE.as_secs());
    }
    let mut reason: &dyn std::error::Error = error;
    while let Some(inner) = reason.source() {
        reason = inner;
    }
    reason.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_test_of_ours_is_one() {
        let body = |text: &str| nonce_of(text.as_bytes());
        assert_eq!(
            body(r#"{"event": "hangar.self_test", "nonce": "7"}"#).as_deref(),
            Some("7")
        );
        for other in [
            r#"{"event": "issue", "nonce": "7"}"#,
            r#"{"event": "hangar.self_test"}"#,
            r#"{"event": "hangar.self_test", "nonce": 7}"#,
            "hangar.self_test",
            "",
        ] {
            assert_eq!(body(other), None, "{other}");
        }
        let long = format!(
            r#"{{"event": "hangar.self_test", "nonce": "{}"}}"#,
            "7".repeat(LARGEST)
        );
        assert_eq!(body(&long), None);
    }
}
