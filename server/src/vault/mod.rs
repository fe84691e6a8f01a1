//! Secrets at rest. The master key wraps data keys, which stand in the store's keyring; data keys seal the values. The
//! master key is never in the database, a log or an export.

/// How fast it is.
mod bench;
/// The sealed form of a value.
pub mod envelope;
/// Where the master key comes from.
pub mod master_key;
/// A new master key.
mod rotate;

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use store::{KeyRow, Store};

pub use bench::bench;
pub use envelope::Place;
pub use master_key::MasterKeySource;
pub use rotate::rotate;

use self::envelope::{Key, Refused};
use crate::rng::Rng;

/// Seals and opens secrets. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    keys: Arc<Keys>,
    rng: Rng,
    /// The file that was made on this very start: it must be backed up.
    new_key_file: Option<PathBuf>,
}

struct Keys {
    active: String,
    by_id: HashMap<String, Key>,
    fingerprints: Key,
}

impl Vault {
    /// Opens the keyring with the master key. On the first run, and only then, both are made.
    pub async fn open(
        store: &Store,
        source: &MasterKeySource,
        rng: &Rng,
        now: DateTime<Utc>,
    ) -> Result<Self, VaultError> {
        let mut rows = store.keyring().await?;
        if rows.is_empty() && store.holds_secrets().await? {
            return Err(VaultError::KeyringLost);
        }
        let mut new_key_file = None;
        let (master, from) = match source.origin()? {
            Some(origin) => (origin.read()?, origin.describe()),
            None if rows.is_empty() => {
                let path = source
                    .default_file
                    .clone()
                    .ok_or(VaultError::NotConfigured)?;
                let master = master_key::generate(&path, rng)?;
                let from = format!("the file {}", path.display());
                new_key_file = Some(path);
                (master, from)
            }
            None => {
                return Err(VaultError::Missing {
                    default_file: source.default_file.clone(),
                });
            }
        };
        if rows.is_empty() {
            // Another process may be faster; its key is as good.
            store.create_key(new_data_key(&master, rng, now)).await?;
            rows = store.keyring().await?;
        }
        let keys = Keys::unwrap(&rows, &master, &from)?;
        Ok(Self {
            keys: Arc::new(keys),
            rng: rng.clone(),
            new_key_file,
        })
    }

    /// Where the master key was written, if this start made it.
    pub fn new_key_file(&self) -> Option<&PathBuf> {
        self.new_key_file.as_ref()
    }

    /// Seals a secret for its place.
    pub fn seal(&self, at: &Place, secret: &SecretString) -> Result<String, VaultError> {
        let id = &self.keys.active;
        let key = self.keys.by_id.get(id).ok_or(VaultError::Refused)?;
        Ok(envelope::seal(
            key,
            id,
            self.rng.bytes(),
            at,
            secret.expose_secret().as_bytes(),
        ))
    }

    /// Opens what was sealed for this place, and nothing else.
    pub fn unseal(&self, at: &Place, sealed: &str) -> Result<SecretString, VaultError> {
        let id = envelope::key_id(sealed)?;
        let key = self.keys.by_id.get(id).ok_or(VaultError::Refused)?;
        let secret = envelope::open(key, at, sealed)?;
        let secret = std::str::from_utf8(&secret).map_err(|_| VaultError::Refused)?;
        Ok(SecretString::from(secret))
    }

    /// Tells equal secrets by, and nothing else of them: 16 hex digits that outlive every master key.
    pub fn fingerprint(&self, secret: &SecretString) -> String {
        let mac = self
            .keys
            .fingerprints
            .mac(secret.expose_secret().as_bytes());
        hex::encode(&mac[..8])
    }
}

impl Keys {
    /// Unwraps all data keys, oldest first. The oldest is never dropped: fingerprints hang on it.
    fn unwrap(rows: &[KeyRow], master: &Key, from: &str) -> Result<Self, VaultError> {
        let mut by_id = HashMap::new();
        for row in rows {
            by_id.insert(row.id.clone(), unwrap_data_key(row, master, from)?);
        }
        let active = rows
            .iter()
            .find(|row| row.state == "active")
            .ok_or(VaultError::KeyringLost)?;
        let oldest = rows.first().and_then(|row| by_id.get(&row.id));
        let fingerprints = oldest
            .ok_or(VaultError::KeyringLost)?
            .sub_key(b"hangar/v1|fingerprint");
        Ok(Self {
            active: active.id.clone(),
            by_id,
            fingerprints,
        })
    }
}

fn new_data_key(master: &Key, rng: &Rng, now: DateTime<Utc>) -> KeyRow {
    let id = rng.uuid_v4().to_string();
    let key = Key::new(|bytes| rng.fill(bytes));
    KeyRow {
        wrapped: wrap(&id, &key, master, rng),
        id,
        master_id: master.id(),
        state: "active".to_owned(),
        created_at: now,
    }
}

fn wrap(id: &str, key: &Key, master: &Key, rng: &Rng) -> String {
    envelope::seal(
        master,
        &master.id(),
        rng.bytes(),
        &wrapped_at(id),
        key.expose(),
    )
}

fn unwrap_data_key(row: &KeyRow, master: &Key, from: &str) -> Result<Key, VaultError> {
    if row.master_id != master.id() {
        return Err(VaultError::Wrong {
            origin: from.to_owned(),
            is: master.id(),
            expected: row.master_id.clone(),
        });
    }
    let damaged = || VaultError::KeyDamaged { id: row.id.clone() };
    let bytes =
        envelope::open(master, &wrapped_at(&row.id), &row.wrapped).map_err(|Refused| damaged())?;
    Key::from_slice(&bytes).ok_or_else(damaged)
}

fn wrapped_at(id: &str) -> Place {
    Place {
        table: "keyring",
        record: id.to_owned(),
        field: "wrapped",
        version: 1,
    }
}

/// Why the vault did not open, or not seal or unseal. Names places, never what is in them.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error(
        "There are two master keys: {first} and {second}. Keep one of them; if unsure, the one that was used before."
    )]
    TwoSources { first: String, second: String },
    #[error(
        "There is no master key. Set --master-key-file (or HANGAR_MASTER_KEY_FILE) to a file with 64 hexadecimal digits that only this user can read."
    )]
    NotConfigured,
    #[error(
        "The database holds secrets, but the master key that opens them is missing{}. Put it back from its backup, or name it by --master-key-file. No new key was made: it could not open what is there.",
        looked_at(.default_file.as_deref())
    )]
    Missing { default_file: Option<PathBuf> },
    #[error(
        "The master key in {origin} is not the one that this database was sealed with (it is {is}, and {expected} is needed). Put the right one back from its backup; after `hangar key rotate` it is the new one. Nothing was changed."
    )]
    Wrong {
        origin: String,
        is: String,
        expected: String,
    },
    #[error(
        "{} can be read by others (mode {mode:o}). Run `chmod 600 {}`.", .path.display(), .path.display()
    )]
    Permissions { path: PathBuf, mode: u32 },
    #[error("The master key file {} can't be read: {reason}.", .path.display())]
    Read { path: PathBuf, reason: String },
    #[error("A new master key can't be written to {}: {reason}.", .path.display())]
    Write { path: PathBuf, reason: String },
    #[error("{origin} is no master key: 64 hexadecimal digits or 32 bytes in base64 are expected.")]
    Malformed { origin: String },
    #[error("{} holds the master key that is in use already.", .path.display())]
    SameKey { path: PathBuf },
    #[error(
        "The database holds sealed secrets, but its keyring is gone. Restore the database from a backup that has both."
    )]
    KeyringLost,
    #[error("The data key {id} in the database was damaged. Restore the database from a backup.")]
    KeyDamaged { id: String },
    /// Altered, moved, or not ours.
    #[error("A sealed value can't be opened: it was altered or moved.")]
    Refused,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl VaultError {
    /// A stable word for logs.
    pub fn code(&self) -> &'static str {
        match self {
            VaultError::TwoSources { .. } => "master_key_two_sources",
            VaultError::NotConfigured => "master_key_not_configured",
            VaultError::Missing { .. } => "master_key_missing",
            VaultError::Wrong { .. } => "master_key_wrong",
            VaultError::Permissions { .. } => "master_key_permissions",
            VaultError::Read { .. } => "master_key_unreadable",
            VaultError::Write { .. } => "master_key_write",
            VaultError::Malformed { .. } => "master_key_malformed",
            VaultError::SameKey { .. } => "master_key_same",
            VaultError::KeyringLost => "keyring_lost",
            VaultError::KeyDamaged { .. } => "data_key_damaged",
            VaultError::Refused => "sealed_value_refused",
            VaultError::Store(error) => error.code(),
        }
    }

    /// What the process ends with: 78 (`EX_CONFIG`) for what starting again does not mend.
    pub fn exit_code(&self) -> u8 {
        match self {
            VaultError::Store(_) | VaultError::Refused => 1,
            _ => 78,
        }
    }
}

impl From<Refused> for VaultError {
    fn from(_: Refused) -> Self {
        VaultError::Refused
    }
}

fn looked_at(default_file: Option<&std::path::Path>) -> String {
    default_file.map_or_else(String::new, |path| {
        format!(" (looked at {})", path.display())
    })
}

#[cfg(test)]
mod tests;
