use app::Draft;
use domain::integration::DeletionCost;

use crate::{
    canned::{Canned, admin, get},
    integrations::{ID, address, failed_test, one},
};

const DRAFT: &str = "00000000-0000-4000-8000-000000000001";

fn draft(values: &[(&str, &str)], errors: &[(&str, &str)]) -> Draft {
    let map = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    };
    Draft {
        values: map(values),
        errors: map(errors),
        ..Draft::default()
    }
}

fn drafted(rest: &str) -> String {
    format!("/integrations{rest}?draft={DRAFT}")
}

#[tokio::test]
async fn a_new_form_asks_for_what_is_needed_and_nothing_else() {
    let answer = get(Canned::default(), Some(admin()), "/integrations/new").await;
    assert_eq!(
        answer.attribute("#integration-form", "action").as_deref(),
        Some("/api/ui/create_integration")
    );
    assert_eq!(
        answer.texts("#integration-form button"),
        ["Save", "Test connection"]
    );
    assert_eq!(
        answer
            .attribute("button[data-live-test]", "formaction")
            .as_deref(),
        Some("/api/ui/test_integration_form")
    );
    assert_eq!(
        answer.attribute("#field-api_key", "type").as_deref(),
        Some("password")
    );
    assert_eq!(
        answer
            .attribute("#field-api_key", "autocomplete")
            .as_deref(),
        Some("off")
    );
    assert_eq!(
        answer
            .attribute("#field-interval_minutes", "value")
            .as_deref(),
        Some("15")
    );
    assert!(!answer.has("details.advanced[open]") && !answer.has("input[name=version]"));
    for name in [
        "integration_name",
        "base_url",
        "workspace",
        "api_key",
        "interval_minutes",
        "description",
        "auth_scheme",
        "project_id",
    ] {
        assert!(answer.has(&format!("label[for=field-{name}]")), "{name}");
    }
}

#[tokio::test]
async fn a_form_with_mistakes_keeps_what_was_typed_but_never_shows_the_key() {
    let typed = [
        ("integration_name", ""),
        ("base_url", "acme"),
        ("workspace", "acme"),
        ("auth_scheme", "bearer"),
        ("api_key", "plane_api_leak"),
    ];
    let mut draft = draft(
        &typed,
        &[
            ("integration_name", "Enter a name."),
            ("base_url", "This is not the address of a server."),
        ],
    );
    draft.key_last_four = Some("3f9a".into());
    let answer = get(
        Canned {
            draft: Some(draft),
            ..Canned::default()
        },
        Some(admin()),
        &drafted("/new"),
    )
    .await;
    assert!(
        answer
            .text("[role=alert]")
            .contains("2 fields need another look.")
    );
    assert_eq!(
        answer.text("#field-base_url-error"),
        "This is not the address of a server."
    );
    assert_eq!(
        answer.attribute("#field-base_url", "value").as_deref(),
        Some("acme")
    );
    assert_eq!(
        answer
            .attribute("#field-base_url", "aria-invalid")
            .as_deref(),
        Some("true")
    );
    assert_eq!(
        answer.attribute("input[name=draft]", "value").as_deref(),
        Some(DRAFT)
    );
    assert_eq!(
        answer.attribute("option[selected]", "value").as_deref(),
        Some("bearer")
    );
    assert!(answer.has("details.advanced[open]"));
    assert_eq!(
        answer.text("#field-api_key-hint"),
        "Key …3f9a is kept; leave empty to use it."
    );
    assert!(!answer.has("#field-api_key[required]") && !answer.html.contains("leak"));
    assert_eq!(
        answer
            .attribute("#field-api_key", "value")
            .unwrap_or_default(),
        ""
    );
}

#[tokio::test]
async fn a_tested_form_shows_the_stages_and_the_one_thing_to_do() {
    let draft = Draft {
        test: Some(failed_test()),
        ..draft(&[("integration_name", "Acme")], &[])
    };
    let answer = get(
        Canned {
            draft: Some(draft),
            ..Canned::default()
        },
        Some(admin()),
        &drafted("/new"),
    )
    .await;
    assert!(!answer.has("[role=alert]"));
    assert_eq!(
        answer.text("#last-test .test-verdict"),
        "Connection fails Plane refused this key."
    );
    assert_eq!(
        answer.text("#test .stage-failed .stage-advice"),
        "Create a new one in Plane and replace it here."
    );
    assert_eq!(answer.count("#last-test .stage-waiting"), 3);
}

#[tokio::test]
async fn the_edit_form_holds_what_is_saved_and_its_version() {
    let answer = get(one(), Some(admin()), &address("/edit")).await;
    assert_eq!(
        answer.attribute("#integration-form", "action").as_deref(),
        Some("/api/ui/update_integration")
    );
    assert_eq!(
        answer.attribute("input[name=version]", "value").as_deref(),
        Some("4")
    );
    assert_eq!(
        answer.attribute("button[name=id]", "value"),
        Some(ID.to_string())
    );
    assert_eq!(
        answer
            .attribute("#field-integration_name", "value")
            .as_deref(),
        Some("Acme <product>")
    );
    assert_eq!(answer.text("#field-description"), "</textarea><b>bold</b>");
    assert_eq!(
        answer.attribute("input[name=integration]", "value"),
        Some(ID.to_string())
    );
    assert!(
        !answer.has("#integration-form input[name=id]"),
        "a test of the form is not a test of what is saved"
    );
    assert!(!answer.has("b") && !answer.has("input[name=api_key]"));
    assert_eq!(
        answer.attribute(".saved-key a", "href"),
        Some(address("/key"))
    );
}

#[tokio::test]
async fn a_new_address_asks_for_its_key() {
    let typed = [("base_url", "https://other.example"), ("version", "4")];
    let canned = Canned {
        draft: Some(draft(
            &typed,
            &[("api_key", "Enter the key for the new one.")],
        )),
        ..one()
    };
    let answer = get(
        canned,
        Some(admin()),
        &format!("{}?draft={DRAFT}", address("/edit")),
    )
    .await;
    assert_eq!(
        answer.attribute("#field-api_key", "type").as_deref(),
        Some("password")
    );
    assert_eq!(
        answer.text("#field-api_key-error"),
        "Enter the key for the new one."
    );
    assert_eq!(
        answer.attribute("#field-base_url", "value").as_deref(),
        Some("https://other.example")
    );
}

#[tokio::test]
async fn who_edits_too_late_is_told_by_whom_and_sees_both_versions() {
    let typed = [
        ("integration_name", "Acme <product>"),
        ("workspace", "acme"),
        ("base_url", "https://plane.acme.example"),
        ("interval_minutes", "60"),
        ("auth_scheme", "api_key"),
        ("description", "</textarea><b>bold</b>"),
        ("version", "3"),
    ];
    let canned = Canned {
        draft: Some(draft(&typed, &[])),
        ..one()
    };
    let answer = get(
        canned.clone(),
        Some(admin()),
        &format!("{}?draft={DRAFT}", address("/edit")),
    )
    .await;
    assert_eq!(
        answer.text(".notice-title"),
        "Jonas changed this integration while you were editing; nothing was overwritten."
    );
    assert_eq!(
        answer.texts(".notice tbody th, .notice tbody td"),
        ["Sync every", "15", "60"]
    );
    assert_eq!(
        answer
            .attribute("#field-interval_minutes", "value")
            .as_deref(),
        Some("60")
    );
    assert_eq!(
        answer.attribute("input[name=version]", "value").as_deref(),
        Some("4")
    );

    let mut same = typed;
    same[6].1 = "4";
    let canned = Canned {
        draft: Some(draft(&same, &[])),
        ..canned
    };
    let answer = get(
        canned,
        Some(admin()),
        &format!("{}?draft={DRAFT}", address("/edit")),
    )
    .await;
    assert!(!answer.has(".notice-title"));
}

#[tokio::test]
async fn a_new_key_that_plane_refuses_leaves_the_old_one_and_says_why() {
    let answer = get(one(), Some(admin()), &address("/key")).await;
    assert!(answer.text("main").contains("The new key is tested first."));
    assert!(answer.text(".saved-key").starts_with("In use now: …9f2c"));
    assert_eq!(
        answer.attribute("main form", "action").as_deref(),
        Some("/api/ui/replace_key")
    );

    let draft = Draft {
        test: Some(failed_test()),
        ..draft(
            &[("api_key", "plane_api_leak")],
            &[("api_key", "Plane refused this key.")],
        )
    };
    let path = format!("{}?draft={DRAFT}", address("/key"));
    let answer = get(
        Canned {
            draft: Some(draft),
            ..one()
        },
        Some(admin()),
        &path,
    )
    .await;
    assert_eq!(
        answer.text("#field-api_key-error"),
        "Plane refused this key."
    );
    assert_eq!(answer.count(".stages li"), 9);
    assert!(!answer.html.contains("leak"));
}

#[tokio::test]
async fn deleting_says_first_what_is_lost_and_offers_the_lesser_act() {
    let answer = get(one(), Some(admin()), &address("/delete")).await;
    let lost = answer.texts(".losses li");
    assert_eq!(
        lost,
        [
            "16 projects",
            "10,482 work items",
            "31 labels",
            "9 sync runs",
            "4 connection tests"
        ]
    );
    assert_eq!(
        answer.text("label[for=field-typed_name]"),
        "Type “Acme <product>” to confirm"
    );
    assert_eq!(
        answer.texts("main button"),
        ["Delete integration", "Deactivate instead"]
    );

    let wrong = draft(
        &[("typed_name", "acme")],
        &[("typed_name", "This is not its name.")],
    );
    let canned = Canned {
        draft: Some(wrong),
        deletion_cost: Ok(DeletionCost::default()),
        ..one()
    };
    let answer = get(
        canned,
        Some(admin()),
        &format!("{}?draft={DRAFT}", address("/delete")),
    )
    .await;
    assert_eq!(
        answer.text("#field-typed_name-error"),
        "This is not its name."
    );
    assert!(answer.text("main").contains("Nothing was copied yet."));
}
