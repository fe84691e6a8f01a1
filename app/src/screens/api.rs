use domain::ids::ScreenId;
use leptos::prelude::*;

use crate::{Done, Failure, paths};

/// Makes an address that shows the overview without signing in.
#[server(prefix = "/api/ui", endpoint = "add_screen")]
pub async fn add_screen(#[server(default)] name: String) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().screens.add(&admin, name).await?;
    Done::go(paths::SCREENS)
}

/// Takes a screen's address back.
#[server(prefix = "/api/ui", endpoint = "remove_screen")]
pub async fn remove_screen(id: ScreenId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().screens.remove(&admin, id).await?;
    Done::go(paths::SCREENS)
}
