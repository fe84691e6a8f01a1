use std::collections::BTreeMap;

use app::Failure;
use chrono::TimeDelta;
use domain::{actor::Admin, ids::DraftId};
use store::{Draft, Store};

use crate::{clock::Clock, failure::from_store, rng::Rng};

/// How long a form that came back is kept.
const LIFE: TimeDelta = TimeDelta::hours(1);

/// Keeps a form that came back without secrets, and puts that into the failure.
pub(crate) async fn keep(
    (store, clock, rng): (&Store, &Clock, &Rng),
    admin: &Admin,
    form: &str,
    values: BTreeMap<String, String>,
    failure: Failure,
) -> Failure {
    let errors = match &failure {
        Failure::Invalid { fields, .. } => fields.clone(),
        _ => BTreeMap::new(),
    };
    let id = DraftId(rng.uuid_v4());
    let draft = Draft {
        id,
        owner: Some(admin.user().id),
        form: form.to_owned(),
        values,
        errors,
        message: Some(failure.to_string()),
        sealed_key: None,
        key_last_four: None,
        test: None,
        expires_at: clock.now() + LIFE,
    };
    match store.save_draft(&draft).await {
        Ok(()) => failure.with_draft(id),
        Err(error) => from_store(error),
    }
}
