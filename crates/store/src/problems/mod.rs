/// Problems in lists, and the story of one.
mod list;

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Viewer},
    checks::Level,
    ids::{IntegrationId, ProblemId},
    problems::{Class, Problem, ProblemAct, ProblemEvent, Sighting, Turn, Turned},
};
use surrealdb::types::{RecordId, RecordIdKey, SurrealValue, Value};
use uuid::Uuid;

#[cfg(test)]
pub(crate) use list::{RESOLVED, STORY};

use crate::{
    Store,
    error::Error,
    shape::{from_text, latest_first, record, record_of, to_text},
};

/// Of each integration the latest lines of its problems' stories are kept.
const KEPT: i64 = 1000;
/// So many sightings are read for one look; what is left is read by the next.
const SIGHTINGS_MOST: i64 = 5000;

#[derive(Clone, SurrealValue)]
pub(crate) struct SightingRow {
    id: RecordId,
    sighting: String,
}

/// The rows of what failed, to be inserted in the transaction that tells it. `cause` is the id of that, so that a transaction that is
/// repeated writes the same rows.
pub(crate) fn sighting_rows<'a>(
    sightings: impl IntoIterator<Item = (IntegrationId, &'a Sighting)>,
    cause: Uuid,
) -> Result<Vec<SightingRow>, Error> {
    let rows = (0..).zip(sightings).map(|(n, (integration, sighting))| {
        let id = Uuid::from_u128(cause.as_u128().wrapping_add(n));
        Ok(SightingRow {
            id: record_of("sightings", &[integration.0, id]),
            sighting: to_text(sighting)?,
        })
    });
    rows.collect()
}

/// What failed in an integration and was not grouped yet.
#[derive(Clone, Debug, Default)]
pub struct Sightings {
    pub all: Vec<Sighting>,
    ids: Vec<RecordId>,
}

impl Sightings {
    /// Whether there is nothing to group.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// A problem as it was read, to be compared when it is written.
#[derive(Clone, Debug)]
pub struct KnownProblem {
    pub problem: Problem,
    text: String,
}

#[derive(SurrealValue)]
struct ProblemRow {
    id: RecordId,
    integration: Uuid,
    class: String,
    owner: Option<Uuid>,
    stage: String,
    latest_key: String,
    problem: String,
}

impl ProblemRow {
    fn of(problem: &Problem) -> Result<Self, Error> {
        let (stage, at) = match (problem.opened_at, problem.resolved_at) {
            (None, _) => ("watched", problem.last_at),
            (Some(at), None) => ("unresolved", at),
            (Some(_), Some(at)) => ("resolved", at),
        };
        Ok(Self {
            id: record("problems", problem.id.0),
            integration: problem.integration.0,
            class: problem.class.word().to_owned(),
            owner: problem.owner.as_ref().map(|owner| owner.id.0),
            stage: stage.to_owned(),
            latest_key: latest_first(at, problem.id.0),
            problem: to_text(problem)?,
        })
    }

    /// `None`: of a class that this version does not know.
    fn known(self) -> Result<Option<KnownProblem>, Error> {
        if Class::from_word(&self.class).is_none() {
            return Ok(None);
        }
        Ok(Some(KnownProblem {
            problem: from_text(&self.problem)?,
            text: self.problem,
        }))
    }
}

#[derive(SurrealValue)]
pub(crate) struct EventRow {
    id: RecordId,
    problem: Uuid,
    integration: Uuid,
    class: String,
    level: String,
    at: DateTime<Utc>,
    turn: String,
    actor_name: Option<String>,
    says: String,
    pub(crate) latest_key: String,
}

impl EventRow {
    pub(crate) fn of(event: &ProblemEvent, id: Uuid) -> Self {
        Self {
            id: record_of("problem_log", &[event.integration.0, id]),
            problem: event.problem.0,
            integration: event.integration.0,
            class: event.class.word().to_owned(),
            level: event.level.word().to_owned(),
            at: event.at,
            turn: event.turn.word().to_owned(),
            actor_name: event.actor_name.clone(),
            says: event.says.clone(),
            latest_key: latest_first(event.at, id),
        }
    }

    /// `None`: this version does not know what happened.
    pub(crate) fn event(self) -> Option<ProblemEvent> {
        Some(ProblemEvent {
            problem: ProblemId(self.problem),
            integration: IntegrationId(self.integration),
            class: Class::from_word(&self.class)?,
            level: Level::from_word(&self.level),
            at: self.at,
            turn: Turn::from_word(&self.turn)?,
            actor_name: self.actor_name,
            says: self.says,
        })
    }
}

/// A problem with what it was, as text: `none` for one that is new.
#[derive(SurrealValue)]
struct Write {
    id: RecordId,
    before: Option<String>,
    row: ProblemRow,
}

impl Store {
    /// What failed and was not grouped yet, by integration, the oldest first. For Hangar's own work.
    pub async fn sightings(&self) -> Result<HashMap<IntegrationId, Sightings>, Error> {
        let rows: Vec<SightingRow> = self
            .ask("select * from sightings limit $most")
            .bind("most", SIGHTINGS_MOST)
            .read()
            .await?
            .rows(0)?;
        let mut of = HashMap::<IntegrationId, Sightings>::new();
        for row in rows {
            let one = of.entry(integration_of(&row.id)?).or_default();
            // A class that this version does not know is let go of.
            one.all.extend(from_text::<Sighting>(&row.sighting).ok());
            one.ids.push(row.id);
        }
        for one in of.values_mut() {
            one.all.sort_by_key(|sighting| sighting.at);
        }
        Ok(of)
    }

    /// All problems of an integration that are known, also those that are resolved or may pass. For Hangar's own work.
    pub async fn problems_of(
        &self,
        integration: IntegrationId,
    ) -> Result<Vec<KnownProblem>, Error> {
        let rows: Vec<ProblemRow> = self
            .ask("select * from problems where integration = $integration")
            .bind("integration", integration.0)
            .read()
            .await?
            .rows(0)?;
        rows.into_iter()
            .filter_map(|row| row.known().transpose())
            .collect()
    }

    /// Every problem that is not resolved, in no order.
    pub async fn unresolved_problems(&self) -> Result<Arc<Vec<Problem>>, Error> {
        let read = self.read_unresolved();
        self.known(&self.inner.problems, None, read).await
    }

    async fn read_unresolved(&self) -> Result<Vec<Problem>, Error> {
        let rows: Vec<ProblemRow> = self
            .ask("select * from problems where stage = 'unresolved'")
            .read()
            .await?
            .rows(0)?;
        let known = rows.into_iter().filter_map(|row| row.known().transpose());
        known.map(|known| Ok(known?.problem)).collect()
    }

    /// The integrations that have a problem which is not resolved, or may still pass. For Hangar's own work.
    pub async fn integrations_with_problems(&self) -> Result<Vec<IntegrationId>, Error> {
        let ids: Vec<Uuid> = self
            .ask("select value integration from problems where stage in ['unresolved', 'watched']")
            .read()
            .await?
            .rows(0)?;
        Ok(ids.into_iter().map(IntegrationId).collect())
    }

    /// One problem; `None`: there is none of that id, or it may still pass.
    pub async fn problem(&self, _viewer: &Viewer, id: ProblemId) -> Result<Option<Problem>, Error> {
        let known = self.known_problem(id).await?;
        Ok(known.map(|known| known.problem))
    }

    async fn known_problem(&self, id: ProblemId) -> Result<Option<KnownProblem>, Error> {
        let row: Option<ProblemRow> = self
            .ask("select * from only $id where stage != 'watched'")
            .bind("id", record("problems", id.0))
            .read()
            .await?
            .one(0)?;
        Ok(row.map(ProblemRow::known).transpose()?.flatten())
    }

    /// Keeps what a look made of an integration's problems, and lets go of the sightings it went by; unless another portal did so
    /// already, somebody said something meanwhile, or the integration is gone. Whether it was done.
    pub async fn save_problems(
        &self,
        integration: IntegrationId,
        before: &[KnownProblem],
        seen: &Sightings,
        turned: &[Turned],
    ) -> Result<bool, Error> {
        let text = |id: ProblemId| {
            let known = before.iter().find(|known| known.problem.id == id);
            known.map(|known| known.text.clone())
        };
        let writes = turned
            .iter()
            .map(|one| (&one.problem, text(one.problem.id)));
        let events: Vec<&ProblemEvent> =
            turned.iter().filter_map(|one| one.event.as_ref()).collect();
        self.write_problems(integration, writes, &seen.ids, &events)
            .await
    }

    /// Does to a problem what an admin says, with a line in its story. `None`: there is no such problem, or it is going with its integration; else what it is now.
    pub async fn act_on_problem(
        &self,
        admin: &Admin,
        id: ProblemId,
        act: &ProblemAct,
        now: DateTime<Utc>,
    ) -> Result<Option<Problem>, Error> {
        let user = admin.user();
        let mut refused = None;
        loop {
            let Some(known) = self.known_problem(id).await? else {
                return Ok(None);
            };
            if refused.as_ref() == Some(&known.text) {
                return Ok(None); // nobody changed it: its integration is being deleted
            }
            let by = (user.id, user.name.as_str());
            let Some((after, event)) = known.problem.after(act, by, now) else {
                return Ok(Some(known.problem)); // it is so already
            };
            let integration = known.problem.integration;
            let write = [(&after, Some(known.text.clone()))];
            if self
                .write_problems(integration, write, &[], &[&event])
                .await?
            {
                return Ok(Some(after));
            }
            refused = Some(known.text);
        }
    }

    async fn write_problems<'a>(
        &self,
        integration: IntegrationId,
        problems: impl IntoIterator<Item = (&'a Problem, Option<String>)>,
        sightings: &[RecordId],
        events: &[&ProblemEvent],
    ) -> Result<bool, Error> {
        let writes = problems.into_iter().map(|(problem, before)| {
            Ok(Write {
                id: record("problems", problem.id.0),
                before,
                row: ProblemRow::of(problem)?,
            })
        });
        let writes: Vec<Write> = writes.collect::<Result<_, Error>>()?;
        let is_portal = integration == IntegrationId::PORTAL;
        let of = (!is_portal).then(|| record("plane_integrations", integration.0));
        let events: Vec<EventRow> = events
            .iter()
            .map(|event| EventRow::of(event, self.new_id(event.at)))
            .collect();
        self.ask(
            "{
                if $of != none and (select value is_deleting from only $of) != false {
                    delete $sightings return none;
                    return false;
                };
                if array::len(select value id from $sightings) != array::len($sightings) { return false };
                for $write in $writes {
                    if (select value problem from only $write.id) != $write.before { return false };
                };
                delete $sightings return none;
                for $write in $writes { upsert $write.id content $write.row return none; };
                insert into problem_log $events return none;
                if array::len($events) > 0 {
                    delete (select value id from (select id, latest_key from problem_log
                        where integration = $integration order by latest_key limit 50 start $kept)) return none;
                };
                return true;
            }",
        )
        .bind("of", of)
        .bind("integration", integration.0)
        .bind("sightings", sightings.to_vec())
        .bind("writes", writes)
        .bind("events", events)
        .bind("kept", KEPT)
        .write()
        .await?
        .value(0)
    }

    /// Forgets problems that were resolved before then, and what passed before then.
    pub async fn forget_problems(&self, before: DateTime<Utc>) -> Result<(), Error> {
        for stage in ["resolved", "watched"] {
            self.ask(
                "delete (select value id from problems where stage = $stage and latest_key > $before limit 500) return none",
            )
            .bind("stage", stage)
            .bind("before", latest_first(before, Uuid::max()))
            .write()
            .await?;
        }
        Ok(())
    }
}

/// Whose sighting it is.
fn integration_of(id: &RecordId) -> Result<IntegrationId, Error> {
    if let RecordIdKey::Array(key) = &id.key
        && let Some(Value::Uuid(id)) = key.as_slice().first()
    {
        return Ok(IntegrationId(Uuid::from(*id)));
    }
    Err(Error::Query(
        "a record's id names no integration".to_owned(),
    ))
}
