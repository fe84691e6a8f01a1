use std::collections::BTreeMap;

use app::{BulkForm, Failure};
use chrono::TimeDelta;
use domain::{
    actor::Admin,
    bulk::{BulkAction, BulkCost, BulkCounts, BulkItem, BulkOperation, BulkState},
    ids::{BulkId, DraftId, IntegrationId},
    integration::{IntegrationRow, IntegrationSettings, Pause, Selection},
    tag::Tag,
    text::TextError,
};
use sha2::{Digest as _, Sha256};

use super::BulkService;
use crate::failure::from_store;

/// How long a form that came back is kept.
const DRAFT_LIFE: TimeDelta = TimeDelta::hours(1);

/// A mistake: the field's name, and what is wrong.
type Mistake = (&'static str, String);

impl BulkService {
    pub(super) async fn plan_form(&self, admin: &Admin, form: BulkForm) -> Result<BulkId, Failure> {
        match self.look(admin, &form).await? {
            Ok((action, rows)) => {
                let now = self.0.integrations.clock.now();
                let id = BulkId(self.0.integrations.rng.uuid_v7(now));
                self.keep(admin, id, action, None, &rows).await?;
                Ok(id)
            }
            Err(mistake) => Err(self.keep_draft(admin, &form, mistake).await?),
        }
    }

    /// What the form says, and the integrations that it means.
    async fn look(
        &self,
        admin: &Admin,
        form: &BulkForm,
    ) -> Result<Result<(BulkAction, Vec<IntegrationRow>), Mistake>, Failure> {
        if !form.all && form.ids.is_empty() {
            let says = "Choose integrations first: tick them in the list, or all that match.";
            return Ok(Err(("ids", says.to_owned())));
        }
        let action = match action(form) {
            Ok(action) => action,
            Err(mistake) => return Ok(Err(mistake)),
        };
        let selection = if form.all {
            Selection::Matching(form.filter.clone())
        } else {
            Selection::Ids(form.ids.clone())
        };
        let rows = self.rows(admin, &selection).await?;
        if rows.is_empty() {
            let says = "None of the chosen integrations is there any more.";
            return Ok(Err(("ids", says.to_owned())));
        }
        if rows.len() > BulkAction::MAX_ITEMS {
            let says = format!(
                "These are {} integrations. Choose at most {} at once.",
                rows.len(),
                BulkAction::MAX_ITEMS
            );
            return Ok(Err(("ids", says)));
        }
        Ok(Ok((action, rows)))
    }

    async fn rows(
        &self,
        admin: &Admin,
        selection: &Selection,
    ) -> Result<Vec<IntegrationRow>, Failure> {
        let now = self.0.integrations.clock.now();
        self.store()
            .selected_integrations(&admin.clone().viewer(), selection, now)
            .await
            .map_err(from_store)
    }

    /// Plans what failed or was not done again, under an id that follows from the operation's own.
    pub(super) async fn plan_retry(&self, admin: &Admin, id: BulkId) -> Result<BulkId, Failure> {
        let conflict = |message: &str| Failure::Conflict {
            message: message.to_owned(),
            draft: None,
        };
        let viewer = admin.clone().viewer();
        let (operation, items) = self
            .store()
            .bulk(&viewer, id)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)?;
        if operation.state != BulkState::Finished {
            return Err(conflict("This operation is not over yet."));
        }
        let failed: Vec<IntegrationId> = items
            .into_iter()
            .filter(|item| item.state.is_to_retry())
            .map(|item| item.integration)
            .collect();
        let rows = self.rows(admin, &Selection::Ids(failed)).await?;
        if rows.is_empty() {
            return Err(conflict(
                "There is nothing to retry: nothing failed, or it was deleted since.",
            ));
        }
        let retry = retry_of(id);
        self.keep(admin, retry, operation.action, Some(id), &rows)
            .await?;
        Ok(retry)
    }

    /// Stores the plan; one with this id that is there already stays.
    async fn keep(
        &self,
        admin: &Admin,
        id: BulkId,
        action: BulkAction,
        retry_of: Option<BulkId>,
        rows: &[IntegrationRow],
    ) -> Result<(), Failure> {
        let items: Vec<BulkItem> = (1..)
            .zip(rows)
            .map(|(number, row)| BulkItem::planned(number, &action, row))
            .collect();
        let operation = BulkOperation {
            id,
            by: admin.user().id,
            by_name: admin.user().name.to_string(),
            state: BulkState::Planned,
            planned_at: self.0.integrations.clock.now(),
            started_at: None,
            finished_at: None,
            stop_requested: false,
            retry_of,
            cost: self.cost(&items, rows),
            counts: BulkCounts::of(&items),
            action,
        };
        self.store()
            .plan_bulk(admin, &operation, &items)
            .await
            .map(drop)
            .map_err(from_store)
    }

    fn cost(&self, items: &[BulkItem], rows: &[IntegrationRow]) -> BulkCost {
        let budgets = &self.0.integrations.budgets;
        let parts = items.iter().zip(rows).map(|(item, row)| {
            let integration = &row.integration;
            let key =
                plane::BudgetKey::new(&integration.settings.base_url, &integration.key.fingerprint);
            (key, item.requests)
        });
        BulkCost::of(parts, |key| budgets.limit(key))
    }

    /// Keeps what was typed and ticked; the failure that brings the form back.
    async fn keep_draft(
        &self,
        admin: &Admin,
        form: &BulkForm,
        (field, says): Mistake,
    ) -> Result<Failure, Failure> {
        let integrations = &self.0.integrations;
        let ids: Vec<String> = form.ids.iter().map(ToString::to_string).collect();
        let all = if form.all { "true" } else { "" };
        let values = [
            ("ids", ids.join(",")),
            ("all", all.to_owned()),
            ("action", form.action.clone()),
            ("interval_minutes", form.interval_minutes.clone()),
            ("with_tag", form.with_tag.clone()),
            ("note", form.note.clone()),
        ];
        let draft = store::Draft {
            id: DraftId(integrations.rng.uuid_v4()),
            owner: Some(admin.user().id),
            form: "bulk".to_owned(),
            values: values
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.chars().take(80_000).collect()))
                .collect(),
            errors: BTreeMap::from([(field.to_owned(), says.clone())]),
            message: Some("Nothing was done yet.".to_owned()),
            sealed_key: None,
            key_last_four: None,
            test: None,
            expires_at: integrations.clock.now() + DRAFT_LIFE,
        };
        self.store().save_draft(&draft).await.map_err(from_store)?;
        Ok(Failure::Invalid {
            message: "Nothing was done yet.".to_owned(),
            fields: draft.errors,
            draft: Some(draft.id),
        })
    }
}

/// The action of a form with its argument.
fn action(form: &BulkForm) -> Result<BulkAction, Mistake> {
    let wrong = |field| move |error: TextError| (field, error.to_string());
    let tag = || form.with_tag.parse::<Tag>().map_err(wrong("with_tag"));
    Ok(match form.action.as_str() {
        "test" => BulkAction::Test,
        "sync" => BulkAction::Sync,
        "pause" => BulkAction::Pause {
            note: Pause::parse_note(&form.note).map_err(wrong("note"))?,
        },
        "resume" => BulkAction::Resume,
        "interval" => BulkAction::Interval {
            minutes: IntegrationSettings::parse_interval(&form.interval_minutes)
                .map_err(wrong("interval_minutes"))?,
        },
        "add_tag" => BulkAction::AddTag { tag: tag()? },
        "remove_tag" => BulkAction::RemoveTag { tag: tag()? },
        _ => return Err(("action", "Choose what to do.".to_owned())),
    })
}

/// The same for the same operation, however often a retry is asked for.
fn retry_of(id: BulkId) -> BulkId {
    let hash = Sha256::new()
        .chain_update(b"hangar: retry of ")
        .chain_update(id.0.as_bytes())
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    BulkId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_retry_has_one_id_of_its_own() {
        let first = BulkId(Uuid::from_u128(7));
        let second = retry_of(first);
        assert_eq!(second, retry_of(first));
        let ids = std::collections::HashSet::from([first, second, retry_of(second)]);
        assert_eq!(ids.len(), 3);
    }

    #[test]
    fn an_argument_is_asked_for_where_an_action_needs_one() {
        let form = |name: &str| BulkForm {
            action: name.to_owned(),
            interval_minutes: "4".to_owned(),
            with_tag: "two words".to_owned(),
            note: "x".repeat(301),
            ..BulkForm::default()
        };
        let field = |name| action(&form(name)).unwrap_err().0;
        assert_eq!(field("interval"), "interval_minutes");
        assert_eq!(field("add_tag"), "with_tag");
        assert_eq!(field("remove_tag"), "with_tag");
        assert_eq!(field("pause"), "note");
        assert_eq!(field(""), "action");
        for name in ["test", "sync", "resume"] {
            assert!(action(&form(name)).is_ok(), "{name}");
        }
    }
}
