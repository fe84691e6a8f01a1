use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Viewer},
    alerts::{Delivery, Incident, Rule},
    ids::RuleId,
    problems::ProblemEvent,
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use super::deliveries::DeliveryRow;
use crate::{
    Store,
    error::Error,
    problems::EventRow,
    shape::{from_text, latest_first, record, to_text},
};

/// So many turns of problems are looked back at.
const TURNS_MOST: i64 = 5000;

#[derive(SurrealValue)]
struct Row {
    id: RecordId,
    rule: String,
    version: i64,
    name_key: String,
}

/// An incident as it was read, to be compared when it is written.
#[derive(Clone, Debug)]
pub struct KnownIncident {
    pub incident: Incident,
    text: String,
}

impl Store {
    /// All rules, by name.
    pub async fn rules(&self) -> Result<Vec<Rule>, Error> {
        let rows: Vec<Row> = self
            .ask("select * from alert_rules order by name_key")
            .read()
            .await?
            .rows(0)?;
        rows.iter().map(|row| from_text(&row.rule)).collect()
    }

    /// One rule.
    pub async fn rule(&self, _viewer: &Viewer, id: RuleId) -> Result<Option<Rule>, Error> {
        let row: Option<Row> = self
            .ask("select * from only $id")
            .bind("id", record("alert_rules", id.0))
            .read()
            .await?
            .one(0)?;
        row.map(|row| from_text(&row.rule)).transpose()
    }

    /// Keeps the rules that a portal begins with, once; whoever deletes them does not get them back. For Hangar's own work.
    pub async fn begin_rules(&self, rules: &[Rule], now: DateTime<Utc>) -> Result<(), Error> {
        let rows = rules.iter().map(row_of).collect::<Result<Vec<_>, _>>()?;
        self.ask(
            "{
                if record::exists(setup:alerts) { return none };
                create setup:alerts set changed_at = $now return none;
                insert into alert_rules $rows return none;
                return none;
            }",
        )
        .bind("rows", rows)
        .bind("now", now)
        .write()
        .await
        .map(drop)
    }

    /// Keeps a rule, new if its version is 1. `Conflict` if it is not the successor of what is there, `Taken` if another one has its
    /// name.
    pub async fn save_rule(
        &self,
        admin: &Admin,
        rule: &Rule,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let says = format!("Saved the alert rule “{}”.", rule.name);
        let audit = self.admin_entry(admin, "rule.saved", None, says, now);
        let is_saved: bool = self
            .ask(
                "{
                    if ((select value version from only $row.id) ?? 0) != $row.version - 1 { return false };
                    if array::len(select value id from alert_rules where name_key = $row.name_key and id != $row.id) > 0 {
                        throw 'hangar:taken'
                    };
                    upsert $row.id content $row return none;
                    create audit content $audit return none;
                    return true;
                }",
            )
            .bind("row", row_of(rule)?)
            .bind("audit", audit)
            .write()
            .await?
            .value(0)?;
        match is_saved {
            true => Ok(()),
            false => Err(Error::Conflict),
        }
    }

    /// Deletes a rule; what it told of is told of no more. Whether it was there.
    pub async fn delete_rule(
        &self,
        admin: &Admin,
        rule: &Rule,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let says = format!("Deleted the alert rule “{}”.", rule.name);
        let audit = self.admin_entry(admin, "rule.deleted", None, says, now);
        self.ask(
            "{
                if !record::exists($id) { return false };
                delete $id return none;
                create audit content $audit return none;
                delete alert_incidents where rule = $rule return none;
                return true;
            }",
        )
        .bind("id", record("alert_rules", rule.id.0))
        .bind("rule", rule.id.0)
        .bind("audit", audit)
        .write()
        .await?
        .value(0)
    }

    /// The latest incident of each group of each rule. For Hangar's own work.
    pub async fn incidents(&self) -> Result<BTreeMap<RuleId, Vec<KnownIncident>>, Error> {
        let rows: Vec<String> = self
            .ask("select value incident from alert_incidents")
            .read()
            .await?
            .rows(0)?;
        let mut of = BTreeMap::<RuleId, Vec<KnownIncident>>::new();
        for text in rows {
            let incident: Incident = from_text(&text)?;
            of.entry(incident.rule)
                .or_default()
                .push(KnownIncident { incident, text });
        }
        Ok(of)
    }

    /// Keeps what became of an incident, with the messages that tell of it and a line in the story of each problem, unless another portal did so or the rule was changed. The
    /// same message is never kept twice. Whether it was done.
    pub async fn save_incident(
        &self,
        rule: &Rule,
        before: Option<&KnownIncident>,
        after: &Incident,
        deliveries: &[Delivery],
        told: &[ProblemEvent],
    ) -> Result<bool, Error> {
        let rows = deliveries.iter().map(DeliveryRow::of);
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let events: Vec<EventRow> = told
            .iter()
            .map(|event| EventRow::of(event, self.new_id(event.at)))
            .collect();
        // One record for each group, whatever the group is called.
        let id = Incident {
            number: 0,
            ..after.clone()
        };
        let id = Uuid::parse_str(&id.name()).map_err(|e| Error::Query(e.to_string()))?;
        self.ask(
            "{
                if (select value version from only $rule) != $version { return false };
                if (select value incident from only $id) != $before { return false };
                upsert $id content { rule: $rule_uid, incident: $after } return none;
                insert ignore into alert_deliveries $deliveries return none;
                insert into problem_log $events return none;
                return true;
            }",
        )
        .bind("rule", record("alert_rules", rule.id.0))
        .bind("rule_uid", rule.id.0)
        .bind("version", i64::from(rule.version))
        .bind("id", record("alert_incidents", id))
        .bind("before", before.map(|known| known.text.clone()))
        .bind("after", to_text(after)?)
        .bind("deliveries", rows)
        .bind("events", events)
        .write()
        .await?
        .value(0)
    }

    /// What happened to problems since then, the first thing first; the latest five thousand at most.
    pub async fn problem_turns(
        &self,
        _viewer: &Viewer,
        since: DateTime<Utc>,
    ) -> Result<Vec<ProblemEvent>, Error> {
        let rows: Vec<EventRow> = self
            .ask("select * from problem_log where latest_key <= $until order by latest_key limit $most")
            .bind("until", latest_first(since, Uuid::max()))
            .bind("most", TURNS_MOST)
            .read()
            .await?
            .rows(0)?;
        let mut turns: Vec<ProblemEvent> = rows.into_iter().filter_map(EventRow::event).collect();
        turns.reverse();
        Ok(turns)
    }
}

fn row_of(rule: &Rule) -> Result<Row, Error> {
    Ok(Row {
        id: record("alert_rules", rule.id.0),
        rule: to_text(rule)?,
        version: i64::from(rule.version),
        name_key: rule.name.as_str().to_lowercase(),
    })
}
