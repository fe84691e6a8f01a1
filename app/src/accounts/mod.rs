/// Server functions.
pub mod api;
/// Who may sign in, and as what.
pub mod people;
/// One's own account.
pub mod profile;
/// The first admin, by the link that Hangar prints at its first start.
pub mod set_up;
/// What can be set, and where.
pub mod settings;
/// Who is it?
pub mod sign_in;
