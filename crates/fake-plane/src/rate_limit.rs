//! Plane's rate limit: a sliding log per key (plane-api.md, section 6).

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

#[derive(Debug)]
pub(crate) struct RateLimit {
    /// Requests per minute and key; none means no limit and no headers.
    pub per_minute: Option<u32>,
    /// A minute, whatever the number; tests that must not take minutes shorten it.
    window: TimeDelta,
    log: HashMap<String, VecDeque<DateTime<Utc>>>,
}

/// What an allowed request's headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub remaining: u32,
    /// Always now + 60, not the moment at which the quota is free again (`rate-02-sequence`).
    pub reset: i64,
}

/// Seconds until the oldest request leaves the window.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany {
    pub retry_after: i64,
}

impl RateLimit {
    pub(crate) fn new(per_minute: Option<u32>, window: TimeDelta) -> Self {
        Self {
            per_minute,
            window,
            log: HashMap::new(),
        }
    }

    /// Counts a request, unless there were too many: those are not counted.
    pub(crate) fn admit(
        &mut self,
        key: &str,
        own_limit: Option<u32>,
        now: DateTime<Utc>,
    ) -> Result<Option<Allowance>, TooMany> {
        // A server without a limit lifts the service tokens' one too: benches want none at all.
        let Some(general) = self.per_minute else {
            return Ok(None);
        };
        let limit = own_limit.unwrap_or(general);
        let log = self.log.entry(key.to_owned()).or_default();
        while log.front().is_some_and(|&at| at <= now - self.window) {
            log.pop_front();
        }
        let used = u32::try_from(log.len()).unwrap_or(u32::MAX);
        if used >= limit {
            let oldest = log.front().copied().unwrap_or(now);
            let wait = (oldest + self.window - now).num_milliseconds();
            return Err(TooMany {
                retry_after: (wait + 999) / 1000,
            });
        }
        log.push_back(now);
        Ok(Some(Allowance {
            remaining: limit - used - 1,
            reset: (now + self.window).timestamp(),
        }))
    }

    pub(crate) fn forget(&mut self) {
        self.log.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutely(limit: u32) -> RateLimit {
        RateLimit::new(Some(limit), TimeDelta::seconds(60))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_459_000 + seconds, 0).unwrap()
    }

    #[test]
    fn the_window_slides_and_rejected_requests_do_not_lengthen_the_wait() {
        let mut limit = minutely(2);
        assert_eq!(limit.admit("k", None, at(0)).unwrap().unwrap().remaining, 1);
        assert_eq!(
            limit.admit("k", None, at(10)).unwrap().unwrap().remaining,
            0
        );
        assert_eq!(
            limit.admit("k", None, at(20)),
            Err(TooMany { retry_after: 40 })
        );
        assert_eq!(
            limit.admit("k", None, at(59)),
            Err(TooMany { retry_after: 1 })
        );
        assert_eq!(
            limit.admit("k", None, at(60)).unwrap().unwrap().remaining,
            0
        );
        assert_eq!(
            limit.admit("k", None, at(61)),
            Err(TooMany { retry_after: 9 })
        );
    }

    #[test]
    fn each_key_has_its_own_count_and_may_have_its_own_limit() {
        let mut limit = minutely(1);
        assert!(limit.admit("a", None, at(0)).is_ok());
        assert!(limit.admit("a", None, at(1)).is_err());
        assert_eq!(
            limit
                .admit("b", Some(300), at(1))
                .unwrap()
                .unwrap()
                .remaining,
            299
        );
    }

    #[test]
    fn reset_is_always_a_minute_from_now() {
        let mut limit = minutely(60);
        limit.admit("k", None, at(0)).unwrap();
        assert_eq!(
            limit.admit("k", None, at(30)).unwrap().unwrap().reset,
            at(90).timestamp()
        );
    }
}
