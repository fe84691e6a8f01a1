use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const ID: &str = "90777dae-1a83-5057-9e68-9527f4c8c1c4";

fn item(changes: Value) -> Option<WorkItem> {
    let mut item = json!({
        "id": ID, "sequence_id": 7, "name": "Seven",
        "created_at": "2026-07-26T22:47:55.982146Z", "updated_at": "2026-08-03T17:36:55.982146Z",
    });
    let fields = item.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        fields.insert(name.clone(), value.clone());
    }
    decode(&item.to_string())
}

#[test]
fn a_relation_may_be_an_id_an_object_null_or_empty() {
    let id = Uuid::parse_str(ID).unwrap();
    for (state, expected) in [
        (json!(ID), Some(StateId(id))),
        (
            json!({ "id": ID, "name": "Done", "group": "completed" }),
            Some(StateId(id)),
        ),
        (json!(null), None),
        (json!({}), None),
        (json!("None"), None),
        (json!(7), None),
    ] {
        assert_eq!(
            item(json!({ "state": state })).unwrap().state,
            expected,
            "{state}"
        );
    }
    let labels = item(json!({ "labels": [ID, { "id": ID, "color": "" }, null, {}, "x"] }))
        .unwrap()
        .labels;
    assert_eq!(labels, [LabelId(id), LabelId(id)]);
    assert!(
        item(json!({ "labels": null, "assignees": "?" }))
            .unwrap()
            .labels
            .is_empty()
    );
}

#[test]
fn times_with_offsets_become_utc() {
    let item = item(json!({ "completed_at": "2026-08-04T23:11:55.982146+05:30" })).unwrap();
    assert_eq!(
        item.completed_at.unwrap().to_rfc3339(),
        "2026-08-04T17:41:55.982146+00:00"
    );
    assert_eq!(
        parse_time("2026-08-04").unwrap().to_rfc3339(),
        "2026-08-04T00:00:00+00:00"
    );
    assert_eq!(
        parse_time("2026-08-04T23:11:55").unwrap().to_rfc3339(),
        "2026-08-04T23:11:55+00:00"
    );
    assert_eq!(parse_time("yesterday"), None);
}

#[test]
fn only_what_makes_a_work_item_is_demanded() {
    assert!(
        item(
            json!({ "name": null, "priority": 3, "description_html": null, "start_date": "soon" })
        )
        .is_some()
    );
    assert!(item(json!({ "updated_at": null })).is_some());
    assert_eq!(item(json!({ "id": null })), None);
    assert_eq!(item(json!({ "sequence_id": null })), None);
    assert_eq!(item(json!({ "created_at": null, "updated_at": "?" })), None);
}

#[test]
fn names_and_descriptions_are_kept_as_they_came() {
    let html = "<img src=x onerror=alert(1)>";
    let item = item(json!({ "name": html, "description_html": html })).unwrap();
    assert_eq!(
        (item.name.as_str(), item.description_html.as_str()),
        (html, html)
    );
}

#[test]
fn a_colour_is_six_digits_or_nothing() {
    for (text, expected) in [
        ("#6CAD4A", "#6cad4a"),
        ("#abc", "#aabbcc"),
        ("#11223344", "#112233"),
        ("", ""),
        ("red", ""),
        ("#ggg", ""),
        ("#fff;background:url(x)", ""),
        ("#é1é1", ""),
    ] {
        assert_eq!(parse_color(text).unwrap_or_default(), expected, "{text:?}");
    }
}

#[test]
fn the_largest_page_is_read_from_the_refusal() {
    assert_eq!(
        largest_page("Invalid per_page value. Cannot exceed 1000."),
        Some(1000)
    );
    assert_eq!(
        largest_page("Invalid per_page value. Cannot exceed 0."),
        None
    );
    assert_eq!(largest_page("Invalid per_page parameter."), None);
}

#[test]
fn a_members_name_is_found_and_the_email_address_is_not_taken() {
    let name = |member: Value| decode::<Member>(&member.to_string()).unwrap().display_name;
    assert_eq!(
        name(json!({ "id": ID, "display_name": "inge", "email": "i@acme.test" })),
        "inge"
    );
    assert_eq!(
        name(json!({ "id": ID, "first_name": "Inge", "display_name": " " })),
        "Inge"
    );
    assert_eq!(name(json!({ "id": ID, "email": "i@acme.test" })), "Someone");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!(ID)),
        Just(json!("2026-08-04T23:11:55.982146+05:30")),
        Just(json!("+262143-12-31T23:59:59Z")),
    ];
    leaf.prop_recursive(3, 40, 8, |inner| {
        let names = prop::sample::select(vec![
            "id",
            "name",
            "state",
            "labels",
            "created_at",
            "updated_at",
            "sequence_id",
            "sequence",
            "color",
            "counts",
            "instance",
            "results",
            "group",
            "start_date",
            "priority",
            "network",
            "total_members",
            "issues",
            "config",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..10).prop_map(|fields| {
                Value::Object(
                    fields
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

fn decode_as_everything(json: &str) {
    let _ = decode::<Project>(json);
    let _ = decode::<WorkItem>(json);
    let _ = decode::<Label>(json);
    let _ = decode::<State>(json);
    let _ = decode::<Member>(json);
    let _ = decode::<Me>(json);
    let _ = decode::<Instance>(json);
    let _ = decode::<Summary>(json);
    let _ = decode::<Cycle>(json);
    let _ = decode::<Module>(json);
    let _ = decode::<ItemId>(json);
    let _ = crate::pages::read::<WorkItem>(json, 100, None);
    let _ = crate::error::from_status(http::StatusCode::BAD_REQUEST, json.as_bytes());
}

proptest! {
    #[test]
    fn no_json_panics(json in any_json()) {
        decode_as_everything(&json.to_string());
    }

    #[test]
    fn no_text_panics(text in ".{0,100}") {
        decode_as_everything(&text);
    }
}

#[test]
fn deep_nesting_is_refused_without_overflow() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    decode_as_everything(&deep);
    decode_as_everything(&format!(
        r#"{{"id":"{ID}","name":{deep},"labels":{deep},"state":{deep}}}"#
    ));
}
