use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, Event, HtmlInputElement, MouseEvent};

/// Helps to choose rows for the form `form`: says how many are chosen, ticks a whole page by `whole_page`, a range with the shift
/// key, and keeps the form from being sent when nothing is chosen. Without it each row is ticked by itself.
#[island]
pub fn BulkSelection(
    /// Id of the form that the ticks belong to.
    #[prop(into)]
    form: String,
    /// Id of the tick that stands for all rows; it is hidden until this island is there.
    #[prop(into)]
    whole_page: String,
) -> impl IntoView {
    let says = RwSignal::new(String::new());
    Effect::new(move || {
        choose(&form, &whole_page, says);
    });
    view! { <span class="bulk-chosen quiet" role="status">{move || says.get()}</span> }
}

/// The ticks of a page.
#[derive(Clone)]
struct Ticks {
    rows: Vec<HtmlInputElement>,
    /// Everything that matches, on all pages.
    all: HtmlInputElement,
    whole_page: HtmlInputElement,
    send: Element,
    says: RwSignal<String>,
}

/// Runs in the browser alone.
fn choose(form: &str, whole_page: &str, says: RwSignal<String>) -> Option<()> {
    let document = document();
    let form = document.get_element_by_id(form)?;
    let found = document.query_selector_all("input[name='ids[]']").ok()?;
    let rows = (0..found.length())
        .filter_map(|at| found.get(at)?.dyn_into().ok())
        .collect();
    let ticks = Ticks {
        rows,
        all: input(form.query_selector("input[name=all]").ok()?)?,
        whole_page: input(document.get_element_by_id(whole_page))?,
        send: form.query_selector("button[type=submit]").ok()??,
        says,
    };
    ticks.whole_page.set_hidden(false);
    ticks.tell();

    let changed = ticks.clone();
    let on_change = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
        let is_whole_page = event
            .target()
            .is_some_and(|target| target.loose_eq(changed.whole_page.as_ref()));
        if is_whole_page {
            let is_ticked = changed.whole_page.checked();
            changed
                .rows
                .iter()
                .for_each(|row| row.set_checked(is_ticked));
        }
        changed.tell();
    });
    let mut last: Option<usize> = None;
    let on_click = Closure::<dyn FnMut(MouseEvent)>::new(move |event: MouseEvent| {
        let clicked = event.target().and_then(|target| {
            ticks
                .rows
                .iter()
                .position(|row| target.loose_eq(row.as_ref()))
        });
        let Some(at) = clicked else { return };
        if let Some(from) = last.filter(|_| event.shift_key()) {
            let is_ticked = ticks.rows[at].checked();
            let range = from.min(at)..=from.max(at);
            ticks.rows[range]
                .iter()
                .for_each(|row| row.set_checked(is_ticked));
        }
        last = Some(at);
    });
    // A click comes before the change that it makes known.
    let _ = document.add_event_listener_with_callback("click", on_click.as_ref().unchecked_ref());
    let _ = document.add_event_listener_with_callback("change", on_change.as_ref().unchecked_ref());
    // They live as long as the page.
    on_click.forget();
    on_change.forget();
    Some(())
}

impl Ticks {
    /// Shows what is chosen now.
    fn tell(&self) {
        let chosen = self.rows.iter().filter(|row| row.checked()).count();
        let is_whole_page = chosen > 0 && chosen == self.rows.len();
        self.whole_page.set_checked(is_whole_page);
        self.whole_page
            .set_indeterminate(chosen > 0 && !is_whole_page);
        let is_all = self.all.checked();
        let _ = self
            .send
            .toggle_attribute_with_force("disabled", chosen == 0 && !is_all);
        self.says.set(says(chosen, is_all));
    }
}

fn says(chosen: usize, is_all: bool) -> String {
    match (is_all, chosen) {
        (true, _) => "All are chosen.".to_owned(),
        (false, 0) => "None is chosen.".to_owned(),
        (false, chosen) => format!("{chosen} chosen."),
    }
}

fn input(element: Option<Element>) -> Option<HtmlInputElement> {
    element?.dyn_into().ok()
}
