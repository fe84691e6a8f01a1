use leptos::prelude::*;
use server_fn::ServerFn;

use super::{api::ChangePassword, set_up::PASSWORD_HINT};
use crate::{
    Draft, paths,
    query::Query,
    ui::{
        badge::{Tone, capitalised},
        form::{Field, FormErrors, Submit},
        frame::Frame,
        head::{Crumbs, PageHead},
        notice::Notice,
        page::{draft_of, loaded, signed_in},
        panel::{Fact, Panel},
        time::Moment,
    },
};

/// One's own account: what it is, and a new password.
#[component]
pub fn ProfilePage() -> impl IntoView {
    let query = Query::of_page();
    let changed = query.get("changed").is_some();
    loaded(
        async move {
            let viewer = signed_in()?;
            let draft = draft_of(&query).await?;
            Ok((viewer.user().clone(), draft))
        },
        move |(user, draft)| {
            let draft: Draft = draft;
            let email = user.email.to_string();
            view! {
                <Frame title="Your account">
                    <Crumbs items=vec![("Settings".to_owned(), paths::SETTINGS.to_owned())]/>
                    <PageHead title="Your account"/>
                    {changed.then(|| view! {
                        <div role="status">
                            <Notice kind=Tone::Good title="Your password is changed">
                                <p>"Every other browser that was signed in as you is signed out."</p>
                            </Notice>
                        </div>
                    })}
                    <div class="panels">
                        <Panel title="Change password">
                            <FormErrors errors=draft.errors.clone() message=draft.message.clone()/>
                            <form class="form" method="post" action=ChangePassword::PATH>
                                // Password managers look for the account's name beside a new password.
                                <input type="hidden" name="username" autocomplete="username" value=email/>
                                <Field label="Password now" name="current" kind="password" error=draft.error("current") required=true autocomplete="current-password"/>
                                <Field label="New password" name="new" kind="password" error=draft.error("new") hint=PASSWORD_HINT required=true autocomplete="new-password"/>
                                <p class="quiet small">"Signs you out everywhere else."</p>
                                <div class="actions"><Submit label="Change password"/></div>
                            </form>
                        </Panel>
                        <Panel title="You">
                            <dl class="facts">
                                <Fact label="Name">{user.name.to_string()}</Fact>
                                <Fact label="E-mail address">{user.email.to_string()}</Fact>
                                <Fact label="Role">{capitalised(user.role.word())}</Fact>
                                <Fact label="Added"><Moment at=user.created_at/></Fact>
                                <Fact label="Last sign-in">
                                    {user.last_sign_in_at.map_or_else(|| "Never".into_any(), |at| view! { <Moment at/> }.into_any())}
                                </Fact>
                            </dl>
                        </Panel>
                    </div>
                </Frame>
            }
        },
    )
}
