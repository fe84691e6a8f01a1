use surrealdb::types::{Error as DbError, NotAllowedError, NotFoundError, QueryError};

/// Why the store did not do it. Absence is never an error: it is an `Option`.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Changes by others kept getting in the way, ten tries long.
    #[error("somebody else kept changing the same record")]
    Conflict,
    /// A value that must be the only one of its kind is there already.
    #[error("{what} is already taken")]
    Taken { what: &'static str },
    #[error("the last active admin can be neither demoted nor switched off")]
    LastAdmin,
    /// The run lost its lease: another run, a deletion or a restart took over.
    #[error("this run no longer holds the integration")]
    Fenced,
    /// A run holds the integration.
    #[error("a sync run of this integration is under way")]
    Busy,
    /// One record alone is too large for a transaction.
    #[error("{what} is too large to be stored")]
    TooLarge { what: &'static str },
    /// The database's address or its options make no sense.
    #[error("{0}")]
    Address(String),
    #[error("the database in {path} is in use by another process; stop that one first")]
    Locked { path: String },
    /// A remote database did not answer, or its own storage failed. Nothing is known of a change under way, but all
    /// changes may be repeated.
    #[error("the database can't be reached: {0}")]
    Unreachable(String),
    /// The remote database does not know us, or does not let us do what we must.
    #[error("the database refused the credentials: {0}")]
    Refused(String),
    #[error("{0}")]
    Migration(String),
    /// What is beside the database could not be read or written.
    #[error("{0}")]
    Files(String),
    /// A mistake in this crate: a query that does not parse, a field with a wrong value.
    #[error("the database refused a query: {0}")]
    Query(String),
    /// The storage failed; the process must stop, because what was written since is not known (fail-stop).
    #[error("the database's storage failed: {0}")]
    Broken(String),
    /// Asked after [`crate::Store::close`].
    #[error("the database was closed")]
    Closed,
}

impl Error {
    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Conflict => "conflict",
            Error::Taken { .. } => "taken",
            Error::LastAdmin => "last_admin",
            Error::Fenced => "fenced",
            Error::Busy => "busy",
            Error::TooLarge { .. } => "too_large",
            Error::Address(_) => "address",
            Error::Locked { .. } => "locked",
            Error::Unreachable(_) => "unreachable",
            Error::Refused(_) => "refused",
            Error::Migration(_) => "migration",
            Error::Files(_) => "files",
            Error::Query(_) => "query",
            Error::Broken(_) => "broken",
            Error::Closed => "closed",
        }
    }
}

pub(crate) fn not_on_disk() -> Error {
    Error::Address("only an embedded database on disk is backed up".to_owned())
}

/// What the door makes of a database error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing was written; try again.
    Conflict,
    /// A query threw one of our own words.
    Thrown(String),
    /// A unique index was in the way; its name.
    Unique(String),
    /// The connection to a remote database is gone.
    Connection,
    /// A remote database wants other credentials.
    Refused,
    /// Disk, commit or engine: fail-stop.
    Storage,
    /// The schema is not there.
    NoTable,
    /// A query that makes no sense.
    Query,
}

/// Sorts a database error. SurrealDB 3.3.5 keeps a typed kind for few of them, so the rest goes by its fixed texts.
pub(crate) fn kind(error: &DbError) -> Kind {
    let text = error.message();
    if error.query_details() == Some(&QueryError::TransactionConflict)
        || text.contains("can be retried")
    {
        return Kind::Conflict;
    }
    if error.is_thrown() || text.contains("An error occurred: hangar:") {
        let word = text.rsplit("hangar:").next().unwrap_or(text);
        return Kind::Thrown(word.trim().to_owned());
    }
    if let Some(index) = unique_index(text) {
        return Kind::Unique(index);
    }
    // Before the texts: a broken connection says "os error" as a broken disk does.
    if error.is_connection() {
        return Kind::Connection;
    }
    if matches!(error.not_allowed_details(), Some(NotAllowedError::Auth(_))) {
        return Kind::Refused;
    }
    if matches!(error.not_found_details(), Some(NotFoundError::Table { .. })) {
        return Kind::NoTable;
    }
    const STORAGE: [&str; 8] = [
        "key-value store",
        "problem with the datastore",
        "problem with a transaction",
        "commit outcome is unknown",
        "Cannot COMMIT",
        "shutting down",
        "os error",
        "disk space limitations",
    ];
    if STORAGE.iter().any(|s| text.contains(s)) {
        Kind::Storage
    } else {
        Kind::Query
    }
}

fn unique_index(text: &str) -> Option<String> {
    let rest = text.split_once("Database index `")?.1;
    let (name, rest) = rest.split_once('`')?;
    rest.starts_with(" already contains")
        .then(|| name.to_owned())
}

/// The error that says most, of all statements of one query: after one has failed, the others only say that they were not
/// executed, and the commit that it could not be done.
pub(crate) fn telling(errors: impl IntoIterator<Item = DbError>) -> Option<DbError> {
    let rank = |error: &DbError| match kind(error) {
        Kind::Conflict => 0,
        Kind::Storage if error.message().starts_with("Cannot COMMIT") => 3,
        Kind::Storage => 1,
        Kind::Query if error.query_details() == Some(&QueryError::NotExecuted) => 4,
        Kind::Thrown(_)
        | Kind::Unique(_)
        | Kind::Connection
        | Kind::Refused
        | Kind::NoTable
        | Kind::Query => 2,
    };
    errors.into_iter().min_by_key(rank)
}

#[cfg(test)]
mod tests {
    use surrealdb::types::{AuthError, ConnectionError};

    use super::*;

    #[test]
    fn database_errors_are_told_apart() {
        let internal = |text: &str| DbError::internal(text.to_owned());
        let not_executed = DbError::query(
            "The query was not executed due to a failed transaction".into(),
            QueryError::NotExecuted,
        );
        let conflict = DbError::query("Cannot COMMIT: x".into(), QueryError::TransactionConflict);
        assert_eq!(kind(&conflict), Kind::Conflict);
        assert_eq!(
            kind(&internal(
                "Transaction conflict: x. This transaction can be retried"
            )),
            Kind::Conflict
        );
        assert_eq!(
            kind(&internal(
                "Database index `users_email` already contains 'a', with record `users:1`"
            )),
            Kind::Unique("users_email".into())
        );
        assert_eq!(
            kind(&DbError::thrown("An error occurred: hangar:fenced".into())),
            Kind::Thrown("fenced".into())
        );
        assert_eq!(
            kind(&internal("There was a problem with the key-value store: x")),
            Kind::Storage
        );
        assert_eq!(
            kind(&DbError::query(
                "Cannot COMMIT: No space left".into(),
                QueryError::NotExecuted
            )),
            Kind::Storage
        );
        let reset =
            "WebSocket error: Io(Os { code: 32, kind: BrokenPipe, message: \"os error 32\" })";
        assert_eq!(
            kind(&DbError::connection(
                reset.into(),
                ConnectionError::ConnectionFailed
            )),
            Kind::Connection
        );
        assert_eq!(
            kind(&DbError::not_allowed(
                "The token has expired".into(),
                AuthError::TokenExpired
            )),
            Kind::Refused
        );
        assert_eq!(
            kind(&internal("Found 1 for field `x`, but expected a string")),
            Kind::Query
        );
        assert_eq!(
            telling([not_executed.clone(), conflict.clone()]),
            Some(conflict)
        );
        assert_eq!(telling([not_executed.clone()]), Some(not_executed));
    }
}
