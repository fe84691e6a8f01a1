/// What is used of Plane's limit, key by key.
pub mod budget;
/// What is looked at of an integration, and the health log.
pub mod checks;
/// Whether a connection works, by its tests.
pub mod connection;
/// How far back a page looks.
pub mod range;
