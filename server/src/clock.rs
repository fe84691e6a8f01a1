use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

/// Where the time comes from: the system, or a test's hand.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    #[default]
    System,
    /// The system's, and so much more: what a portal would be like by then.
    Ahead(TimeDelta),
    Manual(Arc<Mutex<DateTime<Utc>>>),
}

impl Clock {
    /// A clock that stands still until it is moved.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Clock::Manual(Arc::new(Mutex::new(start)))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the system's clock"
    )]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Clock::System => Utc::now(),
            Clock::Ahead(by) => Utc::now() + *by,
            Clock::Manual(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Waits for so long. A manual clock moves on instead, at once.
    pub async fn sleep(&self, time: Duration) {
        match self {
            Clock::System | Clock::Ahead(_) => tokio::time::sleep(time).await,
            Clock::Manual(_) => {
                self.advance(TimeDelta::from_std(time).unwrap_or_default());
                tokio::task::yield_now().await;
            }
        }
    }

    /// Moves a manual clock; the system's is left alone.
    pub fn advance(&self, by: TimeDelta) {
        if let Clock::Manual(at) = self {
            *at.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }
}
