//! What webhooks brought, applied once more.

use app::Inbox as _;
use chrono::TimeDelta;
use domain::{
    ids::ReplayId,
    inbox::{BurstState, Effect},
    replay::{Replay, Replayed},
};
use uuid::Uuid;

use crate::support::hooked::Hooked;

/// Three edits of two items while the integration was inactive: all were ignored. Their project.
async fn ignored(hooked: &mut Hooked) -> Uuid {
    activate(hooked, false).await;
    let mut project = None;
    for (item, name) in [("WEB-1", "First"), ("WEB-2", "Other"), ("WEB-1", "Second")] {
        let of = hooked.change(1, |state| {
            let (project, id) = state.item_called("acme", item).unwrap();
            state.edit_item(id, |item| item.name = name.into());
            project
        });
        project = Some(of.await);
        hooked.settle().await;
    }
    for burst in hooked.bursts().await {
        let effect = burst.result.map(|result| result.effect);
        assert_eq!(
            (burst.state, effect),
            (BurstState::Done, Some(Effect::Ignored))
        );
    }
    activate(hooked, true).await;
    project.unwrap()
}

async fn activate(hooked: &mut Hooked, is_active: bool) {
    let id = hooked.integration.to_string();
    let is_active = is_active.to_string();
    let fields = [("id", &*id), ("is_active", &*is_active)];
    let set = hooked.admin.post("set_integration_active", &fields).await;
    assert_eq!(set.status, 303, "{}", set.text);
    hooked.portal.portal.sync.idle().await;
}

/// Sends a form that leads to a replay, and lets that come to its end.
async fn replay(hooked: &mut Hooked, form: &str, fields: &[(&str, &str)]) -> Replay {
    let sent = hooked.admin.post(form, fields).await;
    let location = sent.location();
    let id = location
        .strip_prefix("/webhooks/replays/")
        .unwrap_or_else(|| panic!("{location} {}", sent.text));
    let id: ReplayId = id.parse().unwrap();
    hooked.settle().await;
    let viewer = hooked.portal.viewer().await;
    let replay = hooked
        .portal
        .portal
        .inbox
        .replay(&viewer, id)
        .await
        .unwrap();
    assert!(replay.ended_at.is_some());
    let page = hooked.admin.get(&location).await;
    assert_eq!(page.status, 200);
    replay
}

#[tokio::test]
async fn all_that_match_are_looked_at_first_and_then_applied_in_their_order() {
    let mut hooked = Hooked::registered().await;
    let project = ignored(&mut hooked).await;
    hooked.portal.plane.forget_requests();
    let before = hooked.copied_name(project, 1).await;

    let filter = [("filter", "?result=ignored"), ("all", "true")];
    let look = replay(&mut hooked, "plan_replay", &filter).await;
    assert!(look.is_dry);
    assert_eq!(look.counts, [(Replayed::Updated, 3)].into());
    assert_eq!(
        hooked.copied_name(project, 1).await,
        before,
        "a look changes nothing"
    );

    let id = look.id.to_string();
    let done = replay(&mut hooked, "start_replay", &[("id", &id)]).await;
    assert!(!done.is_dry);
    assert_eq!(done.counts, [(Replayed::Updated, 3)].into());
    let titles: Vec<&str> = done.lines.iter().map(|line| line.title.as_str()).collect();
    assert_eq!(
        titles,
        ["#1 First", "#2 Other", "#1 Second"],
        "the oldest first"
    );
    assert_eq!(
        hooked.copied_name(project, 1).await.as_deref(),
        Some("Second")
    );
    assert_eq!(
        hooked.copied_name(project, 2).await.as_deref(),
        Some("Other")
    );
    assert!(
        hooked.portal.plane.requests().is_empty(),
        "no call was made"
    );
    for burst in hooked.bursts().await {
        assert_eq!(burst.result.unwrap().effect, Effect::Updated);
    }

    // What was applied is skipped from then on.
    let again = replay(
        &mut hooked,
        "plan_replay",
        &[("filter", ""), ("all", "true")],
    )
    .await;
    assert_eq!(again.counts, [(Replayed::Settled, 3)].into());
    assert!(again.lines.is_empty());
    let history = hooked.admin.get(&format!("{}/history", hooked.page)).await;
    assert!(
        !history.text.contains("Replayed"),
        "all integrations' is none's"
    );
    let list = hooked.admin.get("/webhooks/replays").await.text;
    assert_eq!(list.matches("/webhooks/replays/").count(), 3);
}

#[tokio::test]
async fn chosen_lines_are_applied_and_no_others() {
    let mut hooked = Hooked::registered().await;
    let project = ignored(&mut hooked).await;
    let before = hooked.copied_name(project, 1).await;
    let burst = hooked
        .bursts()
        .await
        .into_iter()
        .find(|burst| burst.number == Some(2))
        .unwrap();
    let chosen = format!("{}/{}", burst.integration, burst.id);
    let look = replay(&mut hooked, "plan_replay", &[("chosen[]", &chosen)]).await;
    assert_eq!(
        (look.all, look.counts.clone()),
        (1, [(Replayed::Updated, 1)].into())
    );
    let id = look.id.to_string();
    replay(&mut hooked, "start_replay", &[("id", &id)]).await;
    assert_eq!(
        hooked.copied_name(project, 2).await.as_deref(),
        Some("Other")
    );
    assert_eq!(hooked.copied_name(project, 1).await, before);

    // A copy that is newer by now is left alone: this event is told again after a later one.
    let filter = format!("?result=ignored&integration={}", hooked.integration);
    let fields = [("filter", &*filter), ("all", "true")];
    hooked
        .portal
        .sync(&mut hooked.admin, &hooked.page.clone())
        .await;
    let look = replay(&mut hooked, "plan_replay", &fields).await;
    assert_eq!(
        look.counts,
        [(Replayed::Unchanged, 1), (Replayed::Stale, 1)].into()
    );
    let id = look.id.to_string();
    replay(&mut hooked, "start_replay", &[("id", &id)]).await;
    assert_eq!(
        hooked.copied_name(project, 1).await.as_deref(),
        Some("Second")
    );
    let history = hooked.admin.get(&format!("{}/history", hooked.page)).await;
    assert!(history.text.contains("Replayed events of webhooks."));

    let none = hooked
        .admin
        .post_on("/webhooks", "plan_replay", &[("filter", "")])
        .await;
    let form = hooked.admin.get(&none.location()).await.text;
    assert!(form.contains("Tick at least one line."), "{form}");
}

#[tokio::test]
async fn an_admin_sees_what_is_masked_and_the_history_says_so() {
    let mut hooked = Hooked::with_secret(crate::support::hooked::SECRET).await;
    let body = r#"{"event": "issue", "action": "updated", "data": {"name": "It's for maya@example.com", "assignees": [{"email": "ben@example.com"}]}}"#;
    assert_eq!(
        hooked.deliver(body, crate::support::hooked::SECRET).await,
        200
    );
    let burst = hooked.bursts().await.remove(0);
    let path = format!("/webhooks/{}/{}", burst.integration, burst.id);
    let masked = hooked.admin.get(&path).await.text;
    assert!(masked.contains("b…@example.com") && !masked.contains("ben@example.com"));
    assert!(!masked.contains("curl "));
    let history = format!("{}/history", hooked.page);
    let says = "Looked at what a webhook brought without masks";
    assert!(!hooked.admin.get(&history).await.text.contains(says));

    let shown = hooked
        .admin
        .get(&format!("{path}?unmasked=true"))
        .await
        .text;
    assert!(shown.contains("ben@example.com"));
    assert!(shown.contains("curl 'http"), "{shown}");
    assert!(hooked.admin.get(&history).await.text.contains(says));
}

#[tokio::test]
async fn what_came_is_kept_for_as_long_as_an_admin_says() {
    let mut hooked = Hooked::with_secret(crate::support::hooked::SECRET).await;
    assert_eq!(
        hooked.deliver("{}", crate::support::hooked::SECRET).await,
        200
    );
    hooked.settle().await;
    let id = hooked.integration.to_string();
    let page = format!("{}/webhook", hooked.page);
    let keep = async |hooked: &mut Hooked, days: &str| {
        let fields = [("id", &*id), ("days", days), ("megabytes", "10")];
        hooked
            .admin
            .post_on(&page, "keep_webhook_events", &fields)
            .await
            .location()
    };
    hooked.portal.clock.advance(TimeDelta::hours(47));
    hooked.admin = hooked.portal.sign_in(crate::support::portal::ADMIN).await;
    let refused = keep(&mut hooked, "0").await;
    let form = hooked.admin.get(&refused).await.text;
    assert!(form.contains("From 1 to 365."), "{form}");
    assert_eq!(keep(&mut hooked, "2").await, page);
    assert_eq!(hooked.bursts().await.len(), 1);
    assert_eq!(keep(&mut hooked, "1").await, page);
    assert!(hooked.bursts().await.is_empty(), "it is forgotten at once");
}
