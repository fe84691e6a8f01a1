use std::time::Duration;

/// Times that follow from Plane, or from people's patience, and not from a setting. Tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// What Plane's limit counts over.
    pub rate_window: Duration,
    /// The longest wait that a `Retry-After` can ask for.
    pub longest_freeze: Duration,
    /// A run waits no longer than this for the limit.
    pub limit_wait: Duration,
    /// How long a Plane that is down is left alone.
    pub breaker_rest: Duration,
    /// The longest pause before the first repetition of a call; each further one may be twice as long.
    pub first_pause: Duration,
    pub longest_pause: Duration,
    /// No call is repeated that was made first longer ago than this.
    pub patience: Duration,
    /// A run that moves nothing for so long is ended.
    pub no_progress: Duration,
    /// A connection test is over by then, whatever the other side does.
    pub whole_test: Duration,
    /// A webhook's body must be here by then.
    pub delivery: Duration,
    /// How long Plane may take to answer.
    pub plane: plane::Times,
}

/// Ticks at this pace, the first at once; one that comes late moves those behind it.
pub(crate) fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            rate_window: Duration::from_secs(60),
            longest_freeze: Duration::from_secs(60 * 60),
            limit_wait: Duration::from_secs(180),
            breaker_rest: Duration::from_secs(60),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(300),
            patience: Duration::from_secs(20),
            no_progress: Duration::from_secs(5 * 60),
            whole_test: Duration::from_secs(10),
            delivery: Duration::from_secs(30), // as long as Plane itself waits for the answer
            plane: plane::Times::default(),
        }
    }
}
