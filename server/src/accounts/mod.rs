//! First start, signing in and out, people. Nobody has an account that was not made by somebody.

/// The one-time set-up link.
mod first_run;
/// Passwords: what they must be, how they are kept.
mod password;
/// Sessions: random names, kept hashed.
mod session;
/// How often one may try.
mod tries;

pub use session::IDLE;
pub use tries::{Tries, Try};

use std::collections::BTreeMap;

use app::{Accounts, Draft, Failure, PasswordForm, PersonForm, SessionToken, SetUpForm};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    actor::{Admin, Role, User, Viewer},
    ids::{DraftId, UserId},
    text::{Email, Name},
};
use store::{NewUser, Store};
use zeroize::Zeroizing;

use self::{first_run::SetUpToken, password::Passwords};
use crate::{clock::Clock, failure::from_store, rng::Rng};

/// How long a form with mistakes is kept for its sender.
const DRAFT_LIFE: TimeDelta = TimeDelta::hours(1);

/// Everything about people. Cheap to clone.
#[derive(Clone)]
pub struct AccountsService {
    store: Store,
    clock: Clock,
    rng: Rng,
    passwords: Passwords,
    set_up_token: SetUpToken,
    tries: Tries,
    /// Failed tries to sign in, by client address; counted where addresses are known.
    pub tries_by_address: Tries,
}

impl AccountsService {
    pub fn new(store: Store, clock: Clock, rng: Rng) -> Self {
        Self {
            store,
            passwords: Passwords::new(rng.clone()),
            set_up_token: SetUpToken::new(&rng),
            tries: Tries::for_accounts(),
            tries_by_address: Tries::for_addresses(),
            clock,
            rng,
        }
    }

    /// Who this session belongs to, as of now: an ended session or a switched-off account is nobody.
    pub async fn user_of(&self, session: &SessionToken) -> Result<Option<User>, Failure> {
        let (id, now) = (session::stored_id(session), self.clock.now());
        self.store.session(&id, now, IDLE).await.map_err(from_store)
    }

    /// `hangar admin create`. Without a password one is made; it is the answer, and nobody can see it again.
    pub async fn create_admin(
        &self,
        email: &str,
        name: &str,
        password: Option<String>,
    ) -> Result<Option<String>, Failure> {
        let generated = password.is_none().then(|| password::generate(&self.rng));
        let password = password.or_else(|| generated.clone()).unwrap_or_default();
        let new = self
            .new_user(name, email, password, BTreeMap::new())
            .await?;
        self.store
            .create_admin_from_cli(new, self.clock.now())
            .await
            .map_err(from_store)?;
        Ok(generated)
    }

    /// Signs somebody in whose password was just found to be the one of `hash`.
    async fn begin_session(&self, user: &User, hash: &str) -> Result<SessionToken, Failure> {
        let (token, now) = (session::new_token(&self.rng), self.clock.now());
        let (id, expires_at) = (
            session::stored_id(&token),
            now + session::lifetime(user.role),
        );
        let begun = self
            .store
            .begin_session(&id, user, hash, now, expires_at)
            .await
            .map_err(from_store)?;
        // Changed or switched off meanwhile: what was typed is the old one.
        if begun { Ok(token) } else { Err(wrong()) }
    }

    /// Checks what was typed about a new person. `errors` are mistakes found before.
    async fn new_user(
        &self,
        name: &str,
        email: &str,
        password: String,
        mut errors: BTreeMap<String, String>,
    ) -> Result<NewUser, Failure> {
        let password = Zeroizing::new(password);
        let checked_name = name.parse::<Name>();
        let checked_email = email.parse::<Email>();
        if let Err(error) = &checked_name {
            errors.insert("name".to_owned(), error.to_string());
        }
        if let Err(error) = &checked_email {
            errors.insert("email".to_owned(), error.to_string());
        }
        if let Some(problem) = password::problem(&password, &[name, email]) {
            errors.insert("password".to_owned(), problem);
        }
        match (checked_name, checked_email) {
            (Ok(name), Ok(email)) if errors.is_empty() => Ok(NewUser {
                id: UserId(self.rng.uuid_v7(self.clock.now())),
                email,
                name,
                password_hash: self.passwords.hash(password).await?,
            }),
            _ => Err(Failure::invalid(errors)),
        }
    }

    /// Keeps what was typed into a form that was refused, so that its page can show it again. Never a password.
    async fn keep(
        &self,
        failure: Failure,
        owner: Option<UserId>,
        form: &str,
        values: &[(&str, &str)],
    ) -> Failure {
        let Failure::Invalid {
            message, fields, ..
        } = failure
        else {
            return failure;
        };
        let id = DraftId(self.rng.uuid_v4());
        let kept = store::Draft {
            id,
            owner,
            form: form.to_owned(),
            values: values
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            errors: fields.clone(),
            message: Some(message.clone()),
            sealed_key: None,
            key_last_four: None,
            test: None,
            expires_at: self.clock.now() + DRAFT_LIFE,
        };
        match self.store.save_draft(&kept).await {
            Ok(()) => Failure::Invalid {
                message,
                fields,
                draft: Some(id),
            },
            Err(error) => from_store(error),
        }
    }

    async fn forget_expired(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        self.store
            .delete_expired_sessions(now, IDLE)
            .await
            .map_err(from_store)?;
        self.store
            .delete_expired_drafts(now)
            .await
            .map_err(from_store)
    }
}

#[async_trait]
impl Accounts for AccountsService {
    async fn may_set_up(&self, token: &str) -> Result<bool, Failure> {
        Ok(self.set_up_token.is(token) && !self.store.has_users().await.map_err(from_store)?)
    }

    async fn set_up(&self, form: SetUpForm) -> Result<SessionToken, Failure> {
        if !self.may_set_up(&form.token).await? {
            return Err(Failure::NotFound);
        }
        let new = match self
            .new_user(&form.name, &form.email, form.password, BTreeMap::new())
            .await
        {
            Ok(new) => new,
            Err(failure) => {
                let values = [("name", form.name.as_str()), ("email", form.email.as_str())];
                return Err(self.keep(failure, None, "set_up", &values).await);
            }
        };
        let hash = new.password_hash.clone();
        let first = self
            .store
            .create_first_admin(new, self.clock.now())
            .await
            .map_err(from_store)?;
        let Some(user) = first else {
            return Err(Failure::Conflict {
                message: "Somebody else was faster and is the first admin now.".to_owned(),
                draft: None,
            });
        };
        self.begin_session(&user, &hash).await
    }

    async fn sign_in(&self, email: &str, password: String) -> Result<SessionToken, Failure> {
        let password = Zeroizing::new(password);
        let typed = email.trim().to_lowercase();
        let a_try = self.tries.begin(&typed, self.clock.now())?;
        let known = match typed.parse::<Email>() {
            Ok(email) => self
                .store
                .user_for_sign_in(&email)
                .await
                .map_err(from_store)?,
            Err(_) => None,
        };
        // An unknown address costs as much as a known one.
        let hash = known.as_ref().map(|(_, hash)| hash.clone());
        let is_right = self.passwords.verify(password.clone(), hash).await?;
        let Some((user, hash)) = known.filter(|(user, _)| is_right && user.is_active) else {
            tracing::warn!(account = %tries::alias(&typed), "sign-in refused");
            a_try.failed(self.clock.now());
            return Err(wrong());
        };
        self.forget_expired().await?;
        let session = self.begin_session(&user, &hash).await?;
        a_try.succeeded();
        if password::is_outdated(&hash) {
            let renewed = self.passwords.hash(password).await?;
            self.store
                .renew_hash(user.id, &hash, &renewed)
                .await
                .map_err(from_store)?;
        }
        Ok(session)
    }

    async fn sign_out(&self, session: &SessionToken) -> Result<(), Failure> {
        self.store
            .delete_session(&session::stored_id(session))
            .await
            .map_err(from_store)
    }

    async fn people(&self, viewer: &Viewer) -> Result<Vec<User>, Failure> {
        self.store.users(viewer).await.map_err(from_store)
    }

    async fn add_person(&self, admin: &Admin, form: PersonForm) -> Result<User, Failure> {
        let mut errors = BTreeMap::new();
        let role = match form.role.as_str() {
            "admin" => Role::Admin,
            "lead" => Role::Lead,
            _ => {
                errors.insert(
                    "role".to_owned(),
                    "A person is an admin or a lead.".to_owned(),
                );
                Role::Lead
            }
        };
        let made = match self
            .new_user(&form.name, &form.email, form.password, errors)
            .await
        {
            Ok(new) => self
                .store
                .create_user(admin, new, role, self.clock.now())
                .await
                .map_err(from_store),
            Err(failure) => Err(failure),
        };
        match made {
            Ok(user) => Ok(user),
            Err(failure) => {
                let values = [
                    ("name", &*form.name),
                    ("email", &*form.email),
                    ("role", &*form.role),
                ];
                Err(self
                    .keep(failure, Some(admin.user().id), "person", &values)
                    .await)
            }
        }
    }

    async fn set_role(&self, admin: &Admin, person: UserId, role: Role) -> Result<(), Failure> {
        let changed = self
            .store
            .set_user_role(admin, person, role, self.clock.now())
            .await;
        self.of_row(admin, person, changed).await
    }

    async fn set_active(
        &self,
        admin: &Admin,
        person: UserId,
        is_active: bool,
    ) -> Result<(), Failure> {
        let changed = self
            .store
            .set_user_active(admin, person, is_active, self.clock.now())
            .await;
        self.of_row(admin, person, changed).await
    }

    async fn change_password(
        &self,
        viewer: &Viewer,
        form: PasswordForm,
    ) -> Result<SessionToken, Failure> {
        let user = viewer.user();
        match self.changed_password(user, form).await {
            Ok(hash) => self.begin_session(user, &hash).await,
            Err(failure) => Err(self.keep(failure, Some(user.id), "password", &[]).await),
        }
    }

    async fn draft(&self, viewer: Option<&Viewer>, id: DraftId) -> Result<Option<Draft>, Failure> {
        let owner = viewer.map(|viewer| viewer.user().id);
        let draft = self
            .store
            .draft(id, owner, self.clock.now())
            .await
            .map_err(from_store)?;
        Ok(draft.map(|draft| Draft {
            id: Some(draft.id),
            values: draft.values,
            errors: draft.errors,
            message: draft.message,
            key_last_four: draft.key_last_four,
            test: draft.test,
        }))
    }
}

impl AccountsService {
    /// What became of a change in one row of the table of people.
    async fn of_row(
        &self,
        admin: &Admin,
        person: UserId,
        changed: Result<Option<User>, store::Error>,
    ) -> Result<(), Failure> {
        match changed {
            Ok(user) => user.map(drop).ok_or(Failure::NotFound),
            Err(error) => {
                let values = [("id", &*person.to_string())];
                Err(self
                    .keep(
                        from_store(error),
                        Some(admin.user().id),
                        "person_row",
                        &values,
                    )
                    .await)
            }
        }
    }

    /// Sets a new password, and with it ends all sessions, if the current one was given. The answer is its hash.
    async fn changed_password(&self, user: &User, form: PasswordForm) -> Result<String, Failure> {
        let (current, new) = (Zeroizing::new(form.current), Zeroizing::new(form.new));
        let a_try = self.tries.begin(user.email.as_str(), self.clock.now())?;
        let old_hash = self
            .store
            .user_for_sign_in(&user.email)
            .await
            .map_err(from_store)?
            .map(|(_, hash)| hash)
            .ok_or(Failure::NotFound)?;
        if !self
            .passwords
            .verify(current.clone(), Some(old_hash.clone()))
            .await?
        {
            a_try.failed(self.clock.now());
            return Err(not_yours());
        }
        a_try.succeeded();
        if current == new {
            return Err(Failure::field("new", "This is your password already."));
        }
        if let Some(problem) = password::problem(&new, &[user.name.as_str(), user.email.as_str()]) {
            return Err(Failure::field("new", problem));
        }
        let hash = self.passwords.hash(new).await?;
        let changed = self
            .store
            .change_password(user, &old_hash, &hash, self.clock.now())
            .await
            .map_err(from_store)?;
        if changed { Ok(hash) } else { Err(not_yours()) }
    }
}

fn not_yours() -> Failure {
    Failure::field("current", "This is not your password.")
}

/// The one answer to a wrong password, an unknown address and an account that is switched off.
fn wrong() -> Failure {
    Failure::Invalid {
        message: "The e-mail address or the password is wrong.".to_owned(),
        fields: BTreeMap::new(),
        draft: None,
    }
}
