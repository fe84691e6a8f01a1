//! A screen on a wall shows the overview without anybody signing in, and nothing else.

use crate::support::{Person, Watched};

impl Watched {
    /// Adds a screen; where it begins, without the host.
    async fn screen(&mut self, name: &str) -> String {
        let added = self.admin.post("add_screen", &[("name", name)]).await;
        assert_eq!(added.location(), "/settings/screens");
        let page = self.admin.get("/settings/screens").await;
        let address = page.text_of("textarea");
        let path = address.trim().strip_prefix(&self.portal.url);
        path.unwrap_or_else(|| panic!("{address}")).to_owned()
    }
}

#[tokio::test]
async fn a_screen_sees_its_page_alone_until_it_is_removed() {
    let mut world = Watched::new().await;
    world.later(16).await;
    let start = world.screen("Hall").await;
    assert!(start.len() > "/screen/".len() + 40, "256 bits: {start}");

    let mut wall = world.portal.visitor();
    let led = wall.get(&start).await;
    assert_eq!((led.status, led.location().as_str()), (303, "/screen"));
    let cookie = led.header("set-cookie").unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    let shown = wall.get("/screen").await;
    assert_eq!(shown.status, 200);
    assert!(
        shown.words().contains("Can today’s numbers be trusted?"),
        "{}",
        shown.words()
    );
    assert!(shown.words().contains("in Acme"), "{}", shown.words());
    assert!(!shown.has("main a") && !shown.has("button"));
    let secret = start.rsplit('/').next().unwrap();
    assert!(!shown.text.contains(secret));
    for path in [
        "/",
        "/settings/screens",
        &world.page,
        "/problems",
        "/projects.json",
        "/live/webhooks",
    ] {
        let refused = wall.get(path).await;
        assert!(
            [303, 401].contains(&refused.status),
            "{path}: {}",
            refused.status
        );
    }
    let refused = wall.post("remove_screen", &[("id", "x")]).await;
    assert_ne!(refused.status, 200);

    let page = world.admin.get("/settings/screens").await;
    assert!(
        page.words().contains("just now"),
        "when it was last shown: {}",
        page.words()
    );
    world.portal.clock.advance(chrono::TimeDelta::minutes(11));
    let page = world.admin.get("/settings/screens").await;
    assert!(!page.text.contains(secret), "shown for ten minutes");
    assert!(!page.has("textarea"));

    let id = page.attribute("input[name=id]", "value").unwrap();
    let removed = world.admin.post("remove_screen", &[("id", &id)]).await;
    assert_eq!(removed.location(), "/settings/screens");
    let gone = wall.get("/screen").await;
    assert_eq!(gone.location(), "/sign-in?next=/screen");
    assert_eq!(wall.get(&start).await.status, 404);
    let again = world.admin.post("remove_screen", &[("id", &id)]).await;
    assert_eq!(again.status, 404);
}

#[tokio::test]
async fn a_guess_opens_nothing_and_a_lead_adds_none() {
    let mut world = Watched::new().await;
    let mut wall: Person = world.portal.visitor();
    for guess in ["x", "%2e%2e%2f", &"A".repeat(43), "'", "%00"] {
        let answer = wall.get(&format!("/screen/{guess}")).await;
        assert!(
            [400, 404].contains(&answer.status),
            "{guess}: {}",
            answer.status
        );
        assert!(
            answer
                .header("set-cookie")
                .is_none_or(|cookie| !cookie.contains("screen"))
        );
    }
    wall.set_cookie("hangar-screen", "nonsense");
    assert_eq!(
        wall.get("/screen").await.location(),
        "/sign-in?next=/screen"
    );
    let refused = world
        .admin
        .post_on("/settings/screens", "add_screen", &[("name", " ")])
        .await;
    let form = world.admin.get(&refused.location()).await;
    assert!(
        form.has("[name=name][aria-invalid=true]"),
        "{}",
        refused.location()
    );
}
