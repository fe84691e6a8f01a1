use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{BulkId, UserId},
    screen::Screen,
    text::{Email, Name, TextError},
};

/// What a person may do: an admin everything, a lead sees everything but secrets and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Admin,
    Lead,
}

impl Role {
    /// The word for pages and the store.
    pub fn word(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Lead => "lead",
        }
    }
}

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub name: Name,
    pub role: Role,
    pub is_active: bool,
    pub created_at: DateTime<Utc>,
    pub last_sign_in_at: Option<DateTime<Utc>>,
}

impl User {
    /// Anyone signed in may read.
    pub fn viewer(self) -> Viewer {
        Viewer { user: self }
    }

    /// Only an admin may change anything; `None` means "forbidden".
    pub fn admin(self) -> Option<Admin> {
        (self.role == Role::Admin && self.is_active).then_some(Admin {
            user: self,
            bulk: None,
        })
    }
}

/// Somebody signed in, or a screen. Reads take it; it is made by [`User::viewer`] and [`Viewer::of_screen`] alone.
#[derive(Clone, Debug)]
pub struct Viewer {
    user: User,
}

impl Viewer {
    /// What a screen may see: as much as a lead, on the one page that it gets.
    pub fn of_screen(screen: &Screen) -> Result<Self, TextError> {
        Ok(Self {
            user: User {
                id: UserId(screen.id.0),
                email: "screen@hangar.invalid".parse()?,
                name: screen.name.clone(),
                role: Role::Lead,
                is_active: true,
                created_at: screen.created_at,
                last_sign_in_at: screen.seen_at,
            },
        })
    }

    pub fn user(&self) -> &User {
        &self.user
    }

    /// Whether pages should offer what only an admin may do.
    pub fn is_admin(&self) -> bool {
        self.user.role == Role::Admin
    }
}

/// Somebody who may change things. Writes take it; it is made by [`User::admin`] alone.
#[derive(Clone, Debug)]
pub struct Admin {
    user: User,
    bulk: Option<BulkId>,
}

impl Admin {
    pub fn user(&self) -> &User {
        &self.user
    }

    pub fn viewer(self) -> Viewer {
        self.user.viewer()
    }

    /// The same person, whose changes the history shows as part of this operation.
    pub fn in_bulk(self, bulk: BulkId) -> Self {
        Self {
            bulk: Some(bulk),
            ..self
        }
    }

    pub fn bulk(&self) -> Option<BulkId> {
        self.bulk
    }
}
