use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{
    integration::IntegrationRow,
    mirror::{ProjectFilter, ProjectList},
    problems::ProblemFilter,
    range::Range,
};
use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    Charts, OverviewNumbers, ProblemRow,
    islands::live_parts::LiveParts,
    overview::{attention::OpenProblems, figures::OverviewFigures, matrix::Matrix, trust::verdict},
    paths,
    sync::live::LivePart,
    trends::charts::WallCharts,
    ui::{frame::Scripts, link::Unpressed, notice::Notice, page::loaded, time::moment},
    visit,
};

struct Wall {
    integrations: Vec<IntegrationRow>,
    numbers: OverviewNumbers,
    projects: ProjectList,
    problems: Vec<ProblemRow>,
    charts: Arc<Charts>,
}

/// The overview for a wall: large, without anything to press, and brought up to date by itself.
#[component]
pub fn WallPage() -> impl IntoView {
    loaded(
        async move {
            let viewer = crate::screen_viewer()?;
            let backend = crate::backend();
            let everything = ProjectFilter::default();
            let problems = ProblemFilter::default();
            Ok(Wall {
                integrations: backend
                    .integrations
                    .list(&viewer, &Default::default(), None)
                    .await?
                    .rows,
                numbers: backend.trends.figures(&viewer).await?,
                projects: backend.mirror.projects(&viewer, &everything, None).await?,
                problems: backend
                    .problems
                    .list(&viewer, &problems, None)
                    .await?
                    .page
                    .rows,
                charts: backend.trends.charts(&viewer, None, Range::Hours24).await?,
            })
        },
        |wall| view! { <View wall now=visit().now/> },
    )
}

#[component]
fn View(wall: Wall, now: DateTime<Utc>) -> impl IntoView {
    let Wall {
        integrations,
        numbers,
        projects,
        problems,
        charts,
    } = wall;
    provide_context(Unpressed);
    let total = projects.counts.iter().map(|(_, n)| n).sum::<u32>();
    let verdict = verdict(&integrations, now).map(|verdict| {
        view! {
            <Notice kind=verdict.tone title=verdict.title>
                {(!verdict.says.is_empty()).then(|| view! { <p>{verdict.says}</p> })}
            </Notice>
        }
    });
    view! {
        <Title text="Screen"/>
        // Without JavaScript the whole page is loaded anew.
        <noscript><meta http-equiv="refresh" content="60"/></noscript>
        <main id="main" class="wall">
            <LiveParts address=paths::LIVE_SCREEN.to_owned() pauses=false/>
            <LivePart>
                <div class="wall-head">
                    <h1>"Can today’s numbers be trusted?"</h1>
                    <p class="quiet">{format!("as of {}", moment(now))}</p>
                </div>
                {verdict}
                <OverviewFigures numbers/>
                <OpenProblems problems/>
                <div class="wall-columns">
                    <Matrix projects total now/>
                    <WallCharts charts/>
                </div>
            </LivePart>
        </main>
        <Scripts visit=visit()/>
    }
    .into_any()
}
