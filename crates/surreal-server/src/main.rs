//! The `surreal` command line, built from the same SurrealDB as Hangar: the other end of `ws://` in the store's tests.

use std::{io, process::ExitCode, thread};

/// Set by whoever wants the server to end when its standard input does, so that no test leaves one behind.
const UNTIL_STDIN_ENDS: &str = "SURREAL_SERVER_UNTIL_STDIN_ENDS";

fn main() -> ExitCode {
    if std::env::var_os(UNTIL_STDIN_ENDS).is_some() {
        thread::spawn(|| {
            // It ends, or it can't be read: either way nobody holds the other end any more.
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            std::process::exit(0);
        });
    }
    surrealdb_server::init(surrealdb_core::CommunityComposer())
}
