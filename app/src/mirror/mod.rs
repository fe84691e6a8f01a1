/// What admins change in the copy.
pub mod api;
/// Cycles and modules.
pub mod collections;
/// Work items that are gone in Plane.
pub mod deleted;
/// How a copy compares with Plane.
pub mod drift;
/// How the difference from Plane went.
pub mod drift_trend;
/// The filters of the work item table in the address.
pub mod filter;
/// Work items that wait for an admin before they are taken out.
pub mod held;
/// The labels of a project.
pub mod labels;
/// Around the pages of one project.
pub mod project_frame;
/// Projects of every integration.
pub mod projects;
/// What pages say about the copy.
pub mod words;
/// One work item.
pub mod work_item;
/// The work items of a project.
pub mod work_items;
