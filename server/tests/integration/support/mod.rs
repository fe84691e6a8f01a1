/// Somebody with a browser, JavaScript off.
pub mod person;
/// A portal and a Plane, started for one test.
pub mod portal;

pub use person::Person;
pub use portal::TestPortal;
