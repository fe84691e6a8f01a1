//! A disk that fills up is told before it is full.

use domain::disk::Space;
use serde_json::Value;

use crate::support::{
    Watched,
    portal::ROOM,
    receiver::{Got, Receiver},
};

const TOKEN: &str = "a token for prometheus";

impl Watched {
    fn left(&self, free: u64) {
        self.portal.disk.set(Space { free, ..ROOM });
    }

    /// The problem with the disk: its level and what it says.
    async fn disk_problem(&mut self) -> Option<(String, String)> {
        let answer = self.admin.get("/problems.json?class=local.disk").await;
        let all: Vec<Value> = serde_json::from_str(&answer.text).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        assert!(all.len() <= 1, "{all:?}");
        all.first()
            .map(|one| (text(&one["level"]), text(&one["says"])))
    }
}

#[tokio::test]
async fn a_disk_that_fills_up_is_a_problem_until_there_is_room_again() {
    let mut world = Watched::with(&["--metrics-token", TOKEN]).await;
    let receiver = Receiver::start().await;
    world.hook("text", &receiver.url("text")).await;
    world.told(1).await;
    assert_eq!(world.disk_problem().await, None);

    world.left(1_500_000_000);
    world.told(1).await;
    let (level, says) = world.disk_problem().await.unwrap();
    assert_eq!(level, "warning");
    assert_eq!(
        says,
        "Only 1.5 GB of 214 GB are free where Hangar keeps its data."
    );
    let list = world.admin.get("/problems").await.words();
    assert!(list.contains("Hangar itself"), "{list}");
    assert!(list.contains("The disk is filling up"), "{list}");
    let told = || {
        let text = |one: &Got| one.json()["text"].as_str().unwrap().to_owned();
        receiver.got().iter().map(text).collect::<Vec<String>>()
    };
    assert!(told()[0].contains("The disk is filling up"), "{:?}", told());

    world.left(200_000_000);
    world.told(1).await;
    assert_eq!(world.disk_problem().await.unwrap().0, "bad");
    let (_, text) = world.metrics(TOKEN).await;
    assert!(
        text.contains("portal_disk_free_bytes 200000000.0\n"),
        "{text}"
    );
    assert_eq!(
        told().len(),
        2,
        "by the other rule, which is for what is broken"
    );

    world.left(ROOM.free);
    world.told(1).await;
    assert!(world.disk_problem().await.is_some(), "one look may be luck");
    world.told(1).await;
    assert_eq!(world.disk_problem().await, None);
    world.told(1).await;
    assert_eq!(told().len(), 3, "and its end");
}
