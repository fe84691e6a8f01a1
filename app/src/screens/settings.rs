use leptos::prelude::*;
use server_fn::ServerFn;

use super::api;
use crate::{
    Draft, ScreenRow, paths,
    query::Query,
    ui::{
        badge::Tone,
        empty::Empty,
        form::{Button, ButtonForm, Copyable, Field, FormErrors, LinkButton, Submit},
        frame::Frame,
        head::{Crumbs, PageHead},
        notice::Notice,
        page::{draft_of, loaded, signed_in},
        panel::Panel,
        table::TableRegion,
        time::Ago,
    },
};

/// Which screens show the overview, and how one is added.
#[component]
pub fn ScreensPage() -> impl IntoView {
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let draft = draft_of(&query).await?;
            let screens = crate::backend().screens.list(&viewer).await?;
            Ok((screens, draft, viewer.is_admin()))
        },
        |(screens, draft, is_admin)| {
            let crumbs = vec![("Settings".to_owned(), paths::SETTINGS.to_owned())];
            let new = screens
                .iter()
                .filter_map(|row| Some((row.screen.name.to_string(), row.address.clone()?)))
                .map(|(name, address)| view! { <Address name address/> })
                .collect_view();
            let list = match screens.is_empty() {
                true => view! {
                    <Empty title="No screens" says="A screen on a wall shows the overview without anybody signing in, and brings itself up to date."/>
                }
                .into_any(),
                false => view! { <Table screens is_admin/> }.into_any(),
            };
            view! {
                <Frame title="Screens">
                    <Crumbs items=crumbs/>
                    <PageHead title="Screens" says=|| "The overview on a wall: whoever has a screen’s address sees what a lead sees there, and nothing else.">
                        <LinkButton label="See it" href=paths::SCREEN/>
                    </PageHead>
                    {new}
                    {list}
                    {is_admin.then(|| view! { <Add draft/> })}
                </Frame>
            }
        },
    )
}

#[component]
fn Address(name: String, address: String) -> impl IntoView {
    let title = format!("Open this once on {name}");
    view! {
        <Notice kind=Tone::Good title>
            <Copyable label=format!("Address of {name}") text=address/>
            <p>"It is shown here for ten minutes. The browser that opens it remembers it for a year."</p>
        </Notice>
    }
    .into_any()
}

#[component]
fn Table(screens: Vec<ScreenRow>, is_admin: bool) -> impl IntoView {
    let lines = screens
        .into_iter()
        .map(|row| {
            let screen = row.screen;
            let name = screen.name.to_string();
            let seen = match screen.seen_at {
                Some(at) => view! { <Ago at/> }.into_any(),
                None => view! { <span class="quiet">"not yet"</span> }.into_any(),
            };
            let remove = is_admin.then(|| {
                let hidden = vec![("id", screen.id.to_string())];
                let about = format!("Remove {name}");
                view! { <td><ButtonForm action=api::RemoveScreen::PATH label="Remove" hidden kind=Button::Danger about/></td> }
            });
            view! {
                <tr>
                    <th scope="row">{name.clone()}</th>
                    <td>{seen}</td>
                    <td><Ago at=screen.created_at/> " " <span class="row-says">"by " {screen.by}</span></td>
                    {remove}
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="Screens">
            <table>
                <caption class="visually-hidden">"Screens, by name"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Screen"</th>
                        <th scope="col">"Last shown"</th>
                        <th scope="col">"Added"</th>
                        {is_admin.then(|| view! { <th scope="col"><span class="visually-hidden">"Remove"</span></th> })}
                    </tr>
                </thead>
                <tbody>{lines}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn Add(draft: Draft) -> impl IntoView {
    view! {
        <Panel title="Add a screen">
            <FormErrors errors=draft.errors.clone() message=draft.message.clone()/>
            <form class="form" method="post" action=api::AddScreen::PATH autocomplete="off">
                <Field label="Name" name="name" value=draft.value("name") error=draft.error("name") required=true max_length=Some(120) hint="Where it hangs."/>
                <div class="actions"><Submit label="Add screen"/></div>
            </form>
        </Panel>
    }
    .into_any()
}
