use leptos::prelude::*;

/// Gives each `<time>` on the page a title in the browser's own zone and language; without it the title is in UTC.
#[island]
pub fn LocalTimes() -> impl IntoView {
    Effect::new(|_| retitle());
}

pub(super) fn retitle() {
    use wasm_bindgen::JsCast;
    let Ok(times) = document().query_selector_all("time[datetime]") else {
        return;
    };
    for at in 0..times.length() {
        let Some(time) = times
            .item(at)
            .and_then(|node| node.dyn_into::<web_sys::Element>().ok())
        else {
            continue;
        };
        let Some(datetime) = time.get_attribute("datetime") else {
            continue;
        };
        let date = js_sys::Date::new(&datetime.into());
        if !date.get_time().is_nan() {
            let local = date.to_locale_string("default", &wasm_bindgen::JsValue::UNDEFINED);
            let _ = time.set_attribute("title", &String::from(local));
        }
    }
}
