/// What is used of Plane's limit, key by key.
pub mod budget;
/// Every call to Plane for an integration.
pub mod calls;
/// What is looked at of an integration, and the health log.
pub mod checks;
/// Whether a connection works, by its tests.
pub mod connection;
/// How far back a page looks.
pub mod range;
/// Everything that happened to an integration.
pub mod timeline;
