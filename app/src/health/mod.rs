/// What is used of Plane's limit, key by key.
pub mod budget;
/// How far back a page looks.
pub mod range;
