/// What takes traces.
pub mod collector;
/// Webhooks under way while the portal dies.
pub mod deliveries;
/// A synced integration with a webhook.
pub mod hooked;
/// A mail server.
pub mod mail_server;
/// Somebody with a browser, JavaScript off.
pub mod person;
/// A portal and a Plane, started for one test.
pub mod portal;
/// A portal that can be killed.
pub mod process;
/// What takes messages over HTTP.
pub mod receiver;
/// A portal whose checks a test looks at.
pub mod watched;

use std::time::Duration;

pub use collector::Collector;
pub use deliveries::Deliveries;
pub use mail_server::MailServer;
pub use person::Person;
pub use portal::TestPortal;
pub use process::HangarProcess;
pub use watched::Watched;

/// So many seconds after the beginning of time, for what does not care.
pub fn at(seconds: i64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

/// Somebody who sends webhooks: keeps nothing, and follows nothing.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's sender is not the portal's way out"
)]
pub fn sender() -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let timeout = Duration::from_secs(30); // Plane's own (plane-api.md section 8)
    builder.no_proxy().timeout(timeout).build().unwrap()
}
