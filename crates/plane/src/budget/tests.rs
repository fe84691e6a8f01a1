use super::*;
use proptest::prelude::*;

const WINDOW: Duration = Duration::from_secs(60);
const FAR: Duration = Duration::from_secs(3600);

async fn call(budget: &Budget, lane: Lane) -> Instant {
    let permit = budget
        .acquire(lane, Instant::now() + FAR, |_| ())
        .await
        .unwrap();
    permit.answered();
    drop(permit);
    Instant::now()
}

/// Whether a call in `lane` would have to wait.
fn waits(budget: &Budget, lane: Lane) -> bool {
    let now = Instant::now();
    let mut state = budget.state();
    state.forget(now);
    let ticket = state.lanes.enter(lane, now);
    let turn = state.turn(lane, ticket, now);
    state.lanes.leave(lane, ticket);
    turn != Turn::Now
}

#[tokio::test(start_paused = true)]
async fn no_window_of_60_seconds_sees_more_than_60_calls_and_none_less_than_97_percent() {
    let budget = Budget::default();
    let began = Instant::now();
    let mut made = Vec::new();
    while began.elapsed() < Duration::from_secs(600) {
        made.push(call(&budget, Lane::Sync).await - began);
    }
    for window in made.windows(61) {
        assert!(window[60] - window[0] >= WINDOW, "{window:?}");
    }
    assert!(made.len() >= 600 * 97 / 100, "{}", made.len());
}

#[tokio::test(start_paused = true)]
async fn a_person_waits_two_seconds_at_most_however_busy_a_sync_is() {
    for pause in [0, 1, 30, 53, 56, 58, 61, 90, 117, 1000] {
        let budget = Arc::new(Budget::default());
        let sync = tokio::spawn({
            let budget = budget.clone();
            async move {
                loop {
                    call(&budget, Lane::Sync).await;
                }
            }
        });
        tokio::time::sleep(Duration::from_secs(pause)).await;
        let asked = Instant::now();
        for _ in 0..3 {
            call(&budget, Lane::Interactive).await;
        }
        assert!(
            asked.elapsed() <= Duration::from_secs(2),
            "{:?} after a pause of {pause} s",
            asked.elapsed()
        );
        sync.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn people_go_first_and_a_patient_sync_is_not_starved() {
    let budget = Arc::new(Budget::default());
    for _ in 0..60 {
        call(&budget, Lane::Interactive).await;
    }
    let sync = tokio::spawn({
        let budget = budget.clone();
        async move { call(&budget, Lane::Sync).await }
    });
    let person = tokio::spawn({
        let budget = budget.clone();
        async move { call(&budget, Lane::Interactive).await }
    });
    assert!(person.await.unwrap() <= sync.await.unwrap());

    let asked = Instant::now();
    let people: Vec<_> = (0..200)
        .map(|_| {
            let budget = budget.clone();
            tokio::spawn(async move { call(&budget, Lane::Interactive).await })
        })
        .collect();
    call(&budget, Lane::Sync).await;
    assert!(
        asked.elapsed() < Duration::from_secs(61),
        "{:?}",
        asked.elapsed()
    );
    people.iter().for_each(|person| person.abort());
}

#[tokio::test(start_paused = true)]
async fn a_429_freezes_the_key_and_then_one_call_finds_out_what_is_free() {
    let budget = Budget::default();
    budget.freeze(Duration::from_secs(57));
    assert_eq!(budget.free(), 0);
    let asked = Instant::now();
    let mut told = None;
    let permit = budget
        .acquire(Lane::Sync, asked + FAR, |until| told = Some(until))
        .await
        .unwrap();
    assert_eq!(asked.elapsed(), Duration::from_secs(57));
    assert_eq!(told, Some(asked + Duration::from_secs(57)));
    assert!(
        waits(&budget, Lane::Sync),
        "only one call goes out before its answer is seen"
    );
    permit.learn(22);
    drop(permit);
    assert_eq!(budget.free(), 22);
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_allowed_is_refused_at_once() {
    let budget = Budget::default();
    budget.freeze(Duration::from_secs(57));
    let asked = Instant::now();
    let refused = budget
        .acquire(Lane::Sync, asked + Duration::from_secs(10), |_| ())
        .await;
    assert_eq!(refused.err(), Some(Duration::from_secs(57)));
    assert!(asked.elapsed().is_zero());
}

#[tokio::test(start_paused = true)]
async fn others_that_use_the_key_are_noticed_and_forgotten() {
    let budget = Budget::default();
    let permit = budget
        .acquire(Lane::Sync, Instant::now() + FAR, |_| ())
        .await
        .unwrap();
    permit.learn(19);
    drop(permit);
    assert_eq!(budget.free(), 19);
    tokio::time::advance(WINDOW).await;
    assert_eq!(budget.free(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_larger_limit_is_learnt() {
    let budget = Budget::default();
    let permit = budget
        .acquire(Lane::Sync, Instant::now() + FAR, |_| ())
        .await
        .unwrap();
    permit.learn(299);
    drop(permit);
    assert_eq!((budget.limit(), budget.free()), (300, 299));
}

#[tokio::test(start_paused = true)]
async fn a_plane_without_a_limit_is_not_held_back_until_it_answers_429() {
    let budget = Budget::default();
    let asked = Instant::now();
    for _ in 0..500 {
        let permit = budget
            .acquire(Lane::Sync, Instant::now() + FAR, |_| ())
            .await
            .unwrap();
        permit.answered();
        budget.learn_of_no_limit();
        drop(permit);
    }
    assert!(asked.elapsed().is_zero());
    budget.freeze(Duration::from_secs(3));
    assert_eq!(budget.limit(), 60);
    call(&budget, Lane::Sync).await;
    assert_eq!(
        asked.elapsed(),
        WINDOW,
        "the calls of the last minute count"
    );
    budget.learn_of_no_limit();
    assert_eq!(budget.limit(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_limit_is_kept() {
    let budget = Budget::default();
    for left in (0..10).rev() {
        let permit = budget
            .acquire(Lane::Interactive, Instant::now() + FAR, |_| ())
            .await
            .unwrap();
        permit.learn(left);
        drop(permit);
    }
    assert_eq!(budget.free(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_counts_and_a_cancelled_wait_leaves_nothing() {
    let budget = Budget::default();
    drop(
        budget
            .acquire(Lane::Sync, Instant::now() + FAR, |_| ())
            .await
            .unwrap(),
    );
    assert_eq!(budget.free(), 59);
    budget.freeze(Duration::from_secs(5));
    {
        let wait = budget.acquire(Lane::Interactive, Instant::now() + FAR, |_| ());
        tokio::select! {
            biased;
            _ = wait => panic!("the budget is frozen"),
            () = tokio::task::yield_now() => {}
        }
    }
    let state = budget.state();
    assert_eq!((state.lanes.len(), state.in_flight), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_plane_did_not_count_is_given_back() {
    let budget = Budget::default();
    budget
        .acquire(Lane::Sync, Instant::now() + FAR, |_| ())
        .await
        .unwrap()
        .give_back();
    assert_eq!(budget.free(), 60);
}

#[tokio::test(start_paused = true)]
async fn equal_keys_at_one_origin_share_a_budget() {
    let budgets = Budgets::default();
    let budget = |base: &str, fingerprint: &str| {
        let base = base.parse().unwrap();
        budgets.for_key(BudgetKey::new(&base, fingerprint), |_, _| ())
    };
    let one = budget("https://p.example", "ab12");
    call(&one, Lane::Sync).await;
    assert!(Arc::ptr_eq(
        &one,
        &budget("https://p.example/prefix", "ab12")
    ));
    for (base, fingerprint) in [
        ("https://p.example", "cd34"),
        ("https://q.example", "ab12"),
        ("http://p.example", "ab12"),
        ("https://p.example:8443", "ab12"),
    ] {
        assert_eq!(budget(base, fingerprint).free(), 60, "{base} {fingerprint}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_happens_no_window_is_overdrawn(
        steps in prop::collection::vec((0u8..6, 0u32..400, 0u64..40_000), 1..200),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let made = runtime.block_on(async {
            let budget = Budget::default();
            let mut made = Vec::new();
            for (what, number, pause) in steps {
                match what {
                    0 => tokio::time::advance(Duration::from_millis(pause)).await,
                    1 => drop(budget.freeze(Duration::from_millis(pause))),
                    2 => {
                        let lane = if number % 2 == 0 { Lane::Sync } else { Lane::Interactive };
                        let latest = Instant::now() + Duration::from_millis(pause);
                        let _ = budget.acquire(lane, latest, |_| ()).await.map(Permit::give_back);
                    }
                    _ => {
                        for _ in 0..number % 70 {
                            made.push(call(&budget, if what == 3 { Lane::Interactive } else { Lane::Sync }).await);
                        }
                    }
                }
            }
            made
        });
        for window in made.windows(61) {
            prop_assert!(window[60] - window[0] >= WINDOW);
        }
    }
}
