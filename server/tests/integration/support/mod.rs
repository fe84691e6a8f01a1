/// A portal and a Plane, started for one test.
pub mod portal;
/// Somebody with a browser, JavaScript off.
pub mod person;

pub use person::Person;
pub use portal::TestPortal;
