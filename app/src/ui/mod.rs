//! The words of the interface. A page is `loaded(…)` (its data) and a [`frame::Frame`] with a [`head::PageHead`] in it;
//! everything between is made of the pieces below. Classes for what needs no component: `panel`, `panels` (two in a row),
//! `facts` (a `<dl>`), `quiet` (second ink), `small`, `mono`, `number` (right-aligned cells), `actions` (a row of buttons), `stack` (even gaps),
//! `charts` (a panel each, two in a row).

/// A state as a word, a shape and a colour.
pub mod badge;
/// How far something is.
pub mod bar;
/// Bars and lines over time, with what happened, and the same as a table.
pub mod chart;
/// Filters as links.
pub mod chips;
/// A list with nothing in it: what to do next.
pub mod empty;
/// Pages for failures: what happened, what to do.
pub mod failure_view;
/// Fields, selects, text areas, buttons; what is wrong with a form.
pub mod form;
/// Navigation, brand, theme, and the way out; around every page.
pub mod frame;
/// A page's heading, crumbs, and what can be done on it.
pub mod head;
/// Links, where something can be pressed.
pub mod link;
/// A sentence that must not be overlooked.
pub mod notice;
/// Numbers and plurals.
pub mod number;
/// Loading a page's data, and what is shown when that fails.
pub mod page;
/// The way to the next page of a list.
pub mod pager;
/// A box with a heading, and a figure with its explanation.
pub mod panel;
/// Addresses that keep their other query parameters.
pub mod query;
/// A place for text or a view.
pub mod slot;
/// That a list shows only a certain time.
pub mod span;
/// Bars in the place of a word.
pub mod spark;
/// A table that scrolls by itself on narrow screens, and headers that sort.
pub mod table;
/// "3 min ago", durations, dates.
pub mod time;
