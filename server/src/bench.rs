use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    checks::Level,
    ids::IntegrationId,
    objective::Kept,
    problems::{Class, Seen, Stands, round},
    run::Outcome,
    trend::{Stretch, Trend},
    usage::{CallRecord, PlaneKey, Purpose, Slot, Subject, Usage},
};
use store::{CallLog, Sightings, Store, TrendRow, UsageSlot};

use crate::{clock::Clock, health::usage::UsageLog, rng::Rng};

/// Runs of an integration in an hour that its history tells of.
const RUNS: u64 = 4;
/// Stretches that are written at once.
const BATCH: usize = 24;

/// Gives every integration a past of so many days, up to now: trends, counted calls, problems that came and went. What a portal writes
/// in that time and keeps, but for runs and single calls, which no dashboard reads.
pub async fn history(
    store: &Store,
    rng: &Rng,
    now: DateTime<Utc>,
    days: i64,
) -> Result<(), store::Error> {
    let all = store.all_integrations(now).await?;
    let ids: Vec<IntegrationId> = all.iter().map(|row| row.integration.id).collect();
    let closed = store.trends_closed_until().await?;
    let end = Stretch::Short.start(now);
    let mut known = closed;
    for stretch in [Stretch::Day, Stretch::Hour, Stretch::Short] {
        let back = stretch.kept().min(TimeDelta::days(days));
        let mut start = stretch.start(now - back);
        while start < end {
            let mut rows = Vec::new();
            while rows.len() < BATCH && start < end {
                let each = ids.iter().map(|id| (*id, trend(rng, stretch))).collect();
                rows.push(TrendRow {
                    stretch,
                    start,
                    each,
                });
                start += stretch.length();
            }
            store.close_trends(known, end, &rows).await?;
            known = Some(end);
        }
    }
    usage(store, rng, now, days, &ids).await?;
    for id in ids {
        problems(store, id, now, days).await?;
    }
    Ok(())
}

/// A stretch as it usually is: most of it good, a little not.
fn trend(rng: &Rng, stretch: Stretch) -> Trend {
    let looks = u64::try_from(stretch.length().num_minutes() / 5).unwrap_or(1);
    let hours = (looks / 12).max(1);
    let mut trend = Trend::default();
    let copies = &mut trend.copies;
    copies.looked_at = looks * 20;
    copies.good = copies.looked_at - u64::from(rng.bytes::<1>()[0] % 3);
    copies.fresh = copies.good * 9 / 10;
    for byte in rng.bytes::<16>() {
        copies
            .lag_s
            .add_many(u64::from(byte) * 4, looks * 20 / 16 + 1);
    }
    copies.largest_lag_s = 1_200;
    trend.runs.ended.insert(Outcome::Succeeded, hours * RUNS);
    trend
        .runs
        .ended
        .insert(Outcome::Unreachable, u64::from(rng.bytes::<1>()[0] % 2));
    for byte in rng.bytes::<8>() {
        trend
            .runs
            .took_ms
            .add_many(1_000 + u64::from(byte) * 40, hours);
        trend
            .webhooks
            .lag_ms
            .add_many(100 + u64::from(byte) * 8, hours);
    }
    trend.runs.items = hours * 200;
    trend.webhooks.told = hours * 30;
    trend.webhooks.caught = u64::from(rng.bytes::<1>()[0] % 2);
    trend.kept = Kept::new(&trend.copies, &trend.runs, &trend.webhooks);
    trend
}

/// The counted calls of each integration and of all.
async fn usage(
    store: &Store,
    rng: &Rng,
    now: DateTime<Utc>,
    days: i64,
    ids: &[IntegrationId],
) -> Result<(), store::Error> {
    let call = call(now, ids.first().copied());
    let mut counted = Usage::default();
    (0..60).for_each(|_| counted.add(&call));
    counted.peak = 12;
    let subjects: Vec<Subject> = ids
        .iter()
        .map(|id| Subject::Integration(*id))
        .chain([Subject::All, Subject::Key(call.key.clone())])
        .collect();
    for slot in [Slot::Minute, Slot::Hour, Slot::Day] {
        let back = match slot {
            Slot::Minute => TimeDelta::hours(13),
            Slot::Hour | Slot::Day => TimeDelta::days(days),
        };
        let mut start = slot.start(now - back);
        while start < now {
            let slots = subjects.iter().map(|subject| UsageSlot {
                id: rng.uuid_v4(),
                slot,
                start,
                subject: subject.clone(),
                fingerprint: call.key.fingerprint.clone(),
                usage: counted.clone(),
            });
            let log = CallLog {
                id: rng.uuid_v4(),
                at: start,
                calls: vec![call.clone()],
                slots: slots.collect(),
            };
            store.save_calls(&log).await?;
            start += slot.length();
        }
    }
    Ok(())
}

/// Problems that came and went, and one in ten that is still there.
async fn problems(
    store: &Store,
    id: IntegrationId,
    now: DateTime<Utc>,
    days: i64,
) -> Result<(), store::Error> {
    let is_open = id.0.as_u128().is_multiple_of(10);
    for (ago, level) in [
        (days * 24, Level::Bad),
        (days * 24 - 1, Level::Good),
        (days * 24 - 2, Level::Good),
        (48, Level::Bad),
        (47, Level::Good),
        (46, if is_open { Level::Bad } else { Level::Good }),
    ] {
        for class in [Class::CopyStale, Class::WebhookSilent, Class::BudgetHigh] {
            let stands = [Stands {
                class,
                endpoint: None,
                level,
                says: "It was not as it should be.".to_owned(),
            }];
            let known = store.problems_of(id).await?;
            let before: Vec<_> = known.iter().map(|one| one.problem.clone()).collect();
            let seen = Seen {
                integration: id,
                sightings: &[],
                stands: &stands,
                runs: &[],
                tests: &[],
            };
            let turned = round(&before, &seen, now - TimeDelta::hours(ago));
            store
                .save_problems(id, &known, &Sightings::default(), &turned)
                .await?;
        }
    }
    Ok(())
}

fn call(at: DateTime<Utc>, integration: Option<IntegrationId>) -> CallRecord {
    CallRecord {
        integration,
        key: PlaneKey {
            origin: "https://plane.example".to_owned(),
            fingerprint: "0123456789abcdef".to_owned(),
        },
        purpose: Purpose::Sync,
        endpoint: "projects/:id/work-items".to_owned(),
        status: Some(200),
        error: None,
        ended_at: at,
        took_ms: 84,
        waited_ms: 0,
        bytes: 48_211,
        remaining: Some(41),
        project: None,
    }
}

/// What writing down a call costs whoever made it, in nanoseconds each; the rest is done once a second by somebody else.
pub async fn calls(store: Store, rounds: u32) -> Result<f64, store::Error> {
    const TOGETHER: u32 = 1_000;
    let (clock, rng) = (Clock::System, Rng::from_os());
    let call = call(clock.now(), Some(IntegrationId(rng.uuid_v7(clock.now()))));
    let log = UsageLog::new(store, clock, rng, Default::default());
    let mut spent = std::time::Duration::ZERO;
    for _ in 0..rounds.div_ceil(TOGETHER) {
        let started = Instant::now();
        for _ in 0..TOGETHER {
            log.record(call.clone());
        }
        spent += started.elapsed();
        log.flush().await?;
    }
    let all = rounds.div_ceil(TOGETHER) * TOGETHER;
    Ok(spent.as_secs_f64() * 1e9 / f64::from(all.max(1)))
}
