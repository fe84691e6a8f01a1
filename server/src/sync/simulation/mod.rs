//! The sync core against the fake Plane in the same process and a `mem://` store, under clocks that only move when the
//! simulation moves them. A seed plans what happens ([`plan`]); after every run the invariants of
//! reliability-security.md section 3.3 must hold, and at rest the copy must be what Plane shows ([`world`]).
//!
//! `HANGAR_SEEDS` says how many seeds are tried (500), `HANGAR_SEED` names a single one. [`orders`] tells the same events in many
//! orders.

mod orders;
mod plan;
mod webhooks;
mod world;

use std::{
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use futures::FutureExt as _;

use self::{
    plan::{Plan, Step, plan},
    world::{Ground, World},
};

const SEEDS: u64 = 500;

/// Does what the plan says; the trace of what happened.
async fn simulate(ground: &Ground, seed: u64, plan: Plan) -> Vec<String> {
    let mut world = World::new(ground, seed, plan.page_size, plan.items).await;
    for step in plan.steps {
        match step {
            Step::Edit(edit) => world.edit(edit),
            Step::Fail(fault) => world.plane.fail(fault),
            Step::Heal => world.plane.heal(),
            Step::Wait(time) => world.wait(time),
            Step::Jump(time) => world.jump(time),
            Step::Run(run) => drop(world.run(run).await),
            Step::Release => world.admin_acts().await,
            Step::Restore(project) => world.restore(project).await,
            Step::Deliver(deliveries) => world.deliver(deliveries).await,
            Step::Lose(which) => world.lose(which),
        }
    }
    world.check_at_rest().await;
    world.trace
}

/// One runtime a thread, so that a seed's tasks run in one order.
fn on_one_thread<R>(work: impl Future<Output = R>) -> R {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(work)
}

/// What went wrong, with all that is needed to see it again.
async fn failure(ground: &Ground, seed: u64) -> Option<String> {
    let plan = plan(seed);
    let says = panic_of(simulate(ground, seed, plan.clone())).await?;
    Some(format!("HANGAR_SEED={seed}: {says}\n{plan:?}"))
}

/// What a story panicked with, if it did.
async fn panic_of<R>(story: impl Future<Output = R>) -> Option<String> {
    let panic = AssertUnwindSafe(story).catch_unwind().await.err()?;
    let says = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|says| (*says).to_owned()));
    Some(says.unwrap_or_default())
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn the_invariants_hold_whatever_happens() {
    let seeds = match number("HANGAR_SEED") {
        Some(one) => one..one + 1,
        None => 0..number("HANGAR_SEEDS").unwrap_or(SEEDS),
    };
    on_all_threads(seeds, async |ground, seed| failure(ground, seed).await);
}

/// Tries these seeds, on as many threads as there are; `attempt` answers what went wrong.
fn on_all_threads(
    seeds: std::ops::Range<u64>,
    attempt: impl AsyncFn(&Ground, u64) -> Option<String> + Sync,
) {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        on_one_thread(async {
            let mut ground = Ground::new().await;
            let mut failures = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end || failures.len() > 3 {
                    return failures;
                }
                if let Some(failure) = attempt(&ground, seed).await {
                    failures.push(failure);
                    ground = Ground::new().await;
                }
            }
        })
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let failures: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ended = workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap());
        ended.collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn a_seed_replays_exactly() {
    on_one_thread(async {
        for seed in 0..5 {
            let (first, again) = (Ground::new().await, Ground::new().await);
            let first = simulate(&first, seed, plan(seed)).await;
            let again = simulate(&again, seed, plan(seed)).await;
            assert_eq!(first, again, "seed {seed}");
        }
    });
}
