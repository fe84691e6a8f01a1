use chrono::{DateTime, TimeDelta, Utc};
use domain::checks::Level;
use leptos::prelude::*;
use server_fn::ServerFn as _;

use super::api;
use crate::{
    BackupReport, BackupRow, paths,
    ui::{
        badge::{Badge, Shape, Tone},
        empty::Empty,
        form::{Button, ButtonForm, Copyable, LinkButton},
        frame::Frame,
        head::{Crumbs, PageHead},
        notice::Notice,
        number::{bytes, count, number},
        page::{loaded, signed_in},
        panel::{Fact, Panel},
        table::TableRegion,
        time::{Ago, duration_words},
    },
};

/// What is kept of the database, when the next copy is made, and how to restore one.
#[component]
pub fn BackupsPage() -> impl IntoView {
    loaded(
        async move {
            let viewer = signed_in()?;
            let report = crate::backend().backups.report(&viewer).await?;
            Ok((report, viewer.is_admin()))
        },
        |(report, is_admin)| {
            let is_on = matches!(report, BackupReport::On { .. });
            view! {
                <Frame title="Backups">
                    <Crumbs items=vec![("Settings".to_owned(), paths::SETTINGS.to_owned())]/>
                    <PageHead title="Backups" says=|| "Copies of the whole database, made while Hangar runs. Each is read back and imported before it counts.">
                        {(is_on && is_admin).then(|| view! {
                            <ButtonForm action=api::MakeBackup::PATH label="Back up now" kind=Button::Primary/>
                        })}
                    </PageHead>
                    <Report report/>
                </Frame>
            }
        },
    )
}

#[component]
fn Report(report: BackupReport) -> impl IntoView {
    let (every_hours, keep, directory, next_at, level, is_under_way, rows) = match report {
        BackupReport::Off => {
            return view! {
                <Empty title="Backups are switched off" says="Hangar was started with --backup-hours 0. Start it without that, or with the hours from one backup to the next."/>
            }
            .into_any();
        }
        BackupReport::Elsewhere => {
            return view! {
                <Empty title="The database is not in Hangar’s own files" says="It is on a database server, which has ways of its own to be backed up, or in memory, which is for tests. Keep the master key apart from it."/>
            }
            .into_any();
        }
        BackupReport::On {
            every_hours,
            keep,
            directory,
            next_at,
            level,
            is_under_way,
            rows,
        } => (
            every_hours,
            keep,
            directory,
            next_at,
            level,
            is_under_way,
            rows,
        ),
    };
    let file = rows.iter().find(|row| row.is_there);
    let file = file.and_then(|row| row.backup.made.as_ref().ok());
    let file = file.map_or("FILE", |made| &made.file).to_owned();
    let command = match &directory {
        Some(directory) => format!("hangar restore {directory}/{file} --data NEW_DIRECTORY"),
        None => format!("hangar restore {file} --data NEW_DIRECTORY"),
    };
    let list = match rows.is_empty() {
        true => view! {
            <Empty title="No backup yet" says="The first one is made five minutes after the start."/>
        }
        .into_any(),
        false => view! { <Rows rows/> }.into_any(),
    };
    view! {
        <State level next_at is_under_way/>
        {list}
        <div class="panels">
            <Panel title="Plan">
                <dl class="facts">
                    <Fact label="How often">{every(every_hours)}</Fact>
                    <Fact label="The next one">{match is_under_way {
                        true => view! { "Under way" }.into_any(),
                        false => view! { <Ago at=next_at/> }.into_any(),
                    }}</Fact>
                    <Fact label="Kept">{format!("The latest {}", number(keep.into()))}</Fact>
                    {directory.map(|directory| view! { <Fact label="Where"><code>{directory}</code></Fact> })}
                </dl>
            </Panel>
            <Panel title="Restore">
                <p>"On a machine without a database, with the same version of Hangar or a newer one:"</p>
                <Copyable label="The command that restores" text=command/>
                <p class="quiet">
                    "Then put the master key of that time beside it and start Hangar: without it the API keys stay sealed. Everybody has to sign in again."
                </p>
            </Panel>
            <Panel title="What is in a backup">
                <dl class="facts">
                    <Fact label="In it">"Integrations with their sealed keys, people, the copy of Plane, runs, events of webhooks, problems, alerts and history."</Fact>
                    <Fact label="Not in it">"The master key: keep it elsewhere. And what webhooks brought in the last moment, which the next sync finds."</Fact>
                </dl>
            </Panel>
        </div>
    }
    .into_any()
}

#[component]
fn State(level: Level, next_at: DateTime<Utc>, is_under_way: bool) -> impl IntoView {
    if is_under_way {
        return view! {
            <Notice kind=Tone::Accent title="A backup is under way">
                <p>"Load the page again to see what became of it."</p>
                <div class="actions"><LinkButton label="Load again" href=paths::BACKUPS/></div>
            </Notice>
        }
        .into_any();
    }
    let kind = match level {
        Level::Bad => Tone::Bad,
        Level::Warning => Tone::Late,
        Level::Good | Level::Unknown => return ().into_any(),
    };
    view! {
        <Notice kind title="There is no recent backup">
            <p>"The list below says what became of the last ones. The next one is tried " <Ago at=next_at/> "."</p>
        </Notice>
    }
    .into_any()
}

fn every(hours: u32) -> String {
    match hours {
        1 => "Every hour".to_owned(),
        24 => "Every day".to_owned(),
        hours if hours.is_multiple_of(24) => format!("Every {} days", hours / 24),
        hours => format!("Every {hours} hours"),
    }
}

#[component]
fn Rows(rows: Vec<BackupRow>) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|BackupRow { backup, is_there }| {
            let state = match (&backup.made, is_there) {
                (Ok(_), true) => view! { <Badge tone=Tone::Good shape=Shape::Dot text="Verified"/> }.into_any(),
                (Ok(_), false) => view! { <Badge tone=Tone::Idle shape=Shape::Ring text="Not kept any more"/> }.into_any(),
                (Err(failed), _) => view! {
                    <Badge tone=Tone::Bad shape=Shape::Triangle text="Failed"/>
                    <span class="row-says">{failed.says.clone()}</span>
                }
                .into_any(),
            };
            let made = backup.made.as_ref().ok();
            let asked_by = backup.asked_by.clone().map(|name| view! { <span class="row-says">"Asked for by " {name}</span> });
            let took = TimeDelta::milliseconds(i64::try_from(backup.took_ms).unwrap_or(i64::MAX));
            let name = made.map(|made| view! { <span class="row-says mono">{made.file.clone()}</span> });
            view! {
                <tr role="row">
                    <th scope="row" role="rowheader"><Ago at=backup.started_at/>{name}{asked_by}</th>
                    <td role="cell">{state}</td>
                    <td role="cell" class="number">{made.map_or_else(|| "–".to_owned(), |made| bytes(made.bytes))}</td>
                    <td role="cell" class="number">{made.map_or_else(|| "–".to_owned(), |made| count(made.records, "record", "records"))}</td>
                    <td role="cell" class="number">{duration_words(took)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="Backups">
            <table class="stacked" role="table">
                <caption class="visually-hidden">"Backups, latest first"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">"When"</th>
                        <th scope="col" role="columnheader">"State"</th>
                        <th scope="col" role="columnheader" class="number">"Size"</th>
                        <th scope="col" role="columnheader" class="number">"Holds"</th>
                        <th scope="col" role="columnheader" class="number">"Took"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}
