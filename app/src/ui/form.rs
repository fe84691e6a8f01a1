use std::collections::BTreeMap;

use leptos::prelude::*;

/// One line of text. `error` stands below it and is read with it.
#[component]
pub fn Field(
    #[prop(into)] label: String,
    name: &'static str,
    #[prop(optional, into)] value: String,
    #[prop(default = None)] error: Option<String>,
    #[prop(optional, into)] hint: String,
    /// `text`, `password`, `email`, `url`, `number`, `search`.
    #[prop(default = "text")]
    kind: &'static str,
    #[prop(optional)] required: bool,
    #[prop(default = "off")] autocomplete: &'static str,
    #[prop(optional, into)] placeholder: String,
    #[prop(default = None)] min: Option<i64>,
    #[prop(default = None)] max: Option<i64>,
    #[prop(default = None)] max_length: Option<u32>,
    #[prop(optional)] autofocus: bool,
    /// Unless given, `field-NAME`: give it where a page has two fields of one name.
    #[prop(optional, into)]
    id: String,
    /// Id of a `<datalist>` with suggestions.
    #[prop(default = None)]
    list: Option<&'static str>,
    /// Stands right of the field: a unit.
    #[prop(optional, into)]
    unit: String,
) -> impl IntoView {
    let about = About::new(name, id, error, hint);
    // Names of machines are not words: no spelling marks, no capitals.
    let plain =
        matches!(kind, "url" | "email" | "password") || name == "workspace" || name == "project_id";
    view! {
        <div class=about.class()>
            <label for=about.id.clone()>{label}{optional_mark(required)}</label>
            <div class="field-row">
                <input
                    id=about.id.clone()
                    name=name
                    type=kind
                    value=value
                    required=required
                    autocomplete=autocomplete
                    placeholder=some(placeholder)
                    min=min.map(|n| n.to_string())
                    max=max.map(|n| n.to_string())
                    list=list
                    maxlength=max_length.map(|n| n.to_string())
                    autofocus=autofocus
                    spellcheck=plain.then_some("false")
                    autocapitalize=plain.then_some("none")
                    aria-invalid=about.is_wrong().then_some("true")
                    aria-describedby=about.described_by()
                />
                {some(unit).map(|unit| view! { <span class="field-unit">{unit}</span> })}
            </div>
            {about.view()}
        </div>
    }
    .into_any()
}

/// One of a few: `options` are (value, label).
#[component]
pub fn SelectField(
    #[prop(into)] label: String,
    name: &'static str,
    options: Vec<(String, String)>,
    #[prop(optional, into)] value: String,
    #[prop(default = None)] error: Option<String>,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] id: String,
) -> impl IntoView {
    let about = About::new(name, id, error, hint);
    let options = options
        .into_iter()
        .map(|(option, label)| {
            let selected = option == value;
            view! { <option value=option selected=selected>{label}</option> }
        })
        .collect_view();
    view! {
        <div class=about.class()>
            <label for=about.id.clone()>{label}</label>
            <select
                id=about.id.clone()
                name=name
                aria-invalid=about.is_wrong().then_some("true")
                aria-describedby=about.described_by()
            >
                {options}
            </select>
            {about.view()}
        </div>
    }
    .into_any()
}

/// Something that is so or not, or one of several that may be chosen.
#[component]
pub fn CheckField(
    #[prop(into)] label: String,
    name: &'static str,
    #[prop(into)] value: String,
    checked: bool,
) -> impl IntoView {
    view! { <label class="check"><input type="checkbox" name=name value=value checked=checked/> {label}</label> }.into_any()
}

/// Several lines of text.
#[component]
pub fn TextArea(
    #[prop(into)] label: String,
    name: &'static str,
    #[prop(optional, into)] value: String,
    #[prop(default = None)] error: Option<String>,
    #[prop(optional, into)] hint: String,
    #[prop(default = 3)] rows: u32,
    #[prop(optional)] required: bool,
    #[prop(default = None)] max_length: Option<u32>,
    #[prop(optional, into)] id: String,
) -> impl IntoView {
    let about = About::new(name, id, error, hint);
    view! {
        <div class=about.class()>
            <label for=about.id.clone()>{label}{optional_mark(required)}</label>
            <textarea
                id=about.id.clone()
                name=name
                rows=rows.to_string()
                required=required
                maxlength=max_length.map(|n| n.to_string())
                aria-invalid=about.is_wrong().then_some("true")
                aria-describedby=about.described_by()
            >
                {escaped_for_textarea(&value)}
            </textarea>
            {about.view()}
        </div>
    }
    .into_any()
}

/// A text to take along, whole.
#[component]
pub fn Copyable(
    #[prop(into)] label: String,
    text: String,
    #[prop(default = 2)] rows: u32,
) -> impl IntoView {
    view! {
        <textarea class="mono copyable" readonly=true rows=rows.to_string() aria-label=label>
            {escaped_for_textarea(&text)}
        </textarea>
    }
    .into_any()
}

/// What is wrong with a form, before the form: each mistake leads to its field. Nothing when nothing is wrong.
#[component]
pub fn FormErrors(
    #[prop(optional)] errors: BTreeMap<String, String>,
    #[prop(default = None)] message: Option<String>,
) -> impl IntoView {
    if errors.is_empty() && message.is_none() {
        return ().into_any();
    }
    let headline = message.unwrap_or_else(|| match errors.len() {
        1 => "One field needs another look.".to_owned(),
        n => format!("{n} fields need another look."),
    });
    let list = errors
        .into_iter()
        .map(|(name, error)| view! { <li><a href=format!("#{}", field_id(&name))>{error}</a></li> })
        .collect::<Vec<_>>();
    view! {
        <div class="notice notice-bad" role="alert" tabindex="-1" autofocus>
            <super::badge::ShapeMark shape=super::badge::Shape::Triangle/>
            <div class="notice-text">
                <p class="notice-title">{headline}</p>
                {(!list.is_empty()).then(|| view! { <ul>{list}</ul> })}
            </div>
        </div>
    }
    .into_any()
}

/// How a button looks: what it does to the page's purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Button {
    #[default]
    Plain,
    /// The one thing the page is for.
    Primary,
    /// Takes something away.
    Danger,
    /// Looks like a link.
    Quiet,
}

impl Button {
    /// The CSS classes.
    pub fn class(self) -> &'static str {
        match self {
            Button::Plain => "button",
            Button::Primary => "button button-primary",
            Button::Danger => "button button-danger",
            Button::Quiet => "button button-quiet",
        }
    }
}

/// Sends the form it stands in.
#[component]
pub fn Submit(
    #[prop(into)] label: String,
    #[prop(default = Button::Primary)] kind: Button,
) -> impl IntoView {
    view! { <button type="submit" class=kind.class()>{label}</button> }.into_any()
}

/// A link that looks like a button.
#[component]
pub fn LinkButton(
    #[prop(into)] label: String,
    #[prop(into)] href: String,
    #[prop(default = Button::Plain)] kind: Button,
) -> impl IntoView {
    view! { <a class=kind.class() href=href>{label}</a> }.into_any()
}

/// A form that is one button. `about` is read instead of the label where the label alone says too little ("Sync now" in each row).
#[component]
pub fn ButtonForm(
    #[prop(into)] action: String,
    #[prop(into)] label: String,
    #[prop(optional)] hidden: Vec<(&'static str, String)>,
    #[prop(default = Button::Plain)] kind: Button,
    #[prop(optional, into)] about: String,
) -> impl IntoView {
    view! {
        <form class="button-form" method="post" action=action>
            <Hidden fields=hidden/>
            <button type="submit" class=kind.class() aria-label=some(about)>{label}</button>
        </form>
    }
    .into_any()
}

/// Hidden fields of a form.
#[component]
pub fn Hidden(fields: Vec<(&'static str, String)>) -> impl IntoView {
    fields
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
        .collect_view()
        .into_any()
}

/// The id of a field's element.
pub fn field_id(name: &str) -> String {
    format!("field-{name}")
}

/// What stands below a field, and how the field names it.
struct About {
    id: String,
    error: Option<String>,
    hint: Option<String>,
}

impl About {
    fn new(name: &str, id: String, error: Option<String>, hint: String) -> Self {
        Self {
            id: some(id).unwrap_or_else(|| field_id(name)),
            error,
            hint: some(hint),
        }
    }

    fn is_wrong(&self) -> bool {
        self.error.is_some()
    }

    fn class(&self) -> &'static str {
        if self.is_wrong() {
            "field field-wrong"
        } else {
            "field"
        }
    }

    fn described_by(&self) -> Option<String> {
        let ids = [
            (self.error.is_some(), "error"),
            (self.hint.is_some(), "hint"),
        ];
        let ids: Vec<_> = ids
            .iter()
            .filter(|(is_there, _)| *is_there)
            .map(|(_, part)| format!("{}-{part}", self.id))
            .collect();
        some(ids.join(" "))
    }

    fn view(&self) -> AnyView {
        let id = &self.id;
        let error = self
            .error
            .clone()
            .map(|error| view! { <p class="field-error" id=format!("{id}-error")>{error}</p> });
        let hint = self
            .hint
            .clone()
            .map(|hint| view! { <p class="field-hint" id=format!("{id}-hint")>{hint}</p> });
        view! { {error} {hint} }.into_any()
    }
}

fn optional_mark(required: bool) -> Option<impl IntoView> {
    (!required).then(|| view! { <span class="optional">" (optional)"</span> })
}

/// The framework writes a text area's content as it is (tachys 0.2, `ESCAPE_CHILDREN`), so it is escaped here; and HTML
/// drops one leading newline, so one is put before.
fn escaped_for_textarea(text: &str) -> String {
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!("\n{escaped}")
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_area_does_not_let_its_text_out() {
        let html = view! { <TextArea label="Description" name="description" value="</textarea><script>a & b"/> }.to_html();
        assert!(
            html.contains("\n&lt;/textarea&gt;&lt;script&gt;a &amp; b</textarea>"),
            "{html}"
        );
        assert!(!html.contains("<script>"), "{html}");
    }

    #[test]
    fn a_fields_mistake_is_read_with_it() {
        let error = Some("Enter a name.".to_owned());
        let html =
            view! { <Field label="Name" name="name" hint="As in Plane." required=true error/> }
                .to_html();
        assert!(
            html.contains(r#"aria-describedby="field-name-error field-name-hint""#),
            "{html}"
        );
        assert!(html.contains(r#"aria-invalid="true""#), "{html}");
        assert!(html.contains(r#"<label for="field-name">"#), "{html}");
    }

    #[test]
    fn a_form_without_mistakes_has_no_summary() {
        assert!(!view! { <FormErrors/> }.to_html().contains("alert"));
        let errors =
            BTreeMap::from([("email".to_owned(), "Somebody has this address.".to_owned())]);
        let html = view! { <FormErrors errors/> }.to_html();
        assert!(
            html.contains(r##"href="#field-email""##) && html.contains("One field needs"),
            "{html}"
        );
    }
}
