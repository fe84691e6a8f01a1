use domain::{actor::Viewer, ids::IntegrationId};

use crate::{Failure, backend};

/// What a filter by integration offers, as (value, label): every one, then the first page of them by name, and the chosen one.
pub async fn integration_choices(
    viewer: &Viewer,
    chosen: Option<IntegrationId>,
) -> Result<Vec<(String, String)>, Failure> {
    let integrations = backend().integrations;
    let mut rows = integrations
        .list(viewer, &Default::default(), None)
        .await?
        .rows;
    if let Some(id) = chosen.filter(|id| rows.iter().all(|row| row.integration.id != *id)) {
        match integrations.get(viewer, id).await {
            Ok(row) => rows.push(row),
            Err(Failure::NotFound) => {}
            Err(failure) => return Err(failure),
        }
    }
    let mut choices: Vec<_> = rows
        .into_iter()
        .map(|row| {
            (
                row.integration.id.to_string(),
                row.integration.settings.integration_name.to_string(),
            )
        })
        .collect();
    choices.sort_by_cached_key(|(_, name)| name.to_lowercase());
    choices.insert(0, (String::new(), "Every integration".to_owned()));
    Ok(choices)
}
