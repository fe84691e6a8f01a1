/// Somebody with a browser, JavaScript off.
pub mod person;
/// A portal and a Plane, started for one test.
pub mod portal;
/// A portal that can be killed.
pub mod process;

pub use person::Person;
pub use portal::TestPortal;
pub use process::HangarProcess;
