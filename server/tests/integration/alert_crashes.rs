//! `kill -9` while alerts are sent: none is lost, and one that is sent twice is told by its id.

use std::{collections::HashMap, path::Path, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    alerts::{Delivery, DeliveryState, Incident, Message, MessageKind},
    checks::Level,
    ids::DeliveryId,
};
use store::{OpenOptions, Store};
use uuid::Uuid;

use crate::support::{HangarProcess, receiver::Receiver};

const KILLS: usize = 20;
const MESSAGES: usize = 200;
/// So many are under way at once, and may be sent once more after a kill.
const AT_ONCE: usize = 8;

#[expect(
    clippy::disallowed_methods,
    reason = "what the process's own clock shows"
)]
fn now() -> DateTime<Utc> {
    Utc::now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_is_lost_in_twenty_kills_and_none_is_doubled_unseen() {
    let data = tempfile::tempdir().unwrap();
    let receiver = Receiver::slow(Duration::from_millis(5)).await;
    let hangar = HangarProcess::set_up(data.path(), &[]);
    let mut admin = hangar.admin().await;
    let url = receiver.url("hook");
    let fields = [
        ("kind", "webhook"),
        ("name", "Hook"),
        ("is_on", "true"),
        ("url", &url),
    ];
    let made = admin.post("save_channel", &fields).await;
    assert_eq!(made.status, 303, "{}", made.text);
    hangar.stop();
    put_on_their_way(data.path()).await;

    // What a process had taken when it died is anybody's a minute later.
    let mut ahead = 0;
    for kill in 1..=KILLS {
        let seconds = ahead.to_string();
        let hangar = HangarProcess::start(data.path(), &["--clock-ahead-s", &seconds]);
        let wanted = (receiver.got().len() + MESSAGES / (KILLS + 5)).min(MESSAGES);
        tokio::time::timeout(Duration::from_secs(60), receiver.has(wanted))
            .await
            .unwrap_or_else(|_| panic!("kill {kill}: only {} of {wanted}", receiver.got().len()));
        hangar.kill();
        ahead += 120;
    }
    let seconds = ahead.to_string();
    let hangar = HangarProcess::start(data.path(), &["--clock-ahead-s", &seconds]);
    let sent = async || {
        let got = receiver.got();
        let mut times = HashMap::<String, usize>::new();
        for one in got {
            let id = one.headers["webhook-id"].to_str().unwrap().to_owned();
            *times.entry(id).or_default() += 1;
        }
        times
    };
    let mut wanted = MESSAGES;
    while sent().await.len() < MESSAGES {
        let has = receiver.has(wanted);
        tokio::time::timeout(Duration::from_secs(60), has)
            .await
            .unwrap();
        wanted = receiver.got().len() + 1;
    }
    hangar.stop();
    let times = sent().await;
    assert_eq!(times.len(), MESSAGES, "none is lost");
    let doubled: usize = times.values().map(|times| times - 1).sum();
    assert!(doubled <= KILLS * AT_ONCE, "{doubled} sent again");
    println!("{MESSAGES} messages, {KILLS} kills, {doubled} sent again");
}

/// As if a rule had told of something two hundred times.
async fn put_on_their_way(data: &Path) {
    let url = format!("surrealkv://{}", data.join("db").display());
    let store = Store::open(OpenOptions::new(&url), now()).await.unwrap();
    let channel = store.channels().await.unwrap().remove(0).id;
    let rule = store.rules().await.unwrap().remove(0);
    let at = now() - TimeDelta::minutes(1);
    let message = |n: usize| Message {
        kind: MessageKind::Opened,
        rule: rule.id,
        rule_name: rule.name.to_string(),
        incident: format!("{n:032x}"),
        level: Level::Bad,
        title: format!("Number {n}"),
        says: "It is wrong.".to_owned(),
        advice: String::new(),
        integrations: vec![],
        since: at,
        at,
        owner: None,
        owner_addresses: vec![],
        url: "https://hangar.example/problems".to_owned(),
    };
    let deliveries: Vec<Delivery> = (0..MESSAGES)
        .map(|n| Delivery {
            id: DeliveryId(Uuid::from_u128(n as u128 + 1)),
            channel,
            message: message(n),
            state: DeliveryState::Waiting,
            made_at: at,
            due_at: at,
            tries: 0,
            error: None,
            sent_at: None,
        })
        .collect();
    let incident = Incident {
        rule: rule.id,
        group: "made up".to_owned(),
        number: 1,
        opened_at: at,
        members: Default::default(),
        title: "Made up".to_owned(),
        level: Level::Bad,
        integrations: Default::default(),
        told_at: at,
        messages: 1,
        closed_at: Some(at),
    };
    let saved = store
        .save_incident(&rule, None, &incident, &deliveries, &[])
        .await;
    assert!(saved.unwrap());
    store.close().await;
}
