/// Projects of every integration.
pub mod projects;
/// The work items of a project.
pub mod work_items;
/// One work item.
pub mod work_item;
/// The labels of a project.
pub mod labels;
/// The filters of the work item table in the address.
pub mod filter;
/// What pages say about the copy.
pub mod words;
