use std::path::Path;

use chrono::{DateTime, Utc};
use store::Store;

use super::{
    MasterKeySource, VaultError,
    master_key::{self, Origin},
    unwrap_data_key, wrap,
};
use crate::rng::Rng;

/// Puts all data keys under the key in `new_file`, which is made if it is not there. One transaction: whenever the
/// process dies, either the old or the new key opens the vault. No sealed value is touched. Answers how many data keys
/// there are.
///
/// The old key must be kept as long as backups from before are.
pub async fn rotate(
    store: &Store,
    old: &MasterKeySource,
    new_file: &Path,
    rng: &Rng,
    now: DateTime<Utc>,
) -> Result<usize, VaultError> {
    let rows = store.keyring().await?;
    let Some(origin) = old.origin()? else {
        return Err(VaultError::Missing {
            default_file: old.default_file.clone(),
        });
    };
    let (old, from) = (origin.read()?, origin.describe());
    let mut keys = Vec::with_capacity(rows.len());
    for row in &rows {
        keys.push((row.id.clone(), unwrap_data_key(row, &old, &from)?));
    }
    // On disk before the database needs it.
    let new = if new_file.exists() {
        Origin::File(new_file.to_owned()).read()?
    } else {
        master_key::generate(new_file, rng)?
    };
    if new.id() == old.id() {
        return Err(VaultError::SameKey {
            path: new_file.to_owned(),
        });
    }
    let wrapped = keys
        .iter()
        .map(|(id, key)| (id.clone(), wrap(id, key, &new, rng)))
        .collect();
    store
        .rewrap_keys(&old.id(), wrapped, &new.id(), now)
        .await?;
    Ok(keys.len())
}
