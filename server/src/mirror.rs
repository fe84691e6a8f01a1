use app::{Failure, Mirror, Totals};
use async_trait::async_trait;
use domain::{
    actor::{Admin, Viewer},
    collection::Collection,
    drift::DriftCheck,
    ids::{IntegrationId, ProjectId, WorkItemId},
    mirror::{
        DeletedItem, Facets, LabelCount, ProjectFilter, ProjectList, ProjectRow, Restore, SafeHtml,
        WorkItemDetail, WorkItemFilter, WorkItemRow,
    },
    page::{Cursor, Page},
};
use store::Store;

use crate::{clock::Clock, failure::from_store};

const PAGE: u32 = 50;

/// Questions about the copy, and what admins put back into it. Nothing here ever calls Plane.
#[derive(Clone)]
pub struct MirrorService {
    pub store: Store,
    pub clock: Clock,
}

#[async_trait]
impl Mirror for MirrorService {
    async fn totals(&self, viewer: &Viewer) -> Result<Totals, Failure> {
        let totals = self.store.totals(viewer).await.map_err(from_store)?;
        Ok(Totals {
            integrations: totals.integrations,
            projects: totals.projects,
            work_items: totals.work_items,
        })
    }

    async fn projects(
        &self,
        viewer: &Viewer,
        filter: &ProjectFilter,
        after: Option<Cursor>,
    ) -> Result<ProjectList, Failure> {
        let now = self.clock.now();
        self.store
            .projects(viewer, filter, after.as_ref(), PAGE, now)
            .await
            .map_err(from_store)
    }

    async fn project(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<ProjectRow, Failure> {
        self.store
            .project(viewer, integration, project)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)
    }

    async fn work_items(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        filter: &WorkItemFilter,
        after: Option<Cursor>,
    ) -> Result<Page<WorkItemRow>, Failure> {
        self.store
            .work_items(viewer, integration, project, filter, after.as_ref(), PAGE)
            .await
            .map_err(from_store)
    }

    async fn work_item(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        item: WorkItemId,
    ) -> Result<WorkItemDetail, Failure> {
        let found = self
            .store
            .work_item(viewer, integration, project, item)
            .await
            .map_err(from_store)?;
        let (item, row, copied_at) = found.ok_or(Failure::NotFound)?;
        let project = self.project(viewer, integration, project).await?;
        let settings = self
            .store
            .integration(viewer, integration)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)?
            .settings;
        let parent = match item.parent {
            Some(parent) => self
                .store
                .work_item_name(viewer, integration, item.project, parent)
                .await
                .map_err(from_store)?,
            None => None,
        };
        let created_by = match item.created_by {
            Some(member) => self
                .store
                .member(viewer, integration, member)
                .await
                .map_err(from_store)?,
            None => None,
        };
        let kept_since = self
            .store
            .kept_since(viewer, integration, item.project, item.id)
            .await
            .map_err(from_store)?;
        let collections = self
            .store
            .collections_of(viewer, integration, item.project, item.id)
            .await
            .map_err(from_store)?;
        Ok(WorkItemDetail {
            description: sanitised(&item.description_html),
            plane_url: plane::address::work_item_page(
                &settings.base_url,
                &settings.workspace,
                item.project,
                item.id,
            ),
            project,
            row,
            parent,
            start_date: item.start_date,
            target_date: item.target_date,
            completed_at: item.completed_at,
            created_by,
            created_at: item.created_at,
            copied_at,
            collections,
            kept_since,
        })
    }

    async fn facets(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<Facets, Failure> {
        self.store
            .facets(viewer, integration, project)
            .await
            .map_err(from_store)
    }

    async fn labels(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<Vec<LabelCount>, Failure> {
        Ok(self.facets(viewer, integration, project).await?.labels)
    }

    async fn collections(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<Vec<Collection>, Failure> {
        self.store
            .collections(viewer, integration, project)
            .await
            .map_err(from_store)
    }

    async fn drift_checks(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        after: Option<Cursor>,
    ) -> Result<Page<DriftCheck>, Failure> {
        self.store
            .drift_checks(viewer, integration, project, after.as_ref(), PAGE)
            .await
            .map_err(from_store)
    }

    async fn deleted(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        after: Option<Cursor>,
    ) -> Result<Page<DeletedItem>, Failure> {
        self.store
            .deleted_items(viewer, integration, project, after.as_ref(), PAGE)
            .await
            .map_err(from_store)
    }

    async fn restore(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
        which: Restore,
    ) -> Result<(), Failure> {
        let restored = self
            .store
            .restore_items(admin, integration, project, which, self.clock.now())
            .await
            .map_err(from_store)?;
        if restored == 0 {
            return Err(Failure::NotFound);
        }
        Ok(())
    }

    async fn discard(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
        item: WorkItemId,
    ) -> Result<(), Failure> {
        let done = self
            .store
            .discard_kept(admin, integration, project, item, self.clock.now())
            .await
            .map_err(from_store)?;
        if done { Ok(()) } else { Err(Failure::NotFound) }
    }
}

/// Plane's HTML is anybody's HTML. Text, lists, tables and links stay; images go, because opening a page must not tell
/// another server, and so do classes, ids and styles.
fn sanitised(html: &str) -> SafeHtml {
    let clean = ammonia::Builder::default()
        .rm_tags(["img", "map", "area"])
        .url_schemes(["http", "https", "mailto"].into())
        .link_rel(Some("noopener noreferrer nofollow"))
        .clean(html)
        .to_string();
    SafeHtml(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &str) {
        assert_eq!(sanitised(html).0, expected, "{html}");
    }

    #[test]
    fn a_description_can_do_nothing_but_be_read() {
        check("<p>Hello <b>you</b></p>", "<p>Hello <b>you</b></p>");
        check("<script>alert(1)</script><p>a</p>", "<p>a</p>");
        check("<img src=x onerror=alert(1)>", "");
        check(
            "<p onclick=\"x()\" style=\"color:red\" class=\"y\">a</p>",
            "<p>a</p>",
        );
        check(
            "<a href=\"javascript:alert(1)\">a</a>",
            "<a rel=\"noopener noreferrer nofollow\">a</a>",
        );
        check(
            "<a href=\"https://example.com\">a</a>",
            "<a href=\"https://example.com\" rel=\"noopener noreferrer nofollow\">a</a>",
        );
        check(
            "<svg><script>x</script></svg><iframe src=\"https://x\"></iframe>",
            "",
        );
    }
}
