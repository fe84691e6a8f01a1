//! Recorded deliveries of a real Plane: all are genuine, and say what happened.

#![expect(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use std::{collections::BTreeMap, path::Path, sync::LazyLock};

use domain::{
    mirror::Priority,
    webhook::{Change, Demand, Subject},
};
use plane::webhook::{self, is_signed};
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::Value;

/// Of the webhooks that were recorded; they are gone.
const SECRETS: [&str; 3] = [
    "plane_wh_482ad50d60c95a9ca87de1b285acb058",
    "plane_wh_68877a8e8bc940c7ae17aed2c08e8037",
    "plane_wh_c2c826fb64a54a329f36ea774cb37988",
];

struct Recorded {
    body: String,
    signature: String,
}

/// Every recorded request with a body, by the name of its file.
static RECORDED: LazyLock<BTreeMap<String, Recorded>> = LazyLock::new(recorded);

fn recorded() -> BTreeMap<String, Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let mut found = BTreeMap::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("webhook-") {
            continue;
        }
        let json: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let body = json["raw_utf8"].as_str().unwrap_or_default().to_owned();
        let headers = json["headers"].as_array().cloned().unwrap_or_default();
        let signature = headers.iter().find(|h| h[0] == "X-Plane-Signature");
        if let (Some(signature), false) = (signature, body.is_empty()) {
            let signature = signature[1].as_str().unwrap().to_owned();
            found.insert(name, Recorded { body, signature });
        }
    }
    found
}

/// The secret that a recorded request was signed with.
fn secret_of(recorded: &Recorded) -> Option<SecretString> {
    let secrets = SECRETS.map(SecretString::from);
    secrets
        .into_iter()
        .find(|secret| is_signed(secret, recorded.body.as_bytes(), &recorded.signature))
}

fn event(name: &str) -> domain::webhook::Event {
    let recorded = &RECORDED[name];
    webhook::read(recorded.body.as_bytes(), None).event
}

#[test]
fn every_recorded_delivery_is_genuine_and_no_change_of_one_is() {
    let all = &*RECORDED;
    assert_eq!(all.len(), 31, "all recorded requests with a body");
    for (name, recorded) in all {
        let secret = secret_of(recorded).expect(name);
        let mut body = recorded.body.clone().into_bytes();
        for at in 0..body.len() {
            for bit in 0..8 {
                body[at] ^= 1 << bit;
                let is_genuine = is_signed(&secret, &body, &recorded.signature);
                assert!(!is_genuine, "{name} with bit {bit} of byte {at} turned");
                body[at] ^= 1 << bit;
            }
        }
        let signature = &recorded.signature;
        for wrong in [
            "",
            "sha256=",
            &signature[1..],
            &signature.replace(['a', '1'], "b"),
        ] {
            assert!(
                !is_signed(&secret, recorded.body.as_bytes(), wrong),
                "{name}: {wrong}"
            );
        }
    }
}

#[test]
fn work_items_come_whole() {
    let event = event("webhook-issue-updated-labels-006");
    assert_eq!(
        (event.subject, event.change),
        (Subject::WorkItem, Change::Updated)
    );
    assert_eq!(event.name(), "work_item.updated");
    assert_eq!(event.field.as_deref(), Some("labels"));
    let Demand::Apply(item) = event.demand() else {
        panic!("{event:?}");
    };
    assert_eq!(Some(item.id.0), event.entity);
    assert_eq!((item.sequence_id, item.priority), (352, Priority::Urgent));
    assert_eq!((item.labels.len(), item.assignees.len()), (1, 1));
    assert_eq!(item.description_html, "<p>Hello <b>world</b></p>");
    assert_eq!(Some(item.updated_at), event.updated_at);
    assert!(item.state.is_some() && item.completed_at.is_some());
}

#[test]
fn every_recorded_event_has_a_name_of_ours() {
    for (name, recorded) in &*RECORDED {
        let delivery = webhook::read(recorded.body.as_bytes(), None);
        let event = delivery.event;
        assert!(
            event.subject.word().is_some() && event.change.word().is_some(),
            "{name}: {event:?}"
        );
        assert!(
            event.entity.is_some() && delivery.webhook.is_some(),
            "{name}: {event:?}"
        );
        assert_eq!(delivery.key.len(), 64, "{name}");
    }
    assert_eq!(
        event("webhook-project-deleted-014").name(),
        "project.deleted"
    );
    assert_eq!(
        event("webhook-comment-created-008").name(),
        "comment.created"
    );
    let cycle = event("webhook-cycle-created-015");
    assert!(
        matches!(cycle.demand(), Demand::Collections(_)),
        "{cycle:?}"
    );
}

fn second_format(event: &str, data: &str, before: &str) -> String {
    format!(
        r#"{{"version":"v2","delivery_id":"11111111-1111-4111-8111-111111111111","event_id":"22222222-2222-4222-8222-222222222222",
        "entity_id":"33333333-3333-4333-8333-333333333333","entity_type":"workitem","event":"{event}",
        "webhook_id":"44444444-4444-4444-8444-444444444444","data":{data},"previous_attributes":{before}}}"#
    )
}

#[test]
fn the_second_format_says_the_same_in_other_words() {
    let data = r#"{"id":"33333333-3333-4333-8333-333333333333","name":"None","priority":"high","sequence_id":7,
        "description_html":"<p></p>","state_id":"55555555-5555-4555-8555-555555555555","label_ids":[],
        "assignee_ids":["66666666-6666-4666-8666-666666666666"],"parent_id":"None","target_date":"None",
        "project_id":"77777777-7777-4777-8777-777777777777","archived_at":"None",
        "created_at":"2026-11-23T18:33:57Z","updated_at":"2026-11-23T18:34:57Z"}"#;
    let body = second_format("workitem.updated", data, r#"{"priority":"low"}"#);
    let delivery = webhook::read(body.as_bytes(), None);
    assert_eq!(delivery.key, "22222222222242228222222222222222");
    let event = delivery.event;
    assert_eq!(
        (event.name().as_str(), event.field.as_deref()),
        ("work_item.updated", Some("priority"))
    );
    let Demand::Apply(item) = event.demand() else {
        panic!("{event:?}");
    };
    assert_eq!(
        (item.name.as_str(), item.parent, item.target_date),
        ("None", None, None)
    );
    assert_eq!(item.assignees.len(), 1);

    let printed = second_format("WebhookScope.ScopeChoices.WORK_ITEM_UPDATED", data, "{}");
    let event = webhook::read(printed.as_bytes(), Some("workitem.updated")).event;
    assert_eq!(event.name(), "work_item.updated");

    let gone = second_format("workitem.deleted", "{}", data);
    let event = webhook::read(gone.as_bytes(), None).event;
    assert_eq!(event.name(), "work_item.deleted");
    assert!(matches!(event.demand(), Demand::Ask(..)), "{event:?}");

    for (said, name) in [
        ("workitem.comment.created", "comment.created"),
        ("workitem.link.created", "workitem.link.created"),
        ("milestone.created", "milestone.created"),
    ] {
        let event = webhook::read(second_format(said, data, "{}").as_bytes(), None).event;
        assert_eq!(event.name(), name);
        assert!(matches!(event.demand(), Demand::Nothing(_)), "{event:?}");
    }
}

#[test]
fn a_body_that_was_written_anew_on_its_way_is_written_back_as_plane_does() {
    for (name, recorded) in &*RECORDED {
        let anew: Value = serde_json::from_str(&recorded.body).unwrap();
        let pretty = serde_json::to_vec_pretty(&anew).unwrap();
        let secret = secret_of(recorded).expect(name);
        assert!(!is_signed(&secret, &pretty, &recorded.signature), "{name}");
        let back = webhook::as_plane_writes(&pretty).unwrap();
        assert_eq!(
            String::from_utf8(back.clone()).unwrap(),
            recorded.body,
            "{name}"
        );
        assert!(is_signed(&secret, &back, &recorded.signature), "{name}");
    }
}

#[test]
fn what_is_archived_or_a_draft_is_asked_for() {
    let body = &RECORDED["webhook-issue-created-001"].body;
    for (from, to) in [
        (r#""archived_at": null"#, r#""archived_at": "2026-11-23""#),
        (r#""is_draft": false"#, r#""is_draft": true"#),
        (r#""labels""#, r#""lables""#),
    ] {
        let changed = body.replace(from, to);
        assert_ne!(&changed, body);
        let event = webhook::read(changed.as_bytes(), None).event;
        assert!(
            matches!(event.demand(), Demand::Ask(..)),
            "{from}: {event:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50_000))]

    /// Bodies that are almost right are the ones that break readers.
    #[test]
    fn a_damaged_body_costs_fields_and_nothing_else(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&[
            "", "null", "\"None\"", "{}", "[]", "-1", "1e400", "\"\\ud800\"", "\"\"", "[[[[", "}",
        ][..])), 1..6),
        header in prop::option::of(".{0,20}"),
    ) {
        let mut body = which.get(&RECORDED.values().collect::<Vec<_>>()).body.clone();
        for (at, put) in cuts {
            // In the place of a value, or anywhere.
            let colons: Vec<usize> = body.match_indices(": ").map(|(at, _)| at + 2).collect();
            let Some(from) = (!colons.is_empty()).then(|| *at.get(&colons)) else { break };
            let to = body[from..].find([',', '}']).map_or(body.len(), |len| from + len);
            body.replace_range(from..to, put);
        }
        let delivery = webhook::read(body.as_bytes(), header.as_deref());
        delivery.event.name();
        delivery.event.demand();
    }

    #[test]
    fn any_bytes_are_read(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let event = webhook::read(&body, None).event;
        prop_assert!(matches!(event.demand(), Demand::Nothing(_)));
        webhook::webhook_of(&body);
        webhook::as_plane_writes(&body);
    }
}
