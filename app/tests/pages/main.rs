//! What the pages say, rendered with canned answers: no database, no server, no Plane.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod alerts;
mod backups;
mod budget;
mod bulk;
mod canned;
mod connection;
mod drift;
mod health;
mod integration_forms;
mod integrations;
mod mirror;
mod overview;
mod problems;
mod screens;
mod sync;
mod timeline;
mod trends;
mod webhooks;
