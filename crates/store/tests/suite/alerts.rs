use chrono::{DateTime, Utc};
use domain::{
    alerts::{
        Channel, ChannelHealth, ChannelKind, ChannelSettings, Delivery, DeliveryState, Incident,
        Message, MessageKind, Rule,
    },
    checks::Level,
    ids::{ChannelId, RuleId},
};
use store::{Attempt, DeliveryFilter, SealedChannel, Store};

use crate::support::{admin, at, id, viewer, world};

fn sealed(n: u128, name: &str, version: u32) -> SealedChannel {
    SealedChannel {
        channel: Channel {
            id: ChannelId(id(n)),
            name: name.parse().unwrap(),
            kind: ChannelKind::Slack,
            settings: ChannelSettings::Hook {
                host: "hooks.example.com".to_owned(),
            },
            is_on: true,
            saved_at: at(0),
            version,
            health: ChannelHealth::default(),
        },
        sealed: format!("sealed {version}"),
        sealed_version: version,
    }
}

async fn rules(store: &Store) -> Vec<Rule> {
    let two = Rule::built_in(RuleId(id(50)), RuleId(id(51))).unwrap();
    store.begin_rules(&two, at(0)).await.unwrap();
    store.rules().await.unwrap()
}

fn incident(rule: &Rule, messages: u32, closed_at: Option<DateTime<Utc>>) -> Incident {
    Incident {
        rule: rule.id,
        group: "server x".to_owned(),
        number: 1,
        opened_at: at(1),
        members: Default::default(),
        title: "Gone".to_owned(),
        level: Level::Bad,
        integrations: Default::default(),
        told_at: at(1),
        messages,
        closed_at,
    }
}

fn delivery(rule: &Rule, incident: &Incident, channel: u128, seconds: i64) -> Delivery {
    let channel = ChannelId(id(channel));
    Delivery {
        id: incident.delivery(channel),
        channel,
        message: Message {
            kind: MessageKind::Opened,
            rule: rule.id,
            rule_name: rule.name.to_string(),
            incident: incident.name(),
            level: Level::Bad,
            title: "Gone".to_owned(),
            says: "It is gone.".to_owned(),
            advice: String::new(),
            integrations: vec![],
            since: at(seconds),
            at: at(seconds),
            owner: None,
            owner_addresses: vec![],
            url: String::new(),
        },
        state: DeliveryState::Waiting,
        made_at: at(seconds),
        due_at: at(seconds),
        tries: 0,
        error: None,
        sent_at: None,
    }
}

async fn states(store: &Store, filter: &DeliveryFilter) -> Vec<DeliveryState> {
    let (mut all, mut after) = (vec![], None);
    loop {
        let page = store.deliveries(&viewer(), filter, after.as_ref(), 1).await;
        let page = page.unwrap();
        all.extend(page.rows.into_iter().map(|one| one.state));
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn two_portals_tell_of_an_incident_once() {
    let world = world().await;
    let store = &world.store;
    let rules = rules(store).await;
    let rule = &rules[0];
    let opened = incident(rule, 1, None);
    let told = [delivery(rule, &opened, 1, 1), delivery(rule, &opened, 2, 1)];
    let save = store.save_incident(rule, None, &opened, &told, &[]);
    assert!(save.await.unwrap());
    let again = store.save_incident(rule, None, &opened, &told, &[]);
    assert!(!again.await.unwrap(), "the other one was faster");
    assert_eq!(states(store, &DeliveryFilter::default()).await.len(), 2);

    let known = store.incidents().await.unwrap().remove(&rule.id).unwrap();
    let closed = incident(rule, 2, Some(at(9)));
    let told = [delivery(rule, &closed, 1, 9)];
    assert!(
        store
            .save_incident(rule, Some(&known[0]), &closed, &told, &[])
            .await
            .unwrap()
    );
    assert!(
        !store
            .save_incident(rule, Some(&known[0]), &closed, &told, &[])
            .await
            .unwrap()
    );
    assert_eq!(states(store, &DeliveryFilter::default()).await.len(), 3);

    // A rule that was changed meanwhile decides anew.
    let changed = Rule {
        version: 2,
        ..rule.clone()
    };
    store.save_rule(&admin(), &changed, at(10)).await.unwrap();
    let known = store.incidents().await.unwrap().remove(&rule.id).unwrap();
    let reopened = incident(rule, 3, None);
    assert!(
        !store
            .save_incident(rule, Some(&known[0]), &reopened, &[], &[])
            .await
            .unwrap()
    );
    assert!(
        store
            .save_incident(&changed, Some(&known[0]), &reopened, &[], &[])
            .await
            .unwrap()
    );
    assert!(store.delete_rule(&admin(), &changed, at(11)).await.unwrap());
    assert!(store.incidents().await.unwrap().is_empty());
    assert!(!store.delete_rule(&admin(), &changed, at(11)).await.unwrap());
    store.begin_rules(&rules, at(12)).await.unwrap();
    assert_eq!(
        store.rules().await.unwrap().len(),
        1,
        "who deletes one does not get it back"
    );
}

#[tokio::test]
async fn a_message_is_taken_by_one_until_its_time_is_up() {
    let world = world().await;
    let store = &world.store;
    let rule = rules(store).await.remove(0);
    store
        .save_channel(&admin(), &sealed(1, "Ops", 1), at(0))
        .await
        .unwrap();
    let opened = incident(&rule, 1, None);
    let told = [delivery(&rule, &opened, 1, 1)];
    store
        .save_incident(&rule, None, &opened, &told, &[])
        .await
        .unwrap();

    let take = async |now| {
        store
            .take_deliveries(5, &[], at(now), at(now + 60))
            .await
            .unwrap()
    };
    assert!(take(0).await.is_empty(), "it is not due yet");
    let taken = take(1).await;
    assert_eq!((taken.len(), taken[0].tries), (1, 1));
    assert!(take(60).await.is_empty());
    let again = take(61).await;
    assert_eq!(again[0].tries, 2, "whoever had it is gone");

    let health = async || store.channels().await.unwrap()[0].health.clone();
    let failed = Attempt::Failed {
        error: "It answered 500.".to_owned(),
        again_at: Some(at(100)),
    };
    store
        .end_delivery(&again[0], &failed, at(62))
        .await
        .unwrap();
    assert_eq!(
        (health().await.failed, health().await.failed_at),
        (1, Some(at(62)))
    );
    assert!(take(99).await.is_empty());
    let third = take(100).await;
    store
        .end_delivery(&third[0], &Attempt::Sent, at(101))
        .await
        .unwrap();
    assert_eq!(
        (health().await.failed, health().await.sent_at),
        (0, Some(at(101)))
    );
    assert!(take(1000).await.is_empty());
    let of = |state| DeliveryFilter {
        channel: Some(ChannelId(id(1))),
        rule: Some(rule.id),
        state,
    };
    assert_eq!(states(store, &of(None)).await, [DeliveryState::Sent]);
    assert!(
        states(store, &of(Some(DeliveryState::Failed)))
            .await
            .is_empty()
    );
    store.forget_deliveries(at(1)).await.unwrap();
    assert_eq!(states(store, &of(None)).await.len(), 1);
    store.forget_deliveries(at(2)).await.unwrap();
    assert!(states(store, &of(None)).await.is_empty());
}

#[tokio::test]
async fn what_is_due_for_a_busy_channel_waits_behind_what_others_may_have() {
    let world = world().await;
    let store = &world.store;
    let rule = rules(store).await.remove(0);
    for n in 1..=3 {
        let opened = Incident {
            group: format!("server {n}"),
            ..incident(&rule, 1, None)
        };
        let told = [1, 2].map(|channel| delivery(&rule, &opened, channel, 1));
        let save = store.save_incident(&rule, None, &opened, &told, &[]);
        assert!(save.await.unwrap());
    }
    let take = async |busy: &[ChannelId]| {
        let taken = store.take_deliveries(2, busy, at(1), at(60)).await;
        let taken = taken.unwrap().into_iter();
        taken.map(|one| one.channel).collect::<Vec<_>>()
    };
    let (one, other) = (ChannelId(id(1)), ChannelId(id(2)));
    assert_eq!(take(&[one]).await, [other, other]);
    assert_eq!(take(&[one]).await, [other]);
    assert_eq!(take(&[one]).await, []);
    assert_eq!(take(&[one, other]).await, []);
    assert_eq!(take(&[]).await, [one, one]);
    assert_eq!(take(&[other, other]).await, [one]);
}

#[tokio::test]
async fn the_end_of_an_incident_is_never_sent_before_its_beginning() {
    let world = world().await;
    let store = &world.store;
    let rule = rules(store).await.remove(0);
    let opened = incident(&rule, 1, None);
    let told = [
        delivery(&rule, &opened, 1, 1),
        delivery(&rule, &opened, 2, 1),
    ];
    let save = store.save_incident(&rule, None, &opened, &told, &[]);
    assert!(save.await.unwrap());
    let known = store.incidents().await.unwrap().remove(&rule.id).unwrap();
    let closed = incident(&rule, 2, Some(at(9)));
    let end = [
        delivery(&rule, &closed, 1, 9),
        delivery(&rule, &closed, 2, 9),
    ];
    let save = store.save_incident(&rule, Some(&known[0]), &closed, &end, &[]);
    assert!(save.await.unwrap());

    let take = async |now| {
        let taken = store.take_deliveries(5, &[], at(now), at(now + 60)).await;
        let mut taken = taken.unwrap();
        taken.sort_by_key(|one| one.channel);
        taken
    };
    let is_taken = |taken: &[Delivery]| taken.iter().map(|one| one.id).collect::<Vec<_>>();
    let beginnings = take(9).await;
    assert_eq!(is_taken(&beginnings), is_taken(&told));
    assert!(take(10).await.is_empty(), "the beginnings are on their way");

    let failed = Attempt::Failed {
        error: "It answered 500.".to_owned(),
        again_at: Some(at(500)),
    };
    let [one, two] = &beginnings[..] else {
        panic!("two channels")
    };
    store.end_delivery(one, &failed, at(11)).await.unwrap();
    store
        .end_delivery(two, &Attempt::Sent, at(11))
        .await
        .unwrap();
    let next = take(11).await;
    assert_eq!(is_taken(&next), [end[1].id], "the other channel goes on");
    assert_eq!(next[0].tries, 1, "waiting is not a try");
    store
        .end_delivery(&next[0], &Attempt::Sent, at(12))
        .await
        .unwrap();

    assert!(take(499).await.is_empty());
    let again = take(500).await;
    assert_eq!(is_taken(&again), [told[0].id]);
    let given_up = Attempt::Failed {
        error: "It answered 500.".to_owned(),
        again_at: None,
    };
    store
        .end_delivery(&again[0], &given_up, at(501))
        .await
        .unwrap();
    assert_eq!(is_taken(&take(501).await), [end[0].id]);
}

#[tokio::test]
async fn a_channel_is_changed_by_one_at_a_time_and_has_a_name_of_its_own() {
    let world = world().await;
    let store = &world.store;
    let save = async |channel: SealedChannel| {
        let saved = store.save_channel(&admin(), &channel, at(1)).await;
        saved.err().map(|error| error.code())
    };
    assert_eq!(save(sealed(1, "Ops", 1)).await, None);
    assert_eq!(save(sealed(2, "OPS", 1)).await, Some("taken"));
    assert_eq!(save(sealed(1, "Ops", 1)).await, Some("conflict"));
    assert_eq!(save(sealed(1, "ops", 2)).await, None);
    let kept = store
        .sealed_channel(ChannelId(id(1)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((kept.sealed.as_str(), kept.sealed_version), ("sealed 2", 2));
    assert!(
        store
            .delete_channel(&admin(), &kept.channel, at(2))
            .await
            .unwrap()
    );
    assert!(
        !store
            .delete_channel(&admin(), &kept.channel, at(2))
            .await
            .unwrap()
    );
    assert_eq!(save(sealed(2, "OPS", 1)).await, None);
}
