use leptos::prelude::*;

use crate::{
    paths,
    ui::{
        frame::{Frame, ThemeSwitch},
        head::PageHead,
        page::{loaded, signed_in},
        panel::{Fact, Panel},
    },
    visit,
};

/// What can be set, where, and what Hangar keeps.
#[component]
pub fn SettingsPage() -> impl IntoView {
    loaded(async move { signed_in() }, |viewer| {
        let user = viewer.user().clone();
        let people_says = if viewer.is_admin() {
            "Add people, change what they may do, switch them off."
        } else {
            "Who may sign in, and as what."
        };
        view! {
            <Frame title="Settings">
                <PageHead title="Settings"/>
                <ul class="doors">
                    <li>
                        <a href=paths::PEOPLE>"People"</a>
                        <p>{people_says}</p>
                    </li>
                    <li>
                        <a href=paths::SCREENS>"Screens"</a>
                        <p>"The overview on a wall, without signing in."</p>
                    </li>
                    <li>
                        <a href=paths::BACKUPS>"Backups"</a>
                        <p>"What is kept of the database, when the next copy is made, and how to restore one."</p>
                    </li>
                    <li>
                        <a href=paths::PROFILE>"Your account"</a>
                        <p>{user.email.to_string()} ", " {user.role.word()} ". Change your password."</p>
                    </li>
                </ul>
                <div class="panels">
                    <Panel title="Colours">
                        <p class="quiet">"Auto follows your system. The choice is kept in this browser."</p>
                        <ThemeSwitch visit=visit()/>
                    </Panel>
                    <Panel title="What Hangar keeps">
                        <dl class="facts">
                            <Fact label="API keys">"Encrypted; only the last four characters are ever shown."</Fact>
                            <Fact label="From Plane">"Projects, members' display names, states, labels, work items. Never their e-mail addresses."</Fact>
                            <Fact label="In your browser">"A session cookie and the colours. No tracking, nothing from other hosts."</Fact>
                            <Fact label="Version">{env!("CARGO_PKG_VERSION")}</Fact>
                        </dl>
                    </Panel>
                </div>
            </Frame>
        }
    })
}
