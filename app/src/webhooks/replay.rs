use chrono::{DateTime, Utc};
use domain::{
    ids::ReplayId,
    inbox::BurstFilter,
    replay::{Replay, ReplayLine, ReplayScope, Replayed},
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{api, filter, words};
use crate::{
    integrations::param,
    islands::live_parts::LiveParts,
    paths,
    sync::live::LivePart,
    ui::{
        badge::{Badge, Tone},
        bar::Bar,
        empty::Empty,
        form::{Button, ButtonForm, LinkButton},
        frame::Frame,
        head::{Crumbs, PageHead},
        number::{count, number},
        page::{loaded, signed_in},
        panel::{Figure, Figures, Panel},
        table::TableRegion,
        time::{Ago, duration_words},
    },
    visit,
};

/// What applying bursts once more would change, or how far that is.
#[component]
pub fn ReplayPage() -> impl IntoView {
    let id = param::<ReplayId>("id");
    loaded(
        async move {
            let viewer = signed_in()?;
            let replay = crate::backend().inbox.replay(&viewer, id?).await?;
            Ok((replay, viewer.is_admin()))
        },
        |(replay, is_admin)| view! { <View replay is_admin now=visit().now/> },
    )
}

#[component]
fn View(replay: Replay, is_admin: bool, now: DateTime<Utc>) -> impl IntoView {
    let title = match replay.is_dry {
        true => "What a replay would change",
        false => "Replay",
    };
    let (tone, shape, word) = words::replay_state(&replay);
    let says = words::replay(&replay, now);
    let is_over = replay.ended_at.is_some();
    let hidden = || vec![("id", replay.id.to_string())];
    let to_apply = words::to_apply(&replay);
    let cancel = (is_admin && !is_over).then(|| {
        view! { <ButtonForm action=api::CancelReplay::PATH label="Stop" hidden=hidden() kind=Button::Plain/> }
    });
    let apply = (is_admin && is_over && replay.is_dry && to_apply > 0).then(|| {
        let label = format!("Apply {}", count(to_apply, "line", "lines"));
        view! { <ButtonForm action=api::StartReplay::PATH label hidden=hidden() kind=Button::Primary/> }
    });
    let scope = match &replay.scope {
        ReplayScope::Matching(filter) if *filter == BurstFilter::default() => {
            view! { "Everything that is kept, from before it started." }.into_any()
        }
        ReplayScope::Matching(filter) => {
            let log = filter::address(filter, None);
            view! { <a href=log>"What these filters let through"</a> ", from before it started." }
                .into_any()
        }
        ReplayScope::Chosen(chosen) => {
            let lines = count(chosen.len() as u64, "chosen line", "chosen lines");
            view! { {lines} "." }.into_any()
        }
    };
    let crumbs = vec![
        ("Webhooks".to_owned(), paths::WEBHOOKS.to_owned()),
        ("Replays".to_owned(), paths::REPLAYS.to_owned()),
    ];
    let progress = (!is_over).then(|| {
        view! { <Bar label="Lines looked at" value=replay.looked_at max=Some(replay.all)/> }
    });
    view! {
        <Frame title islands=!is_over>
            <Crumbs items=crumbs/>
            <LivePart>
                <PageHead title says=move || view! { <Badge tone shape text=word/> " " {says} }>
                    {apply}
                    {cancel}
                    {(!is_over).then(|| view! { <LinkButton label="Refresh" href=paths::replay(replay.id)/> })}
                </PageHead>
                {progress}
                <p class="quiet small">{scope} " What is about one thing is applied in the order in which it came."</p>
                <Counts replay=replay.clone()/>
                <Lines lines=replay.lines.clone() is_dry=replay.is_dry/>
            </LivePart>
            {(!is_over).then(|| view! { <LiveParts address=paths::LIVE_WEBHOOKS.to_owned() pauses=false/> })}
        </Frame>
    }
    .into_any()
}

/// How many, by what became of them.
#[component]
fn Counts(replay: Replay) -> impl IntoView {
    let is_dry = replay.is_dry;
    let figures = replay
        .counts
        .into_iter()
        .map(|(replayed, times)| {
            let tone = match replayed {
                Replayed::Failed => Tone::Bad,
                _ => Tone::Idle,
            };
            view! {
                <Figure label=words::replayed(replayed, is_dry) value=number(times) tone>
                    {words::why_replayed(replayed)}
                </Figure>
            }
        })
        .collect_view();
    view! { <Figures>{figures}</Figures> }.into_any()
}

#[component]
fn Lines(lines: Vec<ReplayLine>, is_dry: bool) -> impl IntoView {
    if lines.is_empty() {
        return ().into_any();
    }
    let title = match is_dry {
        true => "What would become of them",
        false => "What became of them",
    };
    let rows = lines
        .into_iter()
        .map(|line| {
            view! {
                <tr role="row">
                    <th scope="row" role="rowheader">
                        <a class="row-title" href=paths::burst(line.integration, line.burst)>{line.title}</a>
                    </th>
                    <td role="cell"><span class="mono">{line.event}</span></td>
                    <td role="cell">
                        {words::replayed(line.replayed, is_dry)} " "
                        <span class="row-says">{line.says}</span>
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title>
            <TableRegion label=title>
                <table class="stacked" role="table">
                    <caption class="visually-hidden">"The first ones that were not applied before"</caption>
                    <thead role="rowgroup">
                        <tr role="row">
                            <th scope="col" role="columnheader">"What"</th>
                            <th scope="col" role="columnheader">"Event"</th>
                            <th scope="col" role="columnheader">"Result"</th>
                        </tr>
                    </thead>
                    <tbody role="rowgroup">{rows}</tbody>
                </table>
            </TableRegion>
        </Panel>
    }
    .into_any()
}

/// The latest replays.
#[component]
pub fn ReplaysPage() -> impl IntoView {
    loaded(
        async move {
            let viewer = signed_in()?;
            crate::backend().inbox.replays(&viewer).await
        },
        |replays| {
            let crumbs = vec![("Webhooks".to_owned(), paths::WEBHOOKS.to_owned())];
            let body = match replays.is_empty() {
                true => view! {
                    <Empty title="Nothing was replayed yet" says="In the log, lines can be chosen and applied once more. Replays are kept for 30 days.">
                        <LinkButton label="To the log" href=paths::WEBHOOKS/>
                    </Empty>
                }
                .into_any(),
                false => view! { <Replays replays/> }.into_any(),
            };
            view! {
                <Frame title="Replays">
                    <Crumbs items=crumbs/>
                    <PageHead title="Replays" says=|| "What webhooks brought, applied once more: the latest ones."/>
                    {body}
                </Frame>
            }
        },
    )
}

#[component]
fn Replays(replays: Vec<Replay>) -> impl IntoView {
    let rows = replays
        .into_iter()
        .map(|replay| {
            let (tone, shape, word) = words::replay_state(&replay);
            let took = replay
                .ended_at
                .map(|ended_at| duration_words(ended_at - replay.started_at));
            let title = match replay.is_dry {
                true => "A look at what it would change",
                false => "Replay",
            };
            view! {
                <tr role="row">
                    <th scope="row" role="rowheader">
                        <a class="row-title" href=paths::replay(replay.id)>{title} ", " <Ago at=replay.started_at/></a>
                    </th>
                    <td role="cell">{replay.by.clone()}</td>
                    <td role="cell"><Badge tone shape text=word/></td>
                    <td role="cell" class="number"><span class="stacked-word">"Lines: "</span>{number(replay.matched())}</td>
                    <td role="cell" class="number"><span class="stacked-word">"Took: "</span>{took.unwrap_or_else(|| "–".to_owned())}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="Replays">
            <table class="stacked" role="table">
                <caption class="visually-hidden">"Replays, latest first"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">"Replay"</th>
                        <th scope="col" role="columnheader">"By"</th>
                        <th scope="col" role="columnheader">"State"</th>
                        <th scope="col" role="columnheader" class="number">"Lines"</th>
                        <th scope="col" role="columnheader" class="number">"Took"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}
