use std::{cell::RefCell, rc::Rc, time::Duration};

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

/// Hears of a change whenever there is one: `heard` takes what stands in an event, such as a `domain::run::SyncRun`, until one is
/// finished.
/// A stream that breaks is tried again for as long as the page is open; meanwhile `is_lost`.
pub(super) fn follow(
    address: String,
    is_lost: RwSignal<bool>,
    heard: impl FnMut(&JsValue) + 'static,
) {
    let heard = Rc::new(RefCell::new(heard));
    connect(address, is_lost, heard, SOON);
}

/// Whether the run of an event has ended.
pub(super) fn is_finished(run: &JsValue) -> bool {
    field(run, "finishedAt").is_string()
}

pub(super) fn field(object: &JsValue, name: &str) -> JsValue {
    js_sys::Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// Says that the page stands still, while it does.
pub(super) fn lost_note(is_lost: RwSignal<bool>) -> impl IntoView {
    move || {
        is_lost.get().then(|| {
            view! {
                <p class="live-lost" role="alert">
                    "Live updates stopped; Hangar is being asked again. " <a href="">"Reload"</a>
                </p>
            }
        })
    }
}

/// Until the first new try after an answer that browsers take for final, such as 503; each further one takes twice as long.
const SOON: Duration = Duration::from_secs(2);
const LATEST: Duration = Duration::from_secs(60);

fn connect<F: FnMut(&JsValue) + 'static>(
    address: String,
    is_lost: RwSignal<bool>,
    heard: Rc<RefCell<F>>,
    again_after: Duration,
) {
    let Ok(events) = web_sys::EventSource::new(&address) else {
        return;
    };
    // A stream that comes back at once was only cut, as proxies do, and nothing was missed.
    let breaks = StoredValue::new((0, again_after));

    let source = events.clone();
    let told = heard.clone();
    let on_run = Closure::<dyn FnMut(_)>::new(move |event: web_sys::MessageEvent| {
        let text = event.data().as_string().unwrap_or_default();
        let Ok(run) = js_sys::JSON::parse(&text) else {
            return;
        };
        breaks.set_value((0, SOON));
        is_lost.set(false);
        if is_finished(&run) {
            source.close();
        }
        (told.borrow_mut())(&run);
    });
    let source = events.clone();
    let on_error = Closure::<dyn FnMut()>::new(move || {
        let (so_far, again_after) = breaks.get_value();
        breaks.set_value((so_far + 1, again_after));
        let is_closed = source.ready_state() == web_sys::EventSource::CLOSED;
        if is_closed || so_far > 0 {
            is_lost.set(true);
        }
        if is_closed {
            let (address, heard) = (address.clone(), heard.clone());
            let next = (again_after * 2).min(LATEST);
            set_timeout(move || connect(address, is_lost, heard, next), again_after);
        }
    });
    let _ = events.add_event_listener_with_callback("changed", on_run.as_ref().unchecked_ref());
    let _ = events.add_event_listener_with_callback("error", on_error.as_ref().unchecked_ref());
    // They live as long as the page.
    on_run.forget();
    on_error.forget();
}
