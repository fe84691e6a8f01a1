use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How often which whole number came, such as milliseconds: exact below 16, beyond that within a sixteenth of the number. Two can be
/// added, so a day's is the sum of its hours'.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(BTreeMap<u16, u64>);

/// Each doubling is cut into so many buckets.
const PARTS: u64 = 8;

impl Histogram {
    pub fn add(&mut self, number: u64) {
        self.add_many(number, 1);
    }

    pub fn add_many(&mut self, number: u64, times: u64) {
        if times > 0 {
            *self.0.entry(bucket(number)).or_default() += times;
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (bucket, times) in &other.0 {
            *self.0.entry(*bucket).or_default() += times;
        }
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number that a share of all does not exceed, from 0.0 to 1.0; `None` when there is none.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let rank = ((share.clamp(0.0, 1.0) * self.count() as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, times) in &self.0 {
            seen += times;
            if seen >= rank {
                return Some(middle(*bucket));
            }
        }
        None
    }

    /// The largest number, as exactly as it is kept.
    pub fn largest(&self) -> Option<u64> {
        self.0.keys().next_back().map(|bucket| middle(*bucket))
    }

    /// The buckets that hold something: the largest number of each, and how many.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().map(|(bucket, times)| (last(*bucket), *times))
    }
}

/// Numbers below 16 have a bucket each; then each doubling has eight.
fn bucket(number: u64) -> u16 {
    if number < 2 * PARTS {
        return number as u16;
    }
    let doublings = u64::from(number.ilog2()) - 3;
    // The three bits below the highest one.
    let part = (number >> doublings) & (PARTS - 1);
    (doublings * PARTS + PARTS + part) as u16
}

fn first(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    if bucket < 2 * PARTS {
        return bucket;
    }
    let doublings = bucket / PARTS - 1;
    (PARTS + bucket % PARTS)
        .checked_shl(doublings as u32)
        .unwrap_or(u64::MAX)
}

fn last(bucket: u16) -> u64 {
    if bucket == self::bucket(u64::MAX) {
        return u64::MAX;
    }
    first(bucket + 1) - 1
}

fn middle(bucket: u16) -> u64 {
    let (first, last) = (first(bucket), last(bucket));
    first + (last - first) / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_numbers_are_exact_and_nothing_gives_nothing() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.largest()), (None, None));
        for number in [3, 1, 15, 2, 4] {
            histogram.add(number);
        }
        let at = |share| histogram.quantile(share).unwrap();
        assert_eq!((at(0.0), at(0.5), at(0.8), at(1.0)), (1, 3, 4, 15));
    }

    proptest! {
        #[test]
        fn every_number_has_its_bucket(number: u64) {
            let bucket = bucket(number);
            prop_assert!(first(bucket) <= number && number <= last(bucket));
            prop_assert!(middle(bucket).abs_diff(number) <= number / 16);
        }

        #[test]
        fn larger_numbers_have_later_buckets(a: u64, b: u64) {
            prop_assert!(a > b || bucket(a) <= bucket(b));
        }

        #[test]
        fn a_quantile_is_near_the_true_one(mut numbers in prop::collection::vec(0u64..10_000_000, 1..200), share in 0.0f64..=1.0) {
            let mut histogram = Histogram::default();
            numbers.iter().for_each(|number| histogram.add(*number));
            numbers.sort_unstable();
            let rank = ((share * numbers.len() as f64).ceil() as usize).max(1);
            let exact = numbers[rank - 1];
            prop_assert!(histogram.quantile(share).unwrap().abs_diff(exact) <= exact / 16);
        }

        #[test]
        fn the_sum_of_two_holds_what_both_hold(a in prop::collection::vec(any::<u64>(), 0..50), b in prop::collection::vec(any::<u64>(), 0..50)) {
            let of = |numbers: &[u64]| {
                let mut histogram = Histogram::default();
                numbers.iter().for_each(|number| histogram.add(*number));
                histogram
            };
            let mut sum = of(&a);
            sum.merge(&of(&b));
            prop_assert_eq!(sum.count(), (a.len() + b.len()) as u64);
            prop_assert_eq!(sum, of(&[a, b].concat()));
        }
    }
}
