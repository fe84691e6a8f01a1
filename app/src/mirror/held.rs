use domain::{mirror::ProjectRow, walk::Held};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{api::ReleaseHeld, words};
use crate::ui::{
    badge::Tone,
    form::{Button, ButtonForm},
    notice::Notice,
    number::{count, number},
    time::Ago,
};

/// What a project holds back, and an admin's way to let it go. Nothing while it holds nothing.
#[component]
pub fn HeldNotice(project: ProjectRow, is_admin: bool) -> impl IntoView {
    let Some(held) = project.held else {
        return ().into_any();
    };
    let requests = count(u64::from(held.absent), "request", "requests");
    let release = is_admin.then(|| {
        let hidden = words::fields_of(&project);
        view! {
            <p>
                "Were they deleted or archived on purpose? Then release them: Hangar asks Plane for each, with "
                {requests} ", and takes out what is really gone. For 30 days it can be put back."
            </p>
            <ButtonForm action=ReleaseHeld::PATH label="Release and sync" kind=Button::Plain hidden/>
        }
    });
    view! {
        <Notice kind=Tone::Late title=title(held)>
            <p>"Nothing was taken out, noticed " <Ago at=held.at/> ". What is back in Plane is found by the next sync."</p>
            {release}
        </Notice>
    }
    .into_any()
}

fn title(held: Held) -> String {
    format!(
        "Plane no longer lists {} of {} work items.",
        number(u64::from(held.absent)),
        number(u64::from(held.of))
    )
}
