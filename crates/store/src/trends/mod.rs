/// What is promised, and when nothing counts.
mod objectives;

use chrono::{DateTime, Utc};
#[cfg(test)]
pub(crate) use objectives::{CHANGES, MAINTENANCE, TURNS};

use domain::{
    histogram::Histogram,
    ids::IntegrationId,
    objective::Kept,
    run::SyncRun,
    silence::WebhookHour,
    trend::{Stretch, Trend},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    runs::RunRow,
    shape::{
        count, from_text, numbered, numbered_one, parent_and_number, records_from_to, to_text,
    },
};

/// A stretch of time that is over, or goes on: what it holds so far.
#[derive(Clone, Debug)]
pub struct TrendRow {
    pub stretch: Stretch,
    pub start: DateTime<Utc>,
    /// Of each integration in which anything was measured or happened.
    pub each: Vec<(IntegrationId, Trend)>,
}

/// Of each integration, from a change in Plane to the copy that has it: milliseconds.
pub type Lags = Vec<(IntegrationId, Histogram)>;

#[derive(SurrealValue)]
struct Row {
    id: RecordId,
    start: i64,
    all: String,
    each: String,
    kept: String,
}

#[derive(SurrealValue)]
struct Part {
    start: i64,
    text: String,
}

impl Store {
    /// Up to when stretches are closed; `None`: none was yet.
    pub async fn trends_closed_until(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let until: Option<i64> = self
            .ask("select value until from only trend_state:one")
            .read()
            .await?
            .one(0)?;
        Ok(until.and_then(|until| DateTime::from_timestamp(until, 0)))
    }

    /// Keeps stretches, and that all is closed until then, unless somebody else closed since `before` was read; lets go of what was
    /// measured for stretches that are closed now. Whether it was done.
    pub async fn close_trends(
        &self,
        before: Option<DateTime<Utc>>,
        until: DateTime<Utc>,
        rows: &[TrendRow],
    ) -> Result<bool, Error> {
        let of = |stretch| {
            let rows = rows.iter().filter(|row| row.stretch == stretch);
            rows.map(row_of).collect::<Result<Vec<_>, _>>()
        };
        self.ask(
            "{
                if (select value until from only trend_state:one) != $before { return false };
                insert into trend_shorts $shorts on duplicate key update all = $input.all, each = $input.each, kept = $input.kept return none;
                insert into trend_hours $hours on duplicate key update all = $input.all, each = $input.each, kept = $input.kept return none;
                insert into trend_days $days on duplicate key update all = $input.all, each = $input.each, kept = $input.kept return none;
                delete $parts return none;
                upsert trend_state:one set until = $until return none;
                return true;
            }",
        )
        .bind("before", before.map(|at| at.timestamp()))
        .bind("until", until.timestamp())
        .bind("shorts", of(Stretch::Short)?)
        .bind("hours", of(Stretch::Hour)?)
        .bind("days", of(Stretch::Day)?)
        .bind(
            "parts",
            records_from_to("trend_parts", Uuid::nil(), 0, until.timestamp()),
        )
        .write()
        .await?
        .value(0)
    }

    /// All integrations together, in the stretches that begin from `from` until before `to`, in order; those of which nothing is kept
    /// are left out.
    pub async fn trends(
        &self,
        stretch: Stretch,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<(DateTime<Utc>, Trend)>, Error> {
        self.parts("all", stretch, from, to).await
    }

    /// The same of each integration.
    pub async fn trends_of_each(
        &self,
        stretch: Stretch,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<TrendRow>, Error> {
        let rows = self.parts("each", stretch, from, to).await?.into_iter();
        let row = |(start, each)| TrendRow {
            stretch,
            start,
            each,
        };
        Ok(rows.map(row).collect())
    }

    /// What each integration kept of its objectives.
    pub async fn kept_of_each(
        &self,
        stretch: Stretch,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<(DateTime<Utc>, Vec<(IntegrationId, Kept)>)>, Error> {
        self.parts("kept", stretch, from, to).await
    }

    async fn parts<T: serde::de::DeserializeOwned>(
        &self,
        column: &'static str,
        stretch: Stretch,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<(DateTime<Utc>, T)>, Error> {
        let rows: Vec<Part> = self
            .ask(&format!("select start, {column} as text from $range"))
            .bind(
                "range",
                records_from_to(
                    table(stretch),
                    Uuid::nil(),
                    from.timestamp(),
                    to.timestamp(),
                ),
            )
            .read()
            .await?
            .rows(0)?;
        let parts = rows.into_iter().map(|row| {
            let start = DateTime::from_timestamp(row.start, 0).unwrap_or_default();
            Ok((start, from_text(&row.text)?))
        });
        parts.collect()
    }

    /// Keeps what this process measured in a short stretch so far; `process` is one of chance. Saving it again takes its place.
    pub async fn save_lags(
        &self,
        start: DateTime<Utc>,
        process: Uuid,
        lags: &Lags,
    ) -> Result<(), Error> {
        self.ask("{ upsert $id set lags = $lags return none; return none; }")
            .bind(
                "id",
                numbered_one("trend_parts", Uuid::nil(), start.timestamp(), process),
            )
            .bind("lags", to_text(lags)?)
            .write()
            .await
            .map(drop)
    }

    /// What all processes measured in that short stretch.
    pub async fn lags(&self, start: DateTime<Utc>) -> Result<Vec<Lags>, Error> {
        let start = start.timestamp();
        let texts: Vec<String> = self
            .ask("select value lags from $range")
            .bind(
                "range",
                records_from_to("trend_parts", Uuid::nil(), start, start + 1),
            )
            .read()
            .await?
            .rows(0)?;
        texts.iter().map(|text| from_text(text)).collect()
    }

    /// Runs that ended from `from` until before `to`.
    pub async fn runs_ended(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<SyncRun>, Error> {
        let rows: Vec<RunRow> = self
            .ask(ENDED)
            .bind("from", from)
            .bind("to", to)
            .read()
            .await?
            .rows(0)?;
        rows.into_iter().map(RunRow::run).collect()
    }

    /// What these webhooks told, and what polls caught, in the hour of a time; those of which there is nothing are left out.
    pub async fn webhook_hour(
        &self,
        integrations: &[IntegrationId],
        at: DateTime<Utc>,
    ) -> Result<Vec<(IntegrationId, WebhookHour)>, Error> {
        #[derive(SurrealValue)]
        struct Hour {
            id: RecordId,
            caught: i64,
            deliveries: i64,
        }
        #[derive(SurrealValue)]
        struct Told {
            id: RecordId,
            told: i64,
        }
        let hour = WebhookHour::of(at);
        let ids = |table| -> Vec<RecordId> {
            let all = integrations.iter();
            all.map(|id| numbered(table, &[id.0], hour)).collect()
        };
        let mut answer = self
            .ask("select id, caught, deliveries from $hours; select id, told from $told;")
            .bind("hours", ids("webhook_hours"))
            .bind("told", ids("webhook_told"))
            .read()
            .await?;
        let mut found = std::collections::BTreeMap::<IntegrationId, WebhookHour>::new();
        let empty = WebhookHour {
            hour,
            told: 0,
            caught: 0,
            deliveries: 0,
        };
        for row in answer.rows::<Hour>(0)? {
            let id = IntegrationId(parent_and_number(&row.id)?.0);
            let of = found.entry(id).or_insert(empty);
            of.caught = count(row.caught);
            of.deliveries = count(row.deliveries);
        }
        for row in answer.rows::<Told>(1)? {
            let id = IntegrationId(parent_and_number(&row.id)?.0);
            found.entry(id).or_insert(empty).told = count(row.told);
        }
        Ok(found.into_iter().collect())
    }

    /// Forgets what is older than it is kept for.
    pub async fn forget_trends(&self, now: DateTime<Utc>) -> Result<(), Error> {
        for stretch in Stretch::ALL {
            let before = (now - stretch.kept()).timestamp();
            self.ask("{ delete $old return none; return none; }")
                .bind(
                    "old",
                    records_from_to(table(stretch), Uuid::nil(), 0, before),
                )
                .write()
                .await?;
        }
        Ok(())
    }
}

pub(crate) const ENDED: &str =
    "select * from sync_runs where finished_at >= $from and finished_at < $to";

fn row_of(row: &TrendRow) -> Result<Row, Error> {
    let mut all = Trend::default();
    row.each.iter().for_each(|(_, one)| all.merge(one));
    let kept: Vec<(IntegrationId, Kept)> =
        row.each.iter().map(|(id, one)| (*id, one.kept)).collect();
    Ok(Row {
        id: numbered(table(row.stretch), &[Uuid::nil()], row.start.timestamp()),
        start: row.start.timestamp(),
        all: to_text(&all)?,
        each: to_text(&row.each)?,
        kept: to_text(&kept)?,
    })
}

fn table(stretch: Stretch) -> &'static str {
    match stretch {
        Stretch::Short => "trend_shorts",
        Stretch::Hour => "trend_hours",
        Stretch::Day => "trend_days",
    }
}
