//! `kill -9` under deliveries: what was answered 200 is there, and none has two effects.

use crate::support::{Deliveries, HangarProcess};

/// Five in every test run; as many as one likes by `HANGAR_KILLS`, in a soak.
const KILLS: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_every_kill_and_has_one_effect() {
    let kills = std::env::var("HANGAR_KILLS").map_or(KILLS, |n| n.parse().unwrap());
    let data = tempfile::tempdir().unwrap();
    let mut hangar = HangarProcess::set_up(data.path(), &[]);
    let mut deliveries = Deliveries::begin(&hangar, 11).await;
    let mut received = Vec::new();

    for _ in 0..kills {
        received.extend(deliveries.until(hangar, HangarProcess::kill).await);
        hangar = HangarProcess::start(data.path(), &[]);
    }

    assert!(received.len() > kills * 20, "{}", received.len());
    let lost = deliveries.lost(&hangar, &received).await;
    assert_eq!(lost, 0);
    deliveries.each_has_one_effect(&hangar).await;
    hangar.stop();
}
