/// Server functions of screens.
pub mod api;
/// Which screens there are, and how one is added.
pub mod settings;
/// What a screen shows.
pub mod wall;
