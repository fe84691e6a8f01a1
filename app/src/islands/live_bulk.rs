use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

/// How far an operation is, in plain values: the page's first picture, then the latest event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkNow {
    /// Said aloud when it changes, so it holds no fast number.
    pub says: String,
    pub so_far: String,
    pub left: String,
    pub ended: u32,
    pub total: u32,
    pub is_finished: bool,
}

/// An operation under way, kept up to date by server-sent events from `address`, together with the rows of the page's table:
/// `item-NUMBER`. Shows `initial` when they don't come. Loads the page once more at the end: the final words are the server's.
#[island]
pub fn LiveBulk(address: String, initial: BulkNow) -> impl IntoView {
    let bulk = RwSignal::new(initial);
    Effect::new(move || watch(&address, bulk));
    view! {
        <div class="live-run">
            <p class="live-run-headline" role="status">{move || bulk.with(|b| b.says.clone())}</p>
            <p class="live-run-place">
                <span>{move || bulk.with(|b| b.so_far.clone())}</span>
                <span>{move || bulk.with(|b| b.left.clone())}</span>
            </p>
            <progress
                class="bar" aria-label="Integrations done"
                max=move || bulk.with(|b| b.total.max(1).to_string()) value=move || bulk.with(|b| b.ended.to_string())
            ></progress>
        </div>
    }
}

/// Runs in the browser alone.
fn watch(address: &str, bulk: RwSignal<BulkNow>) {
    let Ok(events) = web_sys::EventSource::new(address) else {
        return;
    };
    let source = events.clone();
    let heard =
        Closure::<dyn FnMut(web_sys::MessageEvent)>::new(move |event: web_sys::MessageEvent| {
            let Some(event) = event
                .data()
                .as_string()
                .and_then(|text| js_sys::JSON::parse(&text).ok())
            else {
                return;
            };
            for row in js_sys::Array::from(&get(&event, "rows")).iter() {
                fill(&row);
            }
            let now = BulkNow {
                says: text(&event, "says"),
                so_far: text(&event, "soFar"),
                left: text(&event, "left"),
                ended: number(&event, "ended"),
                total: number(&event, "total"),
                is_finished: get(&event, "isFinished").is_truthy(),
            };
            let is_finished = now.is_finished;
            bulk.set(now);
            if is_finished {
                source.close();
                // Nothing helps when even reloading is refused; the page has a link for it.
                let _ = window().location().reload();
            }
        });
    let _ = events.add_event_listener_with_callback("bulk", heard.as_ref().unchecked_ref());
    heard.forget();
}

/// Shows one `app::bulk::live::Row` in its place.
fn fill(row: &JsValue) -> Option<()> {
    let place = document().get_element_by_id(&format!("item-{}", number(row, "number")))?;
    let part = |class: &str| place.query_selector(class).ok().flatten();
    let state = part(".item-state")?;
    state.set_class_name(&format!("item-state item-{}", text(row, "look")));
    state.set_text_content(Some(&text(row, "word")));
    part(".item-says")?.set_text_content(Some(&text(row, "says")));
    let (link, href) = (part(".item-link")?, text(row, "href"));
    link.set_text_content(Some(&text(row, "link")));
    let _ = link.set_attribute("href", &href);
    let _ = link.toggle_attribute_with_force("hidden", href.is_empty());
    Some(())
}

fn get(object: &JsValue, name: &str) -> JsValue {
    js_sys::Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

fn text(object: &JsValue, name: &str) -> String {
    get(object, name).as_string().unwrap_or_default()
}

fn number(object: &JsValue, name: &str) -> u32 {
    get(object, name).as_f64().unwrap_or_default() as u32
}
