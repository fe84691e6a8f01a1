//! The portal through its front door: the real HTTP server, a real SurrealDB in memory, a fake Plane that is a server.
//! One binary, because each one links all of SurrealDB.

mod support;

mod accounts;
mod command_line;
mod integrations;
mod pages;
mod security;
mod sync;
