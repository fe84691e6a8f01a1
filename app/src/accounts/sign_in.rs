use leptos::prelude::*;
use server_fn::ServerFn;

use super::api::{SignIn, local_path};
use crate::{
    query::Query,
    ui::{
        badge::Tone,
        failure_view::see_other,
        form::{Field, Hidden, Submit},
        frame::PlainFrame,
        notice::Notice,
    },
    visit,
};

/// Who is it? `next` is where to go afterwards, `error` why the last try failed.
#[component]
pub fn SignInPage() -> impl IntoView {
    let query = Query::of_page();
    let next = local_path(query.get("next").unwrap_or_default());
    if visit().user.is_some() {
        see_other(&next);
    }
    let said = query
        .get("error")
        .and_then(said)
        .map(|(kind, title, says)| {
            view! { <div role="alert"><Notice kind title><p>{says}</p></Notice></div> }
        });
    view! {
        <PlainFrame title="Sign in">
            <h1>"Sign in"</h1>
            {said}
            <form class="form" method="post" action=SignIn::PATH>
                <Hidden fields=vec![("next", next)]/>
                <Field label="E-mail address" name="email" kind="email" required=true autocomplete="username" autofocus=true/>
                <Field label="Password" name="password" kind="password" required=true autocomplete="current-password"/>
                <div class="actions"><Submit label="Sign in"/></div>
            </form>
            <p class="quiet small">
                "No account? An admin can add you. On the very first start, Hangar prints a set-up link where it was started."
            </p>
        </PlainFrame>
    }
    .into_any()
}

/// What the page says about a try. Nothing tells whether an address has an account.
fn said(code: &str) -> Option<(Tone, &'static str, &'static str)> {
    match code {
        "invalid" => Some((
            Tone::Bad,
            "That did not work",
            "This e-mail address and password do not belong together, or the account is switched off.",
        )),
        "too_many" => Some((
            Tone::Late,
            "Too many tries",
            "Signing in is paused for a while. Wait a few minutes, then try once more.",
        )),
        "signed_out" => Some((Tone::Good, "You are signed out", "See you soon.")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_codes_say_something() {
        assert!(
            said("invalid").is_some() && said("too_many").is_some() && said("signed_out").is_some()
        );
        assert!(said("<script>").is_none());
    }
}
