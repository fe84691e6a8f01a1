//! What the words mean: Hangar's types and the pure rules over them. No I/O, no clock; builds for the browser.

/// Who is asking, and what they may do: an unguarded write does not compile.
pub mod actor;
/// Who is told of which problems, by which channel.
pub mod alerts;
/// Who did what, when: the history of an integration.
pub mod audit;
/// Copies of the whole database: when the next is due, and how old the last good one is.
pub mod backup;
/// One action on many integrations: what it would do, what it costs, how far it is.
pub mod bulk;
/// Stored against fetched: what a page of Plane's data changes.
pub mod changes;
/// What is looked at of every integration, and the log of what that said.
pub mod checks;
/// Cycles and modules.
pub mod collection;
/// The connection test: its stages and what they say.
pub mod connection_test;
/// How much room is left where the data is.
pub mod disk;
/// What a comparison of the copy with Plane found.
pub mod drift;
/// How old the copy is, as a word.
pub mod freshness;
/// Whether a connection works, by its tests, and when it is tested next.
pub mod health;
/// How often which number came: for quantiles that add up.
pub mod histogram;
/// Identifiers, ours (UUID v7) and Plane's.
pub mod ids;
/// What Plane's webhooks brought, on its way into the copy.
pub mod inbox;
/// One workspace + base URL + key + schedule.
pub mod integration;
/// Plane's data as we keep it: projects, members, states, labels, work items.
pub mod mirror;
/// Numbers and sizes as people read them.
pub mod number;
/// What is promised of an integration, and how much of what may go wrong did.
pub mod objective;
/// Keyset pages of lists.
pub mod page;
/// Failures, grouped: where each group stands, and who sees to it.
pub mod problems;
/// A daily window in which no scheduled run starts.
pub mod quiet;
/// How far back a dashboard looks, and the bars of its charts.
pub mod range;
/// Kept events of webhooks, applied once more.
pub mod replay;
/// A sync run, its progress and its outcome.
pub mod run;
/// What a run leaves to be looked at: its phases, its waits, its calls.
pub mod run_log;
/// When an integration is synced next.
pub mod schedule;
/// Screens on walls.
pub mod screen;
/// Whether a webhook still tells what it should.
pub mod silence;
/// Words that integrations are sorted by.
pub mod tag;
/// Text that was checked once, when it came in: slugs, addresses, e-mail addresses, names.
pub mod text;
/// Everything that happened to an integration, in one stream.
pub mod timeline;
/// How syncing went over time: what dashboards draw.
pub mod trend;
/// Calls to Plane, counted.
pub mod usage;
/// How a project's work items are read: everything or the latest changes; and what is gone.
pub mod walk;
/// What a delivery of Plane's webhooks says, and what it asks for.
pub mod webhook;

pub use chrono::{DateTime, NaiveDate, Utc};
