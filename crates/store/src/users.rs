use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Role, User, Viewer},
    ids::UserId,
    text::{Email, Name},
};
use surrealdb::types::{RecordId, SurrealValue};

use crate::{
    Store,
    audit::AuditRow,
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
};
create audit content $audit;";

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
        let user = user_of(&new, Role::Admin, now);
        let says = format!("{} set Hangar up.", user.name);
        let audit = self.entry_by(Some(&user), "person.added", None, says, now);
        let sql = format!(
            "{{
                if array::len((select value id from users limit 1)) > 0 {{ return false }};
                {TOUCH_ADMINS}
                {CREATE}
                return true;
            }}"
        );
        let created: bool = self
            .ask_user(&sql, &user, &new.password_hash, audit)
            .write()
            .await?
            .value(0)?;
        Ok(created.then_some(user))
    }

    /// An account for somebody else; `Taken` if the e-mail address has one.
    pub async fn create_user(
        &self,
        admin: &Admin,
        new: NewUser,
        role: Role,
        now: DateTime<Utc>,
    ) -> Result<User, Error> {
        let says = format!("{} was added as {}.", new.name, a_role(role));
        let audit = self.admin_entry(admin, "person.added", None, says, now);
        self.insert_user(new, role, audit, now).await
    }

    /// `hangar admin create`: whoever has a shell on the server is an admin anyway.
    pub async fn create_admin_from_cli(
        &self,
        new: NewUser,
        now: DateTime<Utc>,
    ) -> Result<User, Error> {
        let says = format!("{} was made an admin on the command line.", new.name);
        let audit = self.entry_by(None, "person.added", None, says, now);
        self.insert_user(new, Role::Admin, audit, now).await
    }

    async fn insert_user(
        &self,
        new: NewUser,
        role: Role,
        audit: AuditRow,
        now: DateTime<Utc>,
    ) -> Result<User, Error> {
        let user = user_of(&new, role, now);
        let sql = format!("{{ {TOUCH_ADMINS} {CREATE} }}");
        self.ask_user(&sql, &user, &new.password_hash, audit)
            .write()
            .await?;
        Ok(user)
    }

    fn ask_user<'a>(
        &'a self,
        sql: &'a str,
        user: &User,
        hash: &str,
        audit: AuditRow,
    ) -> crate::query::Ask<'a> {
        self.ask(sql)
            .bind("id", record("users", user.id.0))
            .bind("email", user.email.as_str())
            .bind("name", user.name.as_str())
            .bind("hash", hash)
            .bind("role", user.role.word())
            .bind("now", user.created_at)
            .bind("audit", audit)
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
        self.all_users().await
    }

    /// The same for Hangar's own work.
    pub async fn all_users(&self) -> Result<Vec<User>, Error> {
        let rows: Vec<UserRow> = self.ask(ALL).read().await?.rows(0)?;
        rows.into_iter().map(UserRow::user).collect()
    }

    /// Switches an account on or off and ends its sessions. `None`: no such account.
    pub async fn set_user_active(
        &self,
        admin: &Admin,
        id: UserId,
        is_active: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, Error> {
        let (action, word) = if is_active {
            ("person.activated", "on")
        } else {
            ("person.deactivated", "off")
        };
        let Some(user) = self.user(id).await? else {
            return Ok(None);
        };
        let says = format!("{} was switched {word}.", user.name);
        let audit = self.admin_entry(admin, action, None, says, now);
        self.change_user("is_active", id, is_active, audit, now)
            .await
    }

    /// Gives an account another role and ends its sessions. `None`: no such account.
    pub async fn set_user_role(
        &self,
        admin: &Admin,
        id: UserId,
        role: Role,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, Error> {
        let Some(user) = self.user(id).await? else {
            return Ok(None);
        };
        let says = format!("{} is {} now.", user.name, a_role(role));
        let audit = self.admin_entry(admin, "person.role_changed", None, says, now);
        self.change_user("role", id, role.word(), audit, now).await
    }

    async fn change_user(
        &self,
        field: &str,
        id: UserId,
        value: impl SurrealValue,
        audit: AuditRow,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, Error> {
        let sql = format!(
            "{{
                {TOUCH_ADMINS}
                update $id set {field} = $value;
                delete sessions where user = $user;
                if array::len((select value id from users where role = 'admin' and is_active = true limit 1)) = 0 {{
                    throw 'hangar:last_admin'
                }};
                create audit content $audit;
                return (select * from only $id);
            }}"
        );
        let row: Option<UserRow> = self
            .ask(&sql)
            .bind("id", record("users", id.0))
            .bind("user", id.0)
            .bind("value", value)
            .bind("audit", audit)
            .bind("now", now)
            .write()
            .await?
            .one(0)?;
        row.map(UserRow::user).transpose()
    }

    /// Takes a password's place with another one, by their hashes, and ends all sessions of that account. `false`: the
    /// old one is not the account's any more, and nothing was changed.
    pub async fn change_password(
        &self,
        user: &User,
        old_hash: &str,
        new_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let says = format!("{} changed the own password.", user.name);
        let audit = self.entry_by(Some(user), "person.password_changed", None, says, now);
        self.ask(
            "{
                let $changed = (update $id set password_hash = $new where password_hash = $old return value id);
                if array::len($changed) = 0 { return false };
                delete sessions where user = $user;
                create audit content $audit;
                return true;
            }",
        )
        .bind("id", record("users", user.id.0))
        .bind("user", user.id.0)
        .bind("old", old_hash)
        .bind("new", new_hash)
        .bind("audit", audit)
        .write()
        .await?
        .value(0)
    }

    /// Keeps the same password under a newer hash, unless it was changed meanwhile.
    pub async fn renew_hash(&self, id: UserId, old: &str, new: &str) -> Result<bool, Error> {
        let renewed: Vec<RecordId> = self
            .ask("update $id set password_hash = $new where password_hash = $old return value id")
            .bind("id", record("users", id.0))
            .bind("old", old)
            .bind("new", new)
            .write()
            .await?
            .rows(0)?;
        Ok(!renewed.is_empty())
    }
}

fn user_of(new: &NewUser, role: Role, now: DateTime<Utc>) -> User {
    User {
        id: new.id,
        email: new.email.clone(),
        name: new.name.clone(),
        role,
        is_active: true,
        created_at: now,
        last_sign_in_at: None,
    }
}

fn a_role(role: Role) -> &'static str {
    match role {
        Role::Admin => "an admin",
        Role::Lead => "a lead",
    }
}
