use std::sync::Arc;

use app::Failure;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use url::Url;

use super::AccountsService;
use crate::{failure::from_store, rng::Rng};

/// What the set-up link carries: 128 random bits that live as long as the process.
#[derive(Clone)]
pub(super) struct SetUpToken(Arc<SecretString>);

impl SetUpToken {
    pub(super) fn new(rng: &Rng) -> Self {
        Self(Arc::new(hex::encode(rng.bytes::<16>()).into()))
    }

    pub(super) fn is(&self, typed: &str) -> bool {
        self.0
            .expose_secret()
            .as_bytes()
            .ct_eq(typed.as_bytes())
            .into()
    }
}

impl AccountsService {
    /// The link by which the first admin is made; `None` once there is anybody.
    pub async fn set_up_link(&self, public_url: &Url) -> Result<Option<String>, Failure> {
        if self.store.has_users().await.map_err(from_store)? {
            return Ok(None);
        }
        let base = public_url.as_str().trim_end_matches('/');
        Ok(Some(format!(
            "{base}/setup?token={}",
            self.set_up_token.0.expose_secret()
        )))
    }
}
