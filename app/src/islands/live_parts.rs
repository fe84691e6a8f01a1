use std::{cell::Cell, rc::Rc};

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Document, DomParser, Element, EventTarget, Node, NodeList, Response, SupportedType};

use super::{
    local_time::retitle,
    run_events::{follow, lost_note},
};

/// Keeps the live parts of a page as the server has them, for as long as the events from `address` tell of changes. With `pauses`
/// not while somebody reads: as long as the pointer is over one of them, a line of one is chosen, or the window is left.
#[island]
pub fn LiveParts(address: String, pauses: bool) -> impl IntoView {
    let is_lost = RwSignal::new(false);
    let is_paused = RwSignal::new(false);
    let waiting = RwSignal::new(0u32);
    Effect::new(move || {
        let parts = Parts::default();
        if pauses {
            pause_while_read(is_paused);
        }
        let told = parts.clone();
        follow(address.clone(), is_lost, move |_| {
            match is_paused.get_untracked() {
                true => waiting.update(|n| *n += 1),
                false => told.refresh(),
            }
        });
        Effect::new(move || {
            if !is_paused.get() && waiting.get_untracked() > 0 {
                waiting.set(0);
                parts.refresh();
            }
        });
    });
    let paused_note = move || {
        (waiting.get() > 0).then(|| {
            view! { <p class="live-paused" role="status">"There is news. The page waits while you read."</p> }
        })
    };
    view! { {lost_note(is_lost)} {paused_note} }
}

/// Why the parts stay as they are.
#[derive(Clone, Copy, Default)]
struct Reading {
    is_over: bool,
    is_away: bool,
    has_chosen: bool,
}

fn pause_while_read(is_paused: RwSignal<bool>) {
    let reading = Rc::new(Cell::new(Reading::default()));
    let listen = |target: &EventTarget, name: &str, change: fn(&mut Reading)| {
        let reading = reading.clone();
        let heard = Closure::<dyn FnMut()>::new(move || {
            let mut now = reading.get();
            change(&mut now);
            reading.set(now);
            is_paused.set(now.is_over || now.is_away || now.has_chosen);
        });
        let _ = target.add_event_listener_with_callback(name, heard.as_ref().unchecked_ref());
        // It lives as long as the page.
        heard.forget();
    };
    if let Ok(parts) = live_parts(&document()) {
        for at in 0..parts.length() {
            if let Some(part) = parts.item(at) {
                listen(&part, "mouseenter", |reading| reading.is_over = true);
                listen(&part, "mouseleave", |reading| reading.is_over = false);
                listen(&part, "change", |reading| reading.has_chosen = has_chosen());
            }
        }
    }
    listen(&window(), "blur", |reading| reading.is_away = true);
    listen(&window(), "focus", |reading| reading.is_away = false);
}

/// Whether a line is ticked: another one could come under the tick.
fn has_chosen() -> bool {
    let found = document().query_selector("[data-live] input:checked");
    found.ok().flatten().is_some()
}

/// The parts of the page that are marked `data-live`: the server draws them, here they are only exchanged.
#[derive(Clone, Default)]
pub(super) struct Parts(Rc<Cell<Refreshing>>);

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Refreshing {
    #[default]
    No,
    Yes,
    /// There was news meanwhile.
    AndAgain,
}

/// Between two looks at the page: a run may have many events in a second.
const REST_MS: i32 = 1000;

impl Parts {
    /// Brings the parts up to date, now or as soon as what is on its way has come.
    pub(super) fn refresh(&self) {
        if self.0.get() != Refreshing::No {
            self.0.set(Refreshing::AndAgain);
            return;
        }
        self.0.set(Refreshing::Yes);
        let parts = self.clone();
        spawn_local(async move {
            loop {
                // What could not be had now comes with the next event.
                let _ = exchange().await;
                rest().await;
                if parts.0.get() == Refreshing::Yes {
                    return parts.0.set(Refreshing::No);
                }
                parts.0.set(Refreshing::Yes);
            }
        });
    }
}

/// Asks for this page and takes over its live parts.
async fn exchange() -> Result<(), JsValue> {
    let here = live_parts(&document())?;
    if here.length() == 0 {
        return Ok(());
    }
    let address = window().location().href()?;
    let answer = JsFuture::from(window().fetch_with_str(&address)).await?;
    let answer: Response = answer.dyn_into()?;
    if !answer.ok() {
        return Ok(());
    }
    let text = JsFuture::from(answer.text()?).await?;
    let text = text.as_string().unwrap_or_default();
    let page = DomParser::new()?.parse_from_string(&text, SupportedType::TextHtml)?;
    let there = live_parts(&page)?;
    for at in 0..here.length() {
        if let (Some(old), Some(new)) = (here.item(at), there.item(at)) {
            become_like(&old, &new)?;
        }
    }
    retitle();
    Ok(())
}

fn live_parts(page: &Document) -> Result<NodeList, JsValue> {
    page.query_selector_all("[data-live]")
}

/// Makes `old` what `new` is. Whatever is alike in both stays, and with it focus, places of scrolling and what was unfolded; rows
/// that came at the end are added there.
fn become_like(old: &Node, new: &Node) -> Result<(), JsValue> {
    if let (Some(old), Some(new)) = (old.dyn_ref(), new.dyn_ref()) {
        take_attributes(old, new)?;
    } else if old.node_value() != new.node_value() {
        old.set_node_value(new.node_value().as_deref());
    }
    let (mut kept, mut coming) = (old.first_child(), new.first_child());
    loop {
        // Read first: what is moved has other siblings.
        let after = (
            kept.as_ref().and_then(Node::next_sibling),
            coming.as_ref().and_then(Node::next_sibling),
        );
        match (&kept, &coming) {
            (Some(kept), Some(coming)) if kept.node_name() == coming.node_name() => {
                become_like(kept, coming)?;
            }
            (Some(kept), Some(coming)) => drop(old.replace_child(coming, kept)?),
            (None, Some(coming)) => drop(old.append_child(coming)?),
            (Some(kept), None) => drop(old.remove_child(kept)?),
            (None, None) => return Ok(()),
        }
        (kept, coming) = after;
    }
}

fn take_attributes(old: &Element, new: &Element) -> Result<(), JsValue> {
    for name in names(old) {
        // Whoever looks has unfolded it.
        if name != "open" && !new.has_attribute(&name) {
            old.remove_attribute(&name)?;
        }
    }
    for name in names(new) {
        let value = new.get_attribute(&name);
        if old.get_attribute(&name) != value {
            old.set_attribute(&name, &value.unwrap_or_default())?;
        }
    }
    Ok(())
}

fn names(of: &Element) -> impl Iterator<Item = String> {
    let names = of.get_attribute_names();
    names.into_iter().filter_map(|name| name.as_string())
}

async fn rest() {
    let rested = js_sys::Promise::new(&mut |resolve, _| {
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, REST_MS);
    });
    let _ = JsFuture::from(rested).await;
}
