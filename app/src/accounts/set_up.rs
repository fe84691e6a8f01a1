use leptos::prelude::*;
use server_fn::ServerFn;

use super::api::SetUp;
use crate::{
    Draft, paths,
    query::Query,
    ui::{
        failure_view::set_response_status,
        form::{Button, Field, FormErrors, Hidden, LinkButton, Submit},
        frame::PlainFrame,
        page::{draft_of, loaded},
    },
};

/// What a password must be; said wherever one is chosen.
pub const PASSWORD_HINT: &str =
    "At least 12 characters, and not one that is easily guessed. A few unrelated words work well.";

/// The first admin's form, behind the link from the log.
#[component]
pub fn SetUpPage() -> impl IntoView {
    let query = Query::of_page();
    let token = query.get("token").unwrap_or_default().to_owned();
    loaded(
        async move {
            let draft = draft_of(&query).await?;
            let may = !token.is_empty() && crate::backend().accounts.may_set_up(&token).await?;
            Ok((may, token, draft))
        },
        |(may, token, draft)| if may { form(token, draft) } else { refused() },
    )
}

fn form(token: String, draft: Draft) -> AnyView {
    view! {
        <PlainFrame title="Set up Hangar">
            <h1>"Set up Hangar"</h1>
            <p>
                "You are the first one here. Make your account: it is an admin's, so it can connect Plane and add other people. "
                "This link stops working as soon as you have."
            </p>
            <FormErrors errors=draft.errors.clone() message=draft.message.clone()/>
            <form class="form" method="post" action=SetUp::PATH>
                <Hidden fields=vec![("token", token)]/>
                <Field label="Your name" name="name" value=draft.value("name") error=draft.error("name") required=true autocomplete="name" autofocus=draft.errors.is_empty()/>
                <Field label="E-mail address" name="email" kind="email" value=draft.value("email") error=draft.error("email") hint="You sign in with it. Hangar sends no mail." required=true autocomplete="username"/>
                <Field label="Password" name="password" kind="password" error=draft.error("password") hint=PASSWORD_HINT required=true autocomplete="new-password"/>
                <div class="actions"><Submit label="Make the account"/></div>
            </form>
        </PlainFrame>
    }
    .into_any()
}

fn refused() -> AnyView {
    set_response_status(http::StatusCode::NOT_FOUND);
    view! {
        <PlainFrame title="This link does not work">
            <h1>"This set-up link does not work"</h1>
            <p>"A set-up link works once, and only while nobody can sign in yet. A newer link replaces an older one."</p>
            <ul>
                <li>"If somebody has set up this portal already, sign in, or ask an admin to add you."</li>
                <li>"If nobody has, restart Hangar: it prints a new link where it was started, and in its log."</li>
                <li>"If no admin can sign in any more, run " <code>"hangar admin create"</code> " on the server."</li>
            </ul>
            <div class="actions"><LinkButton label="Sign in" href=paths::SIGN_IN kind=Button::Primary/></div>
        </PlainFrame>
    }
    .into_any()
}
