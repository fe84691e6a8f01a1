use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

/// So many deliveries of one sender that are not believed are kept in a minute. Plane itself, with a secret that is not known
/// here, rarely sends more; whoever found out an address could fill the disk with writes otherwise.
const A_MINUTE: u32 = 300;
/// So many senders are remembered at once; of more, nothing is kept before the minute is over.
const SENDERS: usize = 10_000;

/// How much is written for senders that are not believed. In memory: each process counts for itself.
#[derive(Default)]
pub(super) struct Doubts(Mutex<HashMap<String, (DateTime<Utc>, u32)>>);

impl Doubts {
    /// Whether one more delivery of this sender may cost a write.
    pub(super) fn may_write(&self, sender: &str, now: DateTime<Utc>) -> bool {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |since: DateTime<Utc>| (now - since).abs() >= TimeDelta::minutes(1);
        if senders.len() >= SENDERS {
            senders.retain(|_, (since, _)| !is_over(*since));
        }
        if senders.len() >= SENDERS && !senders.contains_key(sender) {
            return false;
        }
        let (since, count) = senders.entry(sender.to_owned()).or_insert((now, 0));
        if is_over(*since) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= A_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sender_has_a_minute_for_itself() {
        let (doubts, start) = (Doubts::default(), DateTime::UNIX_EPOCH);
        for _ in 0..A_MINUTE {
            assert!(doubts.may_write("192.0.2.1", start));
        }
        let later = start + TimeDelta::seconds(59);
        assert!(!doubts.may_write("192.0.2.1", later));
        assert!(doubts.may_write("192.0.2.2", later));
        assert!(doubts.may_write("192.0.2.1", start + TimeDelta::seconds(60)));
    }

    #[test]
    fn memory_is_bounded_and_freed_after_the_minute() {
        let (doubts, start) = (Doubts::default(), DateTime::UNIX_EPOCH);
        for n in 0..SENDERS {
            assert!(doubts.may_write(&n.to_string(), start));
        }
        assert!(!doubts.may_write("one more", start));
        assert!(doubts.may_write("7", start), "a known one goes on");
        assert!(doubts.may_write("one more", start + TimeDelta::minutes(1)));
    }
}
