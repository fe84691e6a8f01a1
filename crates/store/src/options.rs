use std::{path::PathBuf, sync::Arc};

use crate::error::Error;

/// Where the database is and how to open it.
#[derive(Clone)]
pub struct OpenOptions {
    /// `surrealkv://PATH`, `mem://`, `ws://HOST` or `wss://HOST`.
    pub url: String,
    pub namespace: String,
    pub database: String,
    /// For a remote database.
    pub credentials: Credentials,
    /// Whom to trust at `wss://`; none stands for Mozilla's list of authorities.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// Memory for what was written last; every transaction must be far smaller. Embedded only.
    pub memtable_bytes: u64,
    /// Memory for what was read last. Embedded only.
    pub cache_bytes: u64,
    /// Whether the embedded engine is recycled before its memtable fills. Off only to show that the crash test bites.
    pub recycle: bool,
    /// Seeds the jitter between tries and the ids of audit entries.
    pub seed: u64,
}

/// Who we are to a remote database.
#[derive(Clone)]
pub enum Credentials {
    None,
    Password { user: String, password: String },
    Token(String),
}

impl OpenOptions {
    /// The defaults for a database at this address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            namespace: "hangar".to_owned(),
            database: "hangar".to_owned(),
            credentials: Credentials::None,
            tls: None,
            memtable_bytes: 64 << 20,
            cache_bytes: 32 << 20,
            recycle: true,
            seed: 0,
        }
    }

    /// The files of an embedded database; `None`: it is in memory, or a server's.
    pub fn directory(&self) -> Result<Option<PathBuf>, Error> {
        Ok(match self.place()? {
            Place::Directory(path) => Some(path),
            Place::Memory | Place::Remote(_) => None,
        })
    }

    pub(crate) fn place(&self) -> Result<Place, Error> {
        let (scheme, rest) = self
            .url
            .split_once("://")
            .ok_or_else(|| unknown(&self.url))?;
        match scheme {
            "mem" if rest.is_empty() => Ok(Place::Memory),
            "surrealkv" => directory(rest).map(Place::Directory),
            "ws" | "wss" if self.url.contains('@') => Err(Error::Address(
                "the database's user and password belong into their own settings, not into its address"
                    .to_owned(),
            )),
            "ws" | "wss" => Ok(Place::Remote(self.url.clone())),
            _ => Err(unknown(&self.url)),
        }
    }
}

pub(crate) enum Place {
    Memory,
    Directory(PathBuf),
    Remote(String),
}

fn directory(rest: &str) -> Result<PathBuf, Error> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, "sync=every"));
    if query != "sync=every" {
        return Err(Error::Address(format!(
            "surrealkv:// takes no option but sync=every (every commit is on disk before it is acknowledged), not {query}"
        )));
    }
    if path.is_empty() {
        return Err(Error::Address(
            "surrealkv:// needs a directory: surrealkv://./data".to_owned(),
        ));
    }
    Ok(PathBuf::from(path))
}

fn unknown(url: &str) -> Error {
    let scheme = url.split_once("://").map_or(url, |(scheme, _)| scheme);
    Error::Address(format!(
        "the database's address must start with surrealkv://, mem://, ws:// or wss://, not {scheme}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, good: bool) {
        assert_eq!(OpenOptions::new(url).place().is_ok(), good, "{url}");
    }

    #[test]
    fn addresses_are_checked_before_anything_is_opened() {
        check("surrealkv:///var/lib/hangar", true);
        check("surrealkv://./data?sync=every", true);
        check("surrealkv://./data?sync=never", false);
        check("surrealkv://./data?sync=every&versioned=true", false);
        check("surrealkv://", false);
        check("mem://", true);
        check("wss://db.example.com/rpc", true);
        check("ws://user:password@db.example.com", false);
        check("rocksdb://./data", false);
        check("./data", false);
    }
}
