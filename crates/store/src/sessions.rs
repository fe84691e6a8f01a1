use chrono::{DateTime, TimeDelta, Utc};
use domain::{actor::User, ids::UserId};
use surrealdb::types::{RecordId, SurrealValue};

use crate::{Store, error::Error, shape::record, users::UserRow};

#[derive(SurrealValue)]
struct SessionRow {
    user: uuid::Uuid,
    last_seen_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl Store {
    /// A new session under the hash of its cookie's value.
    pub async fn create_session(
        &self,
        id_hash: &str,
        user: UserId,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.ask(
            "create $id content { user: $user, created_at: $now, last_seen_at: $now, expires_at: $expires } return none",
        )
        .bind("id", session_record(id_hash))
        .bind("user", user.0)
        .bind("now", now)
        .bind("expires", expires_at)
        .write()
        .await
        .map(drop)
    }

    /// Who this session belongs to, if it has neither expired nor idled for too long and the account is active.
    pub async fn session(
        &self,
        id_hash: &str,
        now: DateTime<Utc>,
        idle: TimeDelta,
    ) -> Result<Option<User>, Error> {
        let session: Option<SessionRow> = self
            .ask("select user, last_seen_at, expires_at from only $id")
            .bind("id", session_record(id_hash))
            .read()
            .await?
            .one(0)?;
        let Some(session) = session else {
            return Ok(None);
        };
        if now >= session.expires_at || now - session.last_seen_at >= idle {
            return Ok(None);
        }
        let row: Option<UserRow> = self
            .ask("select * from only $id")
            .bind("id", record("users", session.user))
            .read()
            .await?
            .one(0)?;
        let Some(user) = row
            .map(UserRow::user)
            .transpose()?
            .filter(|user| user.is_active)
        else {
            return Ok(None);
        };
        // Once a minute is enough for the idle limit, and spares a write with every page.
        if now - session.last_seen_at >= TimeDelta::minutes(1) {
            self.ask("update $id set last_seen_at = $now return none")
                .bind("id", session_record(id_hash))
                .bind("now", now)
                .write()
                .await?;
        }
        Ok(Some(user))
    }

    pub async fn delete_session(&self, id_hash: &str) -> Result<(), Error> {
        self.ask("delete $id")
            .bind("id", session_record(id_hash))
            .write()
            .await
            .map(drop)
    }

    /// Signs somebody out everywhere.
    pub async fn delete_sessions_of(&self, user: UserId) -> Result<(), Error> {
        self.ask("delete sessions where user = $user")
            .bind("user", user.0)
            .write()
            .await
            .map(drop)
    }

    /// Forgets sessions that can't be used any more.
    pub async fn delete_expired_sessions(
        &self,
        now: DateTime<Utc>,
        idle: TimeDelta,
    ) -> Result<(), Error> {
        self.ask(
            "{
                delete sessions where expires_at <= $now;
                delete sessions where last_seen_at <= $idle_since;
            }",
        )
        .bind("now", now)
        .bind("idle_since", now - idle)
        .write()
        .await
        .map(drop)
    }
}

fn session_record(id_hash: &str) -> RecordId {
    RecordId::new("sessions", id_hash)
}
