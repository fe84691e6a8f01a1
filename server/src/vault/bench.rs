use std::{hint::black_box, time::Instant};

use super::envelope::{Key, Place, open, seal};
use crate::rng::Rng;

/// Seals and opens one value this often; answers a line of operations per second for each.
pub fn bench(rng: &Rng, rounds: u32) -> String {
    let key = Key::new(|bytes| rng.fill(bytes));
    let place = Place {
        table: "plane_integrations",
        record: "bench".into(),
        field: "api_key",
        version: 1,
    };
    let secret = b"plane_api_0123456789abcdef0123456789abcdef";
    let started = Instant::now();
    let mut sealed = String::new();
    for _ in 0..rounds {
        sealed = seal(&key, "bench", rng.bytes(), &place, black_box(secret));
    }
    let sealing = started.elapsed().as_secs_f64();
    let started = Instant::now();
    for _ in 0..rounds {
        // The same value each time, so every one opens.
        let _ = black_box(open(&key, &place, black_box(&sealed)));
    }
    let opening = started.elapsed().as_secs_f64();
    let rate = |seconds: f64| (f64::from(rounds) / seconds.max(f64::EPSILON)).round();
    format!(
        "seal {} per second\nopen {} per second\n",
        rate(sealing),
        rate(opening)
    )
}
