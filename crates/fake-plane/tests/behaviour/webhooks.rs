//! When Plane sends again, and when it gives up.

use std::time::Duration;

use fake_plane::{Options, Retry};

use crate::Acme;

/// Waits until the fake has logged `count` deliveries.
async fn deliveries(acme: &Acme, count: usize) -> Vec<fake_plane::Delivery> {
    let wait = async {
        loop {
            let all = acme.plane.deliveries();
            if all.len() >= count {
                return all;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .unwrap()
}

#[tokio::test]
async fn any_status_counts_as_delivered() {
    let acme = Acme::start(Options::default(), 1).await;
    // The fake itself is a server that answers 404 here.
    let url = format!("{}/no/such/page/", acme.plane.url());
    acme.plane.given(|state| {
        state.add_webhook("acme", &url);
        let (_, item) = state.item_called("acme", "WEB-1").unwrap();
        state.edit_item(item, |item| item.name = "Renamed".to_owned());
    });
    let sent = deliveries(&acme, 1).await;
    assert_eq!((sent[0].status, sent[0].retry), (Some(404), 0));
    assert_eq!(
        (sent[0].event, sent[0].action, sent[0].field),
        ("issue", "updated", Some("name"))
    );
}

#[tokio::test]
async fn after_six_failures_on_the_network_the_webhook_is_switched_off() {
    let retry = Retry::After(Duration::ZERO);
    let acme = Acme::start(
        Options {
            webhook_retry: retry,
            ..Options::default()
        },
        1,
    )
    .await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", nobody.local_addr().unwrap());
    drop(nobody);
    let hook = acme.plane.given(|state| {
        let (hook, _) = state.add_webhook("acme", &url);
        state.create_item(acme.project, "Ship it");
        hook
    });
    let sent = deliveries(&acme, 6).await;
    let tries: Vec<u32> = sent.iter().map(|delivery| delivery.retry).collect();
    assert_eq!(tries, [0, 1, 2, 3, 4, 5]);
    assert!(sent.iter().all(|delivery| delivery.status.is_none()));
    assert!(
        sent.windows(2)
            .all(|two| two[0].delivery != two[1].delivery)
    );
    assert!(sent.windows(2).all(|two| two[0].body == two[1].body));
    let off = async {
        while acme
            .plane
            .given(|state| state.webhook(hook).unwrap().is_active)
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), off)
        .await
        .unwrap();
}

#[tokio::test]
async fn deletions_archives_and_labels_are_never_told() {
    let acme = Acme::start(Options::default(), 3).await;
    let url = format!("{}/", acme.plane.url());
    acme.plane.given(|state| {
        state.add_webhook("acme", &url);
        let items: Vec<_> = state
            .project(acme.project)
            .unwrap()
            .items
            .all()
            .iter()
            .map(|item| item.id)
            .collect();
        state.delete_item(items[0]);
        state.archive_item(items[1]);
        let bug = state
            .project(acme.project)
            .unwrap()
            .label_called("bug")
            .unwrap()
            .id;
        state.rename_label(bug, "defect");
        state.delete_label(bug);
        state.archive_project(acme.project);
        state.unarchive_project(acme.project);
        state.rename_project(acme.project, "Web");
    });
    let sent = deliveries(&acme, 1).await;
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].event, sent[0].field), ("project", Some("name")));
}
