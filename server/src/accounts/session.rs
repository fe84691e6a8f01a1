use app::SessionToken;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::actor::Role;
use sha2::{Digest as _, Sha256};

use crate::rng::Rng;

/// A session that nobody used for this long is over.
pub const IDLE: TimeDelta = TimeDelta::hours(8);

/// However much it is used, a session is over after this long.
pub(super) fn lifetime(role: Role) -> TimeDelta {
    match role {
        Role::Admin => TimeDelta::hours(24),
        Role::Lead => TimeDelta::days(7),
    }
}

/// 256 random bits.
pub(super) fn new_token(rng: &Rng) -> SessionToken {
    SessionToken(URL_SAFE_NO_PAD.encode(rng.bytes::<32>()))
}

/// What the store keeps: whoever reads the database can't sign in with it.
pub(super) fn stored_id(token: &SessionToken) -> String {
    hex::encode(Sha256::digest(token.0.as_bytes()))
}
