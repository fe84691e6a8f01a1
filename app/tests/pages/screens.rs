use app::{Failure, ScreenRow, Screens};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    actor::{Admin, Viewer},
    ids::ScreenId,
    screen::Screen,
};
use uuid::Uuid;

use crate::{
    canned::{Canned, admin, get, get_with, lead, now, visit},
    integrations::one,
};

#[async_trait]
impl Screens for Canned {
    async fn list(&self, _: &Viewer) -> Result<Vec<ScreenRow>, Failure> {
        Ok(self.screens.clone())
    }
    async fn add(&self, _: &Admin, _: String) -> Result<ScreenId, Failure> {
        unreachable!("a page changes nothing")
    }
    async fn remove(&self, _: &Admin, _: ScreenId) -> Result<(), Failure> {
        unreachable!("a page changes nothing")
    }
}

fn screen(seen_minutes_ago: Option<i64>) -> Screen {
    Screen {
        id: ScreenId(Uuid::from_u128(9)),
        name: "Hall".parse().unwrap(),
        by: "Maya Keller".to_owned(),
        created_at: now() - TimeDelta::minutes(5),
        seen_at: seen_minutes_ago.map(|minutes| now() - TimeDelta::minutes(minutes)),
    }
}

#[tokio::test]
async fn a_screen_shows_the_overview_and_nothing_that_could_be_pressed() {
    let visit = app::Visit {
        screen: Some(screen(None)),
        ..visit("/screen")
    };
    let page = get_with(one(), visit).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.text("h1"), "Can today’s numbers be trusted?");
    assert_eq!(page.count(".figure"), 5);
    assert!(page.text(".matrix").contains("Web WEB in Acme <product>"));
    assert!(page.has("noscript") && page.has("leptos-island"));
    let pressed = page.count("main a, main button, main form, nav");
    assert_eq!(pressed, 0, "{}", page.html);
}

#[tokio::test]
async fn a_screens_cookie_opens_no_other_page() {
    let visit = app::Visit {
        screen: Some(screen(None)),
        ..visit("/")
    };
    let page = get_with(one(), visit).await;
    assert_eq!(page.location.as_deref(), Some("/sign-in?next=/"));
    let nobody = get(one(), None, "/screen").await;
    assert_eq!(nobody.location.as_deref(), Some("/sign-in?next=/screen"));
}

#[tokio::test]
async fn an_address_is_shown_once_to_who_may_give_it_away() {
    let canned = |address: Option<&str>| Canned {
        screens: vec![ScreenRow {
            screen: screen(Some(2)),
            address: address.map(str::to_owned),
        }],
        ..Canned::default()
    };
    let new = canned(Some("https://hangar.example/screen/s3cret"));
    let page = get(new, Some(admin()), "/settings/screens").await;
    assert_eq!(
        page.text("textarea"),
        "https://hangar.example/screen/s3cret"
    );
    assert_eq!(page.texts("tbody td")[0], "2 min ago");
    assert!(page.has("form[action$=remove_screen]") && page.has("form[action$=add_screen]"));
    let page = get(canned(None), Some(lead()), "/settings/screens").await;
    assert!(page.has("table") && !page.has("main form") && !page.has("textarea"));
    let none = get(Canned::default(), Some(lead()), "/settings/screens").await;
    assert_eq!(none.text(".empty h2"), "No screens");
}
