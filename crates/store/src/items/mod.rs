//! Work items as they are stored.
//!
//! SurrealDB's cost of a record, some tenth of a millisecond and more with each index, is far above that of a work
//! item's bytes. So sixteen of them, by their numbers, share a record (`bucket`), and no index knows them: lists are
//! answered from a table in memory (`table`), which every process brings up to date by the buckets that changed since
//! it last looked (`tables`).

/// The record that sixteen work items share.
mod bucket;
/// What lists need of a project's work items, and how they are filtered and put in order.
mod table;
/// The tables in memory, brought up to date before each look.
mod tables;
/// What a list asks for.
mod wanted;
/// The words that a name is found by.
mod words;

pub(crate) use bucket::{Bucket, BucketRow, LongRow, Read, StoredItem, bucket_of};
pub(crate) use table::{Entry, Place, Table};
#[cfg(test)]
pub(crate) use tables::CHANGED;
pub(crate) use tables::Tables;
pub(crate) use wanted::Wanted;
pub(crate) use words::words_of;
