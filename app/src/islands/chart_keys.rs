use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, HtmlElement, KeyboardEvent};

/// Lets the arrow keys, Home and End go through the links of each chart on the page, which are one stop for the Tab key: its first
/// is the latest, then where somebody was last. Without it a chart's table has the same links.
#[island]
pub fn ChartKeys() -> impl IntoView {
    Effect::new(|_| {
        let pressed = Closure::<dyn FnMut(KeyboardEvent)>::new(|event: KeyboardEvent| {
            turn(&event);
        });
        let _ = document()
            .add_event_listener_with_callback("keydown", pressed.as_ref().unchecked_ref());
        // It lives as long as the page.
        pressed.forget();
    });
}

/// Goes to the link that the key asks for. With another key held, it is the browser's.
fn turn(event: &KeyboardEvent) -> Option<()> {
    if event.alt_key() || event.ctrl_key() || event.meta_key() || event.shift_key() {
        return None;
    }
    let here: Element = event.target()?.dyn_into().ok()?;
    let number: u32 = here.get_attribute("data-turn")?.parse().ok()?;
    let chart = here.closest(".chart-drawing").ok()??;
    let count = chart.query_selector_all("[data-turn]").ok()?.length();
    let next = match event.key().as_str() {
        "ArrowLeft" => number.saturating_sub(1),
        "ArrowRight" => (number + 1).min(count - 1),
        "Home" => 0,
        "End" => count - 1,
        _ => return None,
    };
    let selector = "[data-turn='".to_owned() + &next.to_string() + "']";
    let there = chart.query_selector(&selector).ok()??;
    event.prevent_default();
    let _ = here.set_attribute("tabindex", "-1");
    let _ = there.set_attribute("tabindex", "0");
    // A link in a drawing is no `HtmlElement`, but takes the focus in the same way.
    there.unchecked_ref::<HtmlElement>().focus().ok()
}
