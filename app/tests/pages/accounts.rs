use std::collections::BTreeMap;

use app::{Draft, Failure};

use crate::canned::{Answer, Canned, admin, get, lead, visit};

fn draft(values: &[(&str, &str)], errors: &[(&str, &str)]) -> Option<Draft> {
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    };
    Some(Draft {
        values: map(values),
        errors: map(errors),
        ..Draft::default()
    })
}

const A_DRAFT: &str = "draft=00000000-0000-4000-8000-000000000001";

fn is_whole_document(page: &Answer) {
    assert_eq!(page.count("html[lang=en] main#main h1"), 1, "{}", page.html);
    assert!(page.has("title"), "{}", page.html);
    assert!(!page.has("[style]"), "{}", page.html);
}

#[tokio::test]
async fn somebody_unknown_is_sent_to_sign_in_and_back_afterwards() {
    for path in [
        "/",
        "/settings",
        "/settings/people",
        "/settings/profile?x=1",
    ] {
        let page = get(Canned::default(), None, path).await;
        assert_eq!(page.status, 303, "{path}");
        let expected = format!(
            "/sign-in?next={}",
            path.replace('?', "%3F").replace('=', "%3D")
        );
        assert_eq!(page.location, Some(expected));
    }
}

#[tokio::test]
async fn the_sign_in_form_works_without_javascript_and_keeps_the_way_back() {
    let page = get(
        Canned::default(),
        None,
        "/sign-in?next=%2Fruns%3Foutcome%3Dfailed",
    )
    .await;
    is_whole_document(&page);
    assert_eq!(page.status, 200);
    assert_eq!(
        page.attribute("form.form", "action").as_deref(),
        Some("/api/ui/sign_in")
    );
    assert_eq!(
        page.attribute("form.form", "method").as_deref(),
        Some("post")
    );
    assert_eq!(
        page.attribute("form.form input[name=next]", "value")
            .as_deref(),
        Some("/runs?outcome=failed")
    );
    assert!(!page.has("script"), "{}", page.html);
}

#[tokio::test]
async fn the_way_back_can_not_lead_out_of_the_portal() {
    let page = get(
        Canned::default(),
        None,
        "/sign-in?next=https%3A%2F%2Fexample.com",
    )
    .await;
    assert_eq!(
        page.attribute("form.form input[name=next]", "value")
            .as_deref(),
        Some("/")
    );
}

#[tokio::test]
async fn a_failed_sign_in_says_so() {
    let page = get(Canned::default(), None, "/sign-in?error=invalid").await;
    assert!(page.text("[role=alert]").contains("do not belong together"));
    let page = get(Canned::default(), None, "/sign-in?error=too_many").await;
    assert!(page.text("[role=alert]").contains("Wait a few minutes"));
    let page = get(Canned::default(), None, "/sign-in?error=%3Cscript%3E").await;
    assert!(!page.has("[role=alert]"));
}

#[tokio::test]
async fn somebody_signed_in_does_not_sign_in_again() {
    let page = get(Canned::default(), Some(lead()), "/sign-in?next=%2Fruns").await;
    assert_eq!(
        (page.status, page.location.as_deref()),
        (303, Some("/runs"))
    );
}

#[tokio::test]
async fn the_set_up_link_leads_to_the_first_admins_form() {
    let canned = Canned {
        may_set_up: Ok(true),
        ..Canned::default()
    };
    let page = get(canned, None, "/setup?token=abc").await;
    is_whole_document(&page);
    assert_eq!(page.status, 200);
    assert_eq!(
        page.attribute("form.form input[name=token]", "value")
            .as_deref(),
        Some("abc")
    );
    for field in ["name", "email", "password"] {
        assert!(
            page.has(&format!("label[for=field-{field}]"))
                && page.has(&format!("input#field-{field}[required]"))
        );
    }
}

#[tokio::test]
async fn a_used_set_up_link_says_how_to_get_a_new_one() {
    for path in ["/setup", "/setup?token=used"] {
        let page = get(Canned::default(), None, path).await;
        is_whole_document(&page);
        assert_eq!(page.status, 404);
        assert!(
            page.text("main").contains("restart Hangar")
                && page.text("main").contains("hangar admin create")
        );
        assert!(!page.has("form.form"));
    }
}

#[tokio::test]
async fn a_mistake_in_a_form_is_shown_at_its_field_and_what_was_typed_is_kept() {
    let canned = Canned {
        may_set_up: Ok(true),
        draft: draft(
            &[("name", "Maya <b>"), ("email", "maya")],
            &[("email", "Enter an e-mail address.")],
        ),
        ..Canned::default()
    };
    let page = get(canned, None, &format!("/setup?token=abc&{A_DRAFT}")).await;
    assert_eq!(
        page.attribute("#field-name", "value").as_deref(),
        Some("Maya <b>")
    );
    assert_eq!(
        page.attribute("#field-email", "aria-invalid").as_deref(),
        Some("true")
    );
    assert_eq!(page.text("#field-email-error"), "Enter an e-mail address.");
    assert_eq!(
        page.attribute("[role=alert] a", "href").as_deref(),
        Some("#field-email")
    );
}

#[tokio::test]
async fn an_admin_sees_people_and_can_change_them() {
    let canned = Canned {
        people: Ok(vec![admin(), lead()]),
        ..Canned::default()
    };
    let page = get(canned, Some(admin()), "/settings/people").await;
    is_whole_document(&page);
    assert_eq!(page.count("tbody tr"), 2);
    assert!(
        page.text("tbody tr")
            .starts_with("Maya Keller (you)maya@example.com")
    );
    assert!(
        page.text(".page-says")
            .starts_with("2 people can sign in, 1 admin")
    );
    assert_eq!(page.count("form[action='/api/ui/set_role']"), 2);
    assert_eq!(page.count("form[action='/api/ui/set_person_active']"), 2);
    assert!(page.has("form[action='/api/ui/add_person']"));
}

#[tokio::test]
async fn a_lead_sees_people_and_no_button_to_change_them() {
    let canned = Canned {
        people: Ok(vec![admin(), lead()]),
        ..Canned::default()
    };
    let page = get(canned, Some(lead()), "/settings/people").await;
    assert_eq!(page.count("tbody tr"), 2);
    assert_eq!(page.count("main form"), 0);
}

#[tokio::test]
async fn taking_away_the_last_admin_is_refused_with_a_reason() {
    let canned = Canned {
        people: Ok(vec![admin()]),
        draft: draft(
            &[("id", "1"), ("role", "lead")],
            &[("role", "This is the last admin.")],
        ),
        ..Canned::default()
    };
    let page = get(
        canned,
        Some(admin()),
        &format!("/settings/people?{A_DRAFT}"),
    )
    .await;
    assert_eq!(
        page.text("main [role=alert]"),
        "Nothing was changedThis is the last admin."
    );
    assert!(!page.has("#field-role[aria-invalid]"));
}

#[tokio::test]
async fn a_changed_password_is_confirmed() {
    let page = get(
        Canned::default(),
        Some(lead()),
        "/settings/profile?changed=1",
    )
    .await;
    is_whole_document(&page);
    assert!(
        page.text("[role=status]")
            .contains("Your password is changed")
    );
    let page = get(Canned::default(), Some(lead()), "/settings/profile").await;
    assert!(!page.has("[role=status]"));
}

#[tokio::test]
async fn every_page_of_somebody_signed_in_has_navigation_and_a_way_out() {
    let page = get(Canned::default(), Some(lead()), "/settings").await;
    is_whole_document(&page);
    assert_eq!(
        page.attribute(".side [aria-current]", "href").as_deref(),
        Some("/settings")
    );
    assert!(page.has(".side form[action='/api/ui/sign_out']"));
    assert_eq!(
        page.texts(".side .who-person > :not(.initials)"),
        ["Jonas", "lead"]
    );
    assert_eq!(page.attribute("body > a", "href").as_deref(), Some("#main"));
    assert_eq!(page.text(".side .theme [aria-pressed=true]"), "Auto");
    assert!(!page.has("script"), "{}", page.html);
}

#[tokio::test]
async fn the_theme_stands_in_the_first_tag() {
    let mut dark = visit("/sign-in");
    dark.theme = app::Theme::Dark;
    let page = crate::canned::get_with(Canned::default(), dark).await;
    assert_eq!(
        page.attribute("html", "data-theme").as_deref(),
        Some("dark")
    );
    assert!(
        !get(Canned::default(), None, "/sign-in")
            .await
            .has("html[data-theme]")
    );
}

#[tokio::test]
async fn failures_have_pages_that_help() {
    let check = |failure: Failure, status: u16, says: &'static str| async move {
        let canned = Canned {
            people: Err(failure),
            ..Canned::default()
        };
        let page = get(canned, Some(lead()), "/settings/people").await;
        is_whole_document(&page);
        assert_eq!(page.status, status);
        assert!(page.text("main").contains(says), "{}", page.text("main"));
        assert!(page.has(".side nav"), "navigation stays");
    };
    check(Failure::Forbidden, 403, "Ask one of the admins").await;
    check(Failure::Unavailable, 503, "as soon as the database does").await;
    check(
        Failure::Internal {
            reference: "ref-7".to_owned(),
        },
        500,
        "ref-7",
    )
    .await;
    check(
        Failure::TooMany {
            message: "Slow down.".to_owned(),
            retry_after_seconds: 30,
        },
        429,
        "Wait 30 s",
    )
    .await;
    check(Failure::NotFound, 404, "nothing at this address").await;
}

#[tokio::test]
async fn an_address_where_nothing_is_has_a_page() {
    let page = get(Canned::default(), Some(lead()), "/nowhere").await;
    is_whole_document(&page);
    assert_eq!(page.status, 404);
    let page = get(Canned::default(), None, "/nowhere").await;
    assert_eq!(page.status, 404);
    assert!(!page.has(".side"), "a stranger sees no navigation");
}
