use async_trait::async_trait;
use domain::{
    actor::{Admin, Viewer},
    ids::ScreenId,
    screen::Screen,
};

use crate::failure::Failure;

/// Screens on walls, which show the overview without anybody signing in.
#[async_trait]
pub trait Screens: Send + Sync {
    /// By name. For an admin with the addresses of those that were added a moment ago.
    async fn list(&self, viewer: &Viewer) -> Result<Vec<ScreenRow>, Failure>;
    async fn add(&self, admin: &Admin, name: String) -> Result<ScreenId, Failure>;
    /// From then on it shows nothing.
    async fn remove(&self, admin: &Admin, id: ScreenId) -> Result<(), Failure>;
}

/// A screen, and its address as long as that is shown.
#[derive(Clone, Debug)]
pub struct ScreenRow {
    pub screen: Screen,
    pub address: Option<String>,
}
