use domain::connection_test::StageName;
use leptos::prelude::*;

/// How one stage of a connection test looks: on a page made by the server and in a test that is watched live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageLine {
    pub name: &'static str,
    pub look: StageLook,
    pub says: String,
    pub advice: Option<String>,
    pub took_ms: Option<u32>,
}

/// A stage's state, with the two that only a running test has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageLook {
    Waiting,
    Running,
    Passed,
    Warned,
    Failed,
    NotTried,
}

impl StageLook {
    /// Word and CSS class; the class draws a shape, so that colour is never alone.
    pub fn parts(self) -> (&'static str, &'static str) {
        match self {
            StageLook::Waiting => ("Waiting", "stage stage-waiting"),
            StageLook::Running => ("Under way", "stage stage-running"),
            StageLook::Passed => ("Passed", "stage stage-passed"),
            StageLook::Warned => ("Look at this", "stage stage-warned"),
            StageLook::Failed => ("Failed", "stage stage-failed"),
            StageLook::NotTried => ("Not tried", "stage stage-waiting"),
        }
    }
}

/// The stages before the first one has begun.
pub fn waiting() -> Vec<StageLine> {
    let line = |name: StageName| StageLine {
        name: name.word(),
        look: StageLook::Waiting,
        says: String::new(),
        advice: None,
        took_ms: None,
    };
    StageName::ALL.into_iter().map(line).collect()
}

/// One stage as a list item.
pub fn stage_item(line: StageLine) -> impl IntoView {
    let (word, class) = line.look.parts();
    view! {
        <li class=class>
            <span class="stage-name">{line.name}</span>
            <span class="stage-state">{word}</span>
            <span class="stage-time">{line.took_ms.map(|ms| ms.to_string() + " ms")}</span>
            <span class="stage-says">{line.says}</span>
            {line.advice.map(|advice| view! { <p class="stage-advice">{advice}</p> })}
        </li>
    }
}

/// The result in one sentence.
pub fn verdict(success: bool, projects: Option<u32>, error: Option<String>) -> String {
    match (success, projects, error) {
        (true, Some(1), _) => "The connection works: this key sees 1 project.".to_owned(),
        (true, Some(n), _) => {
            "The connection works: this key sees ".to_owned() + &n.to_string() + " projects."
        }
        (true, None, _) => "The connection works.".to_owned(),
        (false, _, Some(error)) => error,
        (false, _, None) => "The connection does not work.".to_owned(),
    }
}

/// What it cost, such as `1.9 s, 2 API calls`.
pub fn cost(took_ms: u32, api_calls: u32) -> String {
    let time = if took_ms < 1000 {
        took_ms.to_string() + " ms, "
    } else {
        (took_ms / 1000).to_string() + "." + &(took_ms % 1000 / 100).to_string() + " s, "
    };
    let calls = if api_calls == 1 {
        " API call"
    } else {
        " API calls"
    };
    time + &api_calls.to_string() + calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_one_sentence() {
        assert_eq!(
            verdict(true, Some(16), None),
            "The connection works: this key sees 16 projects."
        );
        assert_eq!(
            verdict(true, Some(1), None),
            "The connection works: this key sees 1 project."
        );
        assert_eq!(
            verdict(false, None, Some("Plane refused this key.".into())),
            "Plane refused this key."
        );
        assert_eq!(verdict(false, None, None), "The connection does not work.");
        assert_eq!(cost(1944, 2), "1.9 s, 2 API calls");
        assert_eq!(cost(80, 1), "80 ms, 1 API call");
    }
}
