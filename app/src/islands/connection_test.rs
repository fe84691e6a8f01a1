use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Element, FormData, Headers, HtmlElement, HtmlFormElement, ReadableStreamDefaultReader,
    RequestInit, Response, ScrollIntoViewOptions, ScrollLogicalPosition, SubmitEvent,
    UrlSearchParams,
};

use super::{
    event_stream::EventStream,
    stages::{StageLine, StageLook, cost, stage_item, verdict, waiting},
};

/// Shows the stages of a connection test as they happen, when a button with `data-live-test` sends the form `form`.
/// Without it, and whenever the stream can't be had, the same button leads to the same result as a page.
#[island]
pub fn LiveConnectionTest(
    /// Id of the form whose fields are tested.
    form: String,
    /// Where the test is asked for; answers a stream of `TestProgress`.
    endpoint: String,
    /// Id of what the live result takes the place of, such as the last test.
    replaces: String,
    /// Address of an integration's kept tests, to which the test's id is added; empty for a form, whose test has no page.
    results: String,
) -> impl IntoView {
    let panel = Panel::default();
    Effect::new(move |_| {
        listen(
            &form,
            endpoint.clone(),
            replaces.clone(),
            results.clone(),
            panel,
        )
    });
    view! {
        <div id="live-test" class="live-test" class:visually-hidden=move || !panel.shown.get()>
            <p class="test-verdict" role="status">{move || panel.status.get()}</p>
            <p class="quiet small">{move || panel.note.get()}</p>
            <ol class="stages" hidden=move || !panel.shown.get() aria-label="Stages of the connection test">
                {move || panel.lines.get().into_iter().map(stage_item).collect_view()}
            </ol>
            <a href=move || panel.link.get() hidden=move || panel.link.with(String::is_empty)>
                "Open this result"
            </a>
        </div>
    }
}

/// What the island shows.
#[derive(Clone, Copy, Default)]
struct Panel {
    shown: RwSignal<bool>,
    running: RwSignal<bool>,
    lines: RwSignal<Vec<StageLine>>,
    status: RwSignal<String>,
    note: RwSignal<String>,
    link: RwSignal<String>,
}

fn listen(form: &str, endpoint: String, replaces: String, results: String, panel: Panel) {
    let Some(form) = document()
        .get_element_by_id(form)
        .and_then(|e| e.dyn_into::<HtmlFormElement>().ok())
    else {
        return;
    };
    let sent = form.clone();
    let on_submit = Closure::<dyn FnMut(SubmitEvent)>::new(move |event: SubmitEvent| {
        let Some(button) = event
            .submitter()
            .filter(|b| b.has_attribute("data-live-test"))
        else {
            return;
        };
        event.prevent_default();
        if panel.running.get_untracked() {
            return;
        }
        if let Some(old) = document().get_element_by_id(&replaces) {
            let _ = old.set_attribute("hidden", "");
        }
        spawn_local(test(
            sent.clone(),
            button,
            endpoint.clone(),
            results.clone(),
            panel,
        ));
    });
    let on_input = Closure::<dyn FnMut()>::new(move || {
        if panel.shown.get_untracked() && !panel.running.get_untracked() {
            panel
                .note
                .set("The form has changed since this test.".to_owned());
        }
    });
    let _ = form.add_event_listener_with_callback("submit", on_submit.as_ref().unchecked_ref());
    let _ = form.add_event_listener_with_callback("input", on_input.as_ref().unchecked_ref());
    // They live as long as the page.
    on_submit.forget();
    on_input.forget();
}

async fn test(
    form: HtmlFormElement,
    button: HtmlElement,
    endpoint: String,
    results: String,
    panel: Panel,
) {
    let _ = button.set_attribute("aria-disabled", "true");
    panel.running.set(true);
    panel.shown.set(true);
    panel.lines.set(waiting());
    panel.link.set(String::new());
    panel.note.set(String::new());
    panel.status.set("Testing the connection …".to_owned());
    if let Some(here) = document().get_element_by_id("live-test") {
        let nearest = ScrollIntoViewOptions::new();
        nearest.set_block(ScrollLogicalPosition::Nearest);
        here.scroll_into_view_with_scroll_into_view_options(&nearest);
    }

    let mut reached = Reached::Nothing;
    let _ = watch(&form, &endpoint, &results, panel, &mut reached).await;

    panel.running.set(false);
    let _ = button.remove_attribute("aria-disabled");
    match reached {
        Reached::End => {}
        Reached::Stages => panel
            .status
            .set("The line to Hangar broke before the test was over. Test again.".to_owned()),
        Reached::Nothing => send_plainly(&form, &button),
    }
}

/// How far the stream came.
enum Reached {
    Nothing,
    Stages,
    End,
}

/// What the button would have done without this island.
fn send_plainly(form: &HtmlFormElement, button: &Element) {
    if let Some(action) = button.get_attribute("formaction") {
        form.set_action(&action);
    }
    let _ = form.submit();
}

async fn watch(
    form: &HtmlFormElement,
    endpoint: &str,
    results: &str,
    panel: Panel,
    reached: &mut Reached,
) -> Result<(), JsValue> {
    // The browser takes any iterable of pairs here, and a form's data is one.
    let fields =
        UrlSearchParams::new_with_str_sequence_sequence(FormData::new_with_form(form)?.as_ref())?;
    let headers = Headers::new()?;
    headers.set("accept", "text/event-stream")?;
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_headers_headers(&headers);
    request.set_body_opt_url_search_params(Some(&fields));

    let answer = JsFuture::from(window().fetch_with_str_and_init(endpoint, &request)).await?;
    let answer: Response = answer.dyn_into()?;
    let Some(body) = answer.body().filter(|_| answer.ok()) else {
        return Ok(());
    };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();

    let mut stream = EventStream::default();
    loop {
        let chunk = JsFuture::from(reader.read()).await?;
        let bytes = get(&chunk, "value");
        if !bytes.is_undefined() {
            for event in stream.push(&js_sys::Uint8Array::new(&bytes).to_vec()) {
                *reached = show(&js_sys::JSON::parse(&event)?, results, panel);
            }
        }
        if get(&chunk, "done").is_truthy() {
            return Ok(());
        }
    }
}

/// Shows one `domain::connection_test::TestProgress`.
fn show(progress: &JsValue, results: &str, panel: Panel) -> Reached {
    match text(progress, "kind").as_str() {
        "started" => {
            change(panel, &text(progress, "name"), |line| {
                line.look = StageLook::Running;
                panel.status.set("Testing: ".to_owned() + line.name + " …");
            });
            Reached::Stages
        }
        "ended" => {
            let stage = get(progress, "stage");
            change(panel, &text(&stage, "name"), |line| {
                line.look = look(&text(&stage, "state"));
                line.says = text(&stage, "says");
                line.advice = get(&stage, "advice").as_string();
                line.took_ms = (line.look != StageLook::NotTried)
                    .then(|| number(&stage, "tookMs").unwrap_or(0));
            });
            Reached::Stages
        }
        "finished" => {
            let test = get(progress, "test");
            let success = get(&test, "success").is_truthy();
            panel.status.set(verdict(
                success,
                number(&test, "projectsCount"),
                get(&test, "error").as_string(),
            ));
            panel.note.set(cost(
                number(&test, "tookMs").unwrap_or(0),
                number(&test, "apiCalls").unwrap_or(0),
            ));
            if !results.is_empty() {
                panel.link.set(results.to_owned() + &text(&test, "id"));
            }
            Reached::End
        }
        _ => Reached::Stages,
    }
}

/// The names in `TestProgress`, in the order of `StageName::ALL`.
const CODES: [&str; 9] = [
    "address",
    "dns",
    "connect",
    "tls",
    "plane",
    "api_key",
    "workspace",
    "projects",
    "rate_limit",
];

fn change(panel: Panel, code: &str, edit: impl FnOnce(&mut StageLine)) {
    let Some(place) = CODES.iter().position(|c| *c == code) else {
        return;
    };
    panel.lines.update(|lines| {
        if let Some(line) = lines.get_mut(place) {
            edit(line);
        }
    });
}

fn look(state: &str) -> StageLook {
    match state {
        "passed" => StageLook::Passed,
        "warned" => StageLook::Warned,
        "failed" => StageLook::Failed,
        _ => StageLook::NotTried,
    }
}

fn get(object: &JsValue, name: &str) -> JsValue {
    js_sys::Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

fn text(object: &JsValue, name: &str) -> String {
    get(object, name).as_string().unwrap_or_default()
}

fn number(object: &JsValue, name: &str) -> Option<u32> {
    get(object, name).as_f64().map(|n| n as u32)
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use domain::connection_test::{Stage, StageName, StageState, TestProgress};

    #[test]
    fn the_stream_speaks_the_names_that_are_read_here() {
        for (name, code) in StageName::ALL.into_iter().zip(CODES) {
            let json = serde_json::to_value(TestProgress::Started { name }).unwrap();
            assert_eq!(json, serde_json::json!({ "kind": "started", "name": code }));
        }
        let states = [
            StageState::Passed,
            StageState::Warned,
            StageState::Failed,
            StageState::NotTried,
        ];
        let looks = [
            StageLook::Passed,
            StageLook::Warned,
            StageLook::Failed,
            StageLook::NotTried,
        ];
        for (state, expected) in states.into_iter().zip(looks) {
            let stage = Stage {
                name: StageName::Dns,
                state,
                says: "s".into(),
                advice: Some("a".into()),
                took_ms: 12,
            };
            let json = serde_json::to_value(TestProgress::Ended { stage }).unwrap();
            assert_eq!(json["kind"], "ended");
            assert_eq!(
                (&json["stage"]["says"], &json["stage"]["advice"]),
                (&"s".into(), &"a".into())
            );
            assert_eq!(json["stage"]["tookMs"], 12);
            assert_eq!(look(json["stage"]["state"].as_str().unwrap()), expected);
        }
    }
}
