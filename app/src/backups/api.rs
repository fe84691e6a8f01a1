use leptos::prelude::*;

use crate::{Done, Failure, paths};

/// Begins a backup; it goes on by itself.
#[server(prefix = "/api/ui", endpoint = "make_backup")]
pub async fn make_backup() -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().backups.make(&admin).await?;
    Done::go(paths::BACKUPS)
}
