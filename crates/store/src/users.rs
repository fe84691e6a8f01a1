use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Role, User, Viewer},
    ids::UserId,
    text::{Email, Name},
};
use surrealdb::types::{RecordId, SurrealValue};

use crate::{
    Store,
    error::Error,
    shape::{id_of, parse, record},
};

/// A person to be stored.
#[derive(Clone)]
pub struct NewUser {
    /// UUID v7, made by the caller.
    pub id: UserId,
    pub email: Email,
    pub name: Name,
    /// A PHC string; never the password.
    pub password_hash: String,
}

#[derive(SurrealValue)]
pub(crate) struct UserRow {
    id: RecordId,
    email: String,
    name: String,
    password_hash: String,
    role: String,
    is_active: bool,
    created_at: DateTime<Utc>,
    last_sign_in_at: Option<DateTime<Utc>>,
}

impl UserRow {
    pub(crate) fn user(self) -> Result<User, Error> {
        Ok(User {
            id: UserId(id_of(&self.id)?),
            email: parse(&self.email)?,
            name: parse(&self.name)?,
            role: if self.role == Role::Admin.word() {
                Role::Admin
            } else {
                Role::Lead
            },
            is_active: self.is_active,
            created_at: self.created_at,
            last_sign_in_at: self.last_sign_in_at,
        })
    }
}

const CREATE: &str = "create $id content {
    email: $email, name: $name, password_hash: $hash, role: $role, is_active: true, created_at: $now
};";

/// Every change of who is an admin writes the same record, so that of two at once one is tried again and sees the other.
const TOUCH_ADMINS: &str = "upsert setup:admins set changed_at = $now;";

pub(crate) const ALL: &str = "select * from users where email > '' order by email limit 10000";

impl Store {
    /// Whether anybody has an account.
    pub async fn has_users(&self) -> Result<bool, Error> {
        let any: Vec<RecordId> = self
            .ask("select value id from users limit 1")
            .read()
            .await?
            .rows(0)?;
        Ok(!any.is_empty())
    }

    /// The first account, an admin's. `None` if there is an account already: of two callers at once exactly one gets it.
    pub async fn create_first_admin(
        &self,
        new: NewUser,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, Error> {
        let sql = format!(
            "{{
                if array::len((select value id from users limit 1)) > 0 {{ return false }};
                {TOUCH_ADMINS}
                {CREATE}
                return true;
            }}"
        );
        let created: bool = self
            .ask_user(&sql, &new, Role::Admin, now)
            .write()
            .await?
            .value(0)?;
        Ok(created.then(|| user_of(new, Role::Admin, now)))
    }

    /// An account for somebody else; `Taken` if the e-mail address has one.
    pub async fn create_user(
        &self,
        _admin: &Admin,
        new: NewUser,
        role: Role,
        now: DateTime<Utc>,
    ) -> Result<User, Error> {
        self.insert_user(new, role, now).await
    }

    /// `hangar admin create`: whoever has a shell on the server is an admin anyway.
    pub async fn create_admin_from_cli(
        &self,
        new: NewUser,
        now: DateTime<Utc>,
    ) -> Result<User, Error> {
        self.insert_user(new, Role::Admin, now).await
    }

    async fn insert_user(
        &self,
        new: NewUser,
        role: Role,
        now: DateTime<Utc>,
    ) -> Result<User, Error> {
        let sql = format!("{{ {TOUCH_ADMINS} {CREATE} }}");
        self.ask_user(&sql, &new, role, now).write().await?;
        Ok(user_of(new, role, now))
    }

    fn ask_user<'a>(
        &'a self,
        sql: &'a str,
        new: &NewUser,
        role: Role,
        now: DateTime<Utc>,
    ) -> crate::query::Ask<'a> {
        self.ask(sql)
            .bind("id", record("users", new.id.0))
            .bind("email", new.email.as_str())
            .bind("name", new.name.as_str())
            .bind("hash", new.password_hash.as_str())
            .bind("role", role.word())
            .bind("now", now)
    }

    /// The account of an e-mail address with its password hash, active or not.
    pub async fn user_for_sign_in(&self, email: &Email) -> Result<Option<(User, String)>, Error> {
        let row: Option<UserRow> = self
            .ask("select * from users where email = $email limit 1")
            .bind("email", email.as_str())
            .read()
            .await?
            .one(0)?;
        row.map(|row| {
            let hash = row.password_hash.clone();
            Ok((row.user()?, hash))
        })
        .transpose()
    }

    pub async fn user(&self, id: UserId) -> Result<Option<User>, Error> {
        let row: Option<UserRow> = self
            .ask("select * from only $id")
            .bind("id", record("users", id.0))
            .read()
            .await?
            .one(0)?;
        row.map(UserRow::user).transpose()
    }

    /// Everybody, by e-mail address. People of one installation: no paging.
    pub async fn users(&self, _viewer: &Viewer) -> Result<Vec<User>, Error> {
        let rows: Vec<UserRow> = self.ask(ALL).read().await?.rows(0)?;
        rows.into_iter().map(UserRow::user).collect()
    }

    /// Switches an account on or off and ends its sessions. `None`: no such account.
    pub async fn set_user_active(
        &self,
        _admin: &Admin,
        id: UserId,
        is_active: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, Error> {
        self.change_user("update $id set is_active = $value;", id, is_active, now)
            .await
    }

    /// Gives an account another role and ends its sessions. `None`: no such account.
    pub async fn set_user_role(
        &self,
        _admin: &Admin,
        id: UserId,
        role: Role,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, Error> {
        self.change_user("update $id set role = $value;", id, role.word(), now)
            .await
    }

    async fn change_user(
        &self,
        change: &str,
        id: UserId,
        value: impl SurrealValue,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, Error> {
        let sql = format!(
            "{{
                {TOUCH_ADMINS}
                {change}
                delete sessions where user = $user;
                if array::len((select value id from users where role = 'admin' and is_active = true limit 1)) = 0 {{
                    throw 'hangar:last_admin'
                }};
                return (select * from only $id);
            }}"
        );
        let row: Option<UserRow> = self
            .ask(&sql)
            .bind("id", record("users", id.0))
            .bind("user", id.0)
            .bind("value", value)
            .bind("now", now)
            .write()
            .await?
            .one(0)?;
        row.map(UserRow::user).transpose()
    }

    /// Sets a password and ends all sessions of that account.
    pub async fn set_password(
        &self,
        id: UserId,
        hash: &str,
        _now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.ask("{ update $id set password_hash = $hash; delete sessions where user = $user; }")
            .bind("id", record("users", id.0))
            .bind("user", id.0)
            .bind("hash", hash)
            .write()
            .await
            .map(drop)
    }

    /// Notes that somebody signed in just now.
    pub async fn signed_in(&self, id: UserId, now: DateTime<Utc>) -> Result<(), Error> {
        self.ask("update $id set last_sign_in_at = $now return none")
            .bind("id", record("users", id.0))
            .bind("now", now)
            .write()
            .await
            .map(drop)
    }
}

fn user_of(new: NewUser, role: Role, now: DateTime<Utc>) -> User {
    User {
        id: new.id,
        email: new.email,
        name: new.name,
        role,
        is_active: true,
        created_at: now,
        last_sign_in_at: None,
    }
}
