use chrono::{DateTime, TimeDelta, Utc};
use domain::actor::User;
use surrealdb::types::{RecordId, SurrealValue};

use crate::{Store, error::Error, shape::record, users::UserRow};

#[derive(SurrealValue)]
struct SessionRow {
    user: uuid::Uuid,
    last_seen_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl Store {
    /// A new session under the hash of its cookie's value, for somebody whose password has just been found to be the one
    /// of `password_hash`. `false`: the password was changed or the account switched off meanwhile, and there is none.
    pub async fn begin_session(
        &self,
        id_hash: &str,
        user: &User,
        password_hash: &str,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let says = format!("{} signed in.", user.name);
        let audit = self.entry_by(Some(user), "person.signed_in", None, says, now);
        self.ask(
            "{
                let $known = (update $user set last_sign_in_at = $now
                    where password_hash = $hash and is_active = true return value id);
                if array::len($known) = 0 { return false };
                create $id content { user: $uid, created_at: $now, last_seen_at: $now, expires_at: $expires };
                create audit content $audit;
                return true;
            }",
        )
        .bind("id", session_record(id_hash))
        .bind("user", record("users", user.id.0))
        .bind("uid", user.id.0)
        .bind("hash", password_hash)
        .bind("now", now)
        .bind("expires", expires_at)
        .bind("audit", audit)
        .write()
        .await?
        .value(0)
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
