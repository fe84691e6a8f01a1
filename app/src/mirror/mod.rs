/// The filters of the work item table in the address.
pub mod filter;
/// The labels of a project.
pub mod labels;
/// Projects of every integration.
pub mod projects;
/// What pages say about the copy.
pub mod words;
/// One work item.
pub mod work_item;
/// The work items of a project.
pub mod work_items;
