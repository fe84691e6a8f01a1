use crate::support::TestPortal;

#[tokio::test]
async fn somebody_not_signed_in_is_sent_to_sign_in_and_back() {
    let portal = TestPortal::start().await;
    let mut visitor = portal.visitor();
    portal.admin().await;

    let answer = visitor.get("/runs?outcome=failed").await;

    assert_eq!(answer.status, 303);
    assert_eq!(answer.location(), "/sign-in?next=/runs%3Foutcome%3Dfailed");
    assert_eq!(visitor.get("/sign-in").await.status, 200);
}

#[tokio::test]
async fn every_page_answers_and_has_one_heading() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    let run = portal.sync(&mut admin, &acme).await;
    let test = admin
        .post(
            "test_integration",
            &[("id", acme.rsplit('/').next().unwrap())],
        )
        .await
        .location();
    let (web, item) = portal.plane.given(|state| {
        let web = state.project_called("acme", "WEB").unwrap();
        (web.id, web.items.all().iter().next().unwrap().id)
    });
    let mut pages: Vec<String> = [
        "/",
        "/integrations",
        "/integrations/new",
        "/projects",
        "/runs",
        "/settings",
        "/settings/people",
        "/settings/profile",
    ]
    .map(str::to_owned)
    .to_vec();
    pages.extend(["", "/edit", "/key", "/delete", "/history"].map(|p| format!("{acme}{p}")));
    pages.extend([
        format!("{run}/calls"),
        run,
        test,
        format!("{acme}/projects/{web}"),
        format!("{acme}/projects/{web}/labels"),
        format!("{acme}/projects/{web}/collections"),
        format!("{acme}/projects/{web}/drift"),
        format!("{acme}/projects/{web}/deleted"),
        format!("{acme}/projects/{web}/work-items/{item}"),
    ]);
    portal.plane.forget_requests();
    for path in &pages {
        let page = admin.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.words());
        assert_eq!(page.all("h1").len(), 1, "{path}");
        assert_eq!(page.all("main").len(), 1, "{path}");
        assert!(
            !page.has("[style]"),
            "{path}: an inline style would be refused by the policy"
        );
        assert!(page.all("title")[0].contains("Hangar"), "{path}");
    }
    let mut lead = portal.lead().await;
    for path in &pages {
        let page = lead.get(path).await;
        assert!(
            page.status == 200 || page.status == 403,
            "{path}: {}",
            page.status
        );
        assert!(page.status != 500, "{path}");
    }
    let asked = portal.plane.requests();
    assert!(asked.is_empty(), "pages read the copy alone: {asked:?}");
}

#[tokio::test]
async fn pages_that_can_not_be_shown_help() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    for path in [
        "/nothing/here",
        "/integrations/not-an-id",
        "/integrations/019ab2c0-0000-7000-8000-000000000000",
    ] {
        let page = admin.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        assert_eq!(page.all("h1").len(), 1, "{path}");
        let id = page.header("x-request-id").unwrap().to_owned();
        assert!(
            page.words().contains(&id),
            "{path}: the page names its request"
        );
    }
    let mut lead = portal.lead().await;
    let refused = lead
        .post(
            "start_sync",
            &[("id", "019ab2c0-0000-7000-8000-000000000000")],
        )
        .await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.all("h1").len(), 1);
}

#[tokio::test]
async fn the_work_item_table_filters_sorts_and_pages_by_its_address() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    portal.sync(&mut admin, &acme).await;
    let web = portal
        .plane
        .given(|state| state.project_called("acme", "WEB").unwrap().id);
    let table = format!("{acme}/projects/{web}");

    let mut seen = std::collections::HashSet::new();
    let mut path = format!("{table}?sort=oldest");
    loop {
        let page = admin.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        for identifier in page.all("tbody tr td:first-child, tbody tr th:first-child") {
            assert!(seen.insert(identifier.clone()), "{identifier} came twice");
        }
        match page.attribute("a[rel=next]", "href") {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!(seen.len(), 348);

    let found = admin.get(&format!("{table}?q=WEB-1")).await;
    assert!(found.words().contains("WEB-1"), "{}", found.words());
    let nothing = admin.get(&format!("{table}?q=zzzzqqq")).await;
    assert_eq!(nothing.status, 200);
    assert!(!nothing.has("tbody tr"));
    let urgent = admin.get(&format!("{table}?priority=urgent")).await;
    assert!(urgent.has("tbody tr"));
}

#[tokio::test]
async fn health_answers_without_signing_in() {
    let portal = TestPortal::start().await;
    let mut visitor = portal.visitor();
    assert_eq!(visitor.get("/livez").await.text, "ok\n");
    assert_eq!(visitor.get("/readyz").await.text, "ready\n");
}

#[tokio::test]
async fn a_database_that_is_away_is_told_by_a_page_that_helps_and_to_programs_in_json() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    portal.portal.store.close().await;

    let page = admin.get("/projects?name=web").await;

    assert_eq!(page.status, 503);
    assert_eq!(page.all("h1").len(), 1);
    assert!(page.words().contains("database"), "{}", page.words());
    assert!(page.has("a[href='/projects?name=web']"), "{}", page.words());

    let headers = [("accept", "application/json")];
    let program = admin.send(reqwest::Method::GET, "/projects", &headers, None);
    let answer: serde_json::Value = serde_json::from_str(&program.await.text).unwrap();
    assert_eq!(answer["code"], "unavailable", "{answer}");
}
