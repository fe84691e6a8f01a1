use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Viewer},
    ids::ScreenId,
    screen::Screen,
};
use surrealdb::types::{RecordId, RecordIdKey, SurrealValue};
use uuid::Uuid;

use crate::{Store, error::Error, shape::parse};

/// So many screens are listed.
const MOST: i64 = 200;

/// A screen with the sealed end of its address.
#[derive(Clone, Debug)]
pub struct SealedScreen {
    pub screen: Screen,
    pub sealed: String,
}

#[derive(SurrealValue)]
struct Row {
    id: RecordId,
    uid: Uuid,
    name: String,
    sealed: String,
    by: String,
    created_at: DateTime<Utc>,
    seen_at: Option<DateTime<Utc>>,
}

impl Row {
    fn screen(self) -> Result<SealedScreen, Error> {
        Ok(SealedScreen {
            screen: Screen {
                id: ScreenId(self.uid),
                name: parse(&self.name)?,
                by: self.by,
                created_at: self.created_at,
                seen_at: self.seen_at,
            },
            sealed: self.sealed,
        })
    }
}

impl Store {
    /// All screens, by name.
    pub async fn screens(&self, _viewer: &Viewer) -> Result<Vec<SealedScreen>, Error> {
        let rows: Vec<Row> = self
            .ask("select * from screens order by name limit $most")
            .bind("most", MOST)
            .read()
            .await?
            .rows(0)?;
        rows.into_iter().map(Row::screen).collect()
    }

    /// The screen whose address ends in what has this hash.
    pub async fn screen_of(&self, hash: &str) -> Result<Option<Screen>, Error> {
        let row: Option<Row> = self
            .ask("select * from only $id")
            .bind("id", screen_record(hash))
            .read()
            .await?
            .one(0)?;
        Ok(row.map(Row::screen).transpose()?.map(|found| found.screen))
    }

    /// Keeps a screen under the hash of what its address ends in.
    pub async fn add_screen(
        &self,
        admin: &Admin,
        hash: &str,
        screen: &SealedScreen,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let SealedScreen { screen, sealed } = screen;
        let says = format!("Added the screen “{}”.", screen.name);
        let audit = self.admin_entry(admin, "screen.added", None, says, now);
        let row = Row {
            id: screen_record(hash),
            uid: screen.id.0,
            name: screen.name.to_string(),
            sealed: sealed.clone(),
            by: screen.by.clone(),
            created_at: screen.created_at,
            seen_at: None,
        };
        self.ask(
            "{
                insert ignore into screens $row return none;
                insert ignore into audit $audit return none;
                return none;
            }",
        )
        .bind("row", row)
        .bind("audit", audit)
        .write()
        .await
        .map(drop)
    }

    /// Remembers that it was shown.
    pub async fn screen_shown(&self, hash: &str, now: DateTime<Utc>) -> Result<(), Error> {
        self.ask("{ update $id set seen_at = $now return none; return none; }")
            .bind("id", screen_record(hash))
            .bind("now", now)
            .write()
            .await
            .map(drop)
    }

    /// Forgets a screen. Whether it was there.
    pub async fn remove_screen(
        &self,
        admin: &Admin,
        id: ScreenId,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let audit = self.admin_entry(admin, "screen.removed", None, "Removed a screen.", now);
        self.ask(
            "{
                let $known = (select value id from screens where uid = $uid);
                if array::len($known) = 0 { return false };
                delete $known return none;
                create audit content $audit return none;
                return true;
            }",
        )
        .bind("uid", id.0)
        .bind("audit", audit)
        .write()
        .await?
        .value(0)
    }
}

fn screen_record(hash: &str) -> RecordId {
    RecordId::new("screens", RecordIdKey::String(hash.into()))
}
