use domain::ids::IntegrationId;
use leptos::prelude::*;

use super::charts::ChartsView;
use crate::{
    health::range::{RangeChips, of_page},
    integrations::param,
    paths,
    ui::{
        form::LinkButton,
        frame::Frame,
        head::{Crumbs, PageHead},
        page::{loaded, signed_in},
    },
};

/// How syncing one integration went over time, drawn.
#[component]
pub fn TrendsPage() -> impl IntoView {
    let (id, range) = (param::<IntegrationId>("id"), of_page());
    loaded(
        async move {
            let viewer = signed_in()?;
            let (id, backend) = (id?, crate::backend());
            let row = backend.integrations.get(&viewer, id).await?;
            let charts = backend.trends.charts(&viewer, Some(id), range).await?;
            Ok((
                id,
                row.integration.settings.integration_name.to_string(),
                charts,
            ))
        },
        move |(id, name, charts)| {
            let crumbs = vec![
                ("Integrations".to_owned(), paths::INTEGRATIONS.to_owned()),
                (name.clone(), paths::integration(id)),
            ];
            let title = format!("{name} over time");
            view! {
                <Frame title=title.clone() islands=true>
                    <Crumbs items=crumbs/>
                    <PageHead title says=|| "How syncing went, measured every five minutes.">
                        <LinkButton label="Objectives" href=paths::objectives(id)/>
                        <LinkButton label="Timeline" href=paths::timeline(id)/>
                    </PageHead>
                    <RangeChips range/>
                    <ChartsView charts/>
                </Frame>
            }
        },
    )
}
