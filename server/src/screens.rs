use std::sync::Arc;

use app::{Failure, ScreenRow, Screens, paths};
use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::{
    actor::{Admin, Viewer},
    ids::ScreenId,
    screen::Screen,
    text::TextError,
};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use store::{SealedScreen, Store};

use crate::{
    clock::Clock,
    drafts,
    failure::{from_store, internal},
    rng::Rng,
    vault::{Place, Vault},
};

/// For so long after it was added a screen's address is shown to admins.
const SHOWN: TimeDelta = TimeDelta::minutes(10);
/// How exactly it is known when a screen was last shown.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Screens on walls. What their addresses end in is 256 random bits, of which the store has a hash to find them by.
#[derive(Clone)]
pub struct ScreensService {
    pub store: Store,
    pub vault: Arc<Vault>,
    pub clock: Clock,
    pub rng: Rng,
    /// Without a slash at its end.
    pub public_url: String,
}

impl ScreensService {
    /// The screen whose address ends so.
    pub async fn screen_of(&self, token: &str) -> Result<Option<Screen>, Failure> {
        let (hash, now) = (hash(token), self.clock.now());
        let found = self.store.screen_of(&hash).await.map_err(from_store)?;
        if let Some(screen) = &found
            && screen.seen_at.is_none_or(|seen| now - seen >= SEEN_EVERY)
        {
            self.store
                .screen_shown(&hash, now)
                .await
                .map_err(from_store)?;
        }
        Ok(found)
    }
}

fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

fn place(id: ScreenId) -> Place {
    Place {
        table: "screens",
        record: id.to_string(),
        field: "sealed",
        version: 1,
    }
}

#[async_trait]
impl Screens for ScreensService {
    async fn list(&self, viewer: &Viewer) -> Result<Vec<ScreenRow>, Failure> {
        let all = self.store.screens(viewer).await.map_err(from_store)?;
        let now = self.clock.now();
        let row = |found: SealedScreen| {
            let is_new = viewer.is_admin() && now - found.screen.created_at <= SHOWN;
            let token = is_new.then(|| self.vault.unseal(&place(found.screen.id), &found.sealed));
            let token = token
                .transpose()
                .map_err(|error| internal(&error, error.code()))?;
            let address = token.map(|token| {
                let path = paths::screen(token.expose_secret());
                format!("{}{path}", self.public_url)
            });
            Ok(ScreenRow {
                screen: found.screen,
                address,
            })
        };
        all.into_iter().map(row).collect()
    }

    async fn add(&self, admin: &Admin, name: String) -> Result<ScreenId, Failure> {
        let name = match name.parse() {
            Ok(name) => name,
            Err(TextError(says)) => {
                let values = [("name".to_owned(), name)].into();
                let kept_in = (&self.store, &self.clock, &self.rng);
                let failure = Failure::field("name", says);
                return Err(drafts::keep(kept_in, admin, "screen", values, failure).await);
            }
        };
        let now = self.clock.now();
        let id = ScreenId(self.rng.uuid_v7(now));
        let token = SecretString::from(URL_SAFE_NO_PAD.encode(self.rng.bytes::<32>()));
        let sealed = self
            .vault
            .seal(&place(id), &token)
            .map_err(|error| internal(&error, error.code()))?;
        let screen = SealedScreen {
            screen: Screen {
                id,
                name,
                by: admin.user().name.to_string(),
                created_at: now,
                seen_at: None,
            },
            sealed,
        };
        self.store
            .add_screen(admin, &hash(token.expose_secret()), &screen, now)
            .await
            .map_err(from_store)?;
        Ok(id)
    }

    async fn remove(&self, admin: &Admin, id: ScreenId) -> Result<(), Failure> {
        let removed = self.store.remove_screen(admin, id, self.clock.now()).await;
        removed
            .map_err(from_store)?
            .then_some(())
            .ok_or(Failure::NotFound)
    }
}
