//! Events of the same edits in many orders (reliability-security.md E14): some 200 over 40 work items, some of them twice, some
//! lost. However they come, the copy is Plane's in the end: at once where none was lost, else after a poll.
//!
//! `HANGAR_ORDERS` says how many orders are tried, `HANGAR_SEED` names a single one.

use chrono::TimeDelta;
use domain::webhook::Event;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use uuid::Uuid;

use super::{
    number, on_all_threads, panic_of,
    plan::{Edit, Run},
    webhooks::read,
    world::{Ground, World},
};

const ORDERS: u64 = 40;
const ITEMS: usize = 40;
/// Each of them twice: a new name, and a state or labels.
const EDITS: usize = 100;

async fn story(ground: &Ground, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut world = World::new(ground, seed, 100, [ITEMS as u32, 1]).await;
    world.run(Run::whole()).await;
    for n in 0..EDITS {
        let item = rng.random_range(0..ITEMS);
        world.edit(match n % 2 {
            0 => Edit::Move(0, item, n),
            _ => Edit::Relabel(0, item, n),
        });
        // An edit that changes nothing moves `updated_at` and is not told; this one always is.
        world.edit(Edit::Rename(0, item, n));
    }
    world.jump(TimeDelta::minutes(2));

    let mut bodies = world.plane.take_held();
    assert!(bodies.len() > EDITS, "{} events", bodies.len());
    let doubled: Vec<String> = bodies
        .iter()
        .filter(|_| rng.random_bool(0.2))
        .cloned()
        .collect();
    let are_lost = seed % 2 == 1;
    if are_lost {
        bodies.retain(|_| rng.random_bool(0.9));
    }
    bodies.extend(doubled);
    bodies.shuffle(&mut rng);

    let mut rest = bodies.as_slice();
    while !rest.is_empty() {
        // So many arrive at once; those of one thing are applied together.
        let (now, later) = rest.split_at(rng.random_range(1..=rest.len().min(12)));
        rest = later;
        let mut bursts: Vec<(Option<Uuid>, Vec<Event>)> = Vec::new();
        for event in now.iter().map(|body| read(body)) {
            match bursts
                .iter_mut()
                .find(|(entity, _)| *entity == event.entity)
            {
                Some((_, events)) => events.push(event),
                None => bursts.push((event.entity, vec![event])),
            }
        }
        for (_, events) in bursts {
            let applied = world.service.apply_events(&world.integration, &events);
            applied.await.unwrap();
        }
    }
    if are_lost {
        world.wait(TimeDelta::minutes(20));
        world.run(Run::whole()).await;
    }
    world.check_equal().await;
}

#[test]
fn any_order_of_events_ends_in_planes_own_state() {
    let orders = match number("HANGAR_SEED") {
        Some(one) => one..one + 1,
        None => 0..number("HANGAR_ORDERS").unwrap_or(ORDERS),
    };
    on_all_threads(orders, async |ground, seed| {
        let says = panic_of(story(ground, seed)).await?;
        Some(format!("HANGAR_SEED={seed}: {says}"))
    });
}
