//! What the pages say, rendered with canned answers: no database, no server, no Plane.

mod accounts;
mod canned;
mod integrations;
mod mirror;
mod overview;
mod sync;
