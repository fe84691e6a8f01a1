use app::{Bulk, BulkForm, BulkReport, Failure};
use async_trait::async_trait;
use domain::{
    actor::{Admin, Viewer},
    bulk::BulkOperation,
    ids::BulkId,
    page::{Cursor, Page},
};
use store::BulkStart;

use super::{BulkService, LEASE};
use crate::failure::from_store;

const PAGE: u32 = 50;

#[async_trait]
impl Bulk for BulkService {
    async fn plan(&self, admin: &Admin, form: BulkForm) -> Result<BulkId, Failure> {
        self.plan_form(admin, form).await
    }

    async fn start(&self, admin: &Admin, id: BulkId) -> Result<(), Failure> {
        let now = self.0.integrations.clock.now();
        let started = self
            .store()
            .start_bulk(admin, id, self.0.owner, now, LEASE)
            .await
            .map_err(from_store)?;
        match started {
            BulkStart::Started(work) => {
                self.go_on(work);
                Ok(())
            }
            BulkStart::AlreadyStarted => Ok(()),
            BulkStart::Gone => Err(Failure::NotFound),
        }
    }

    async fn stop(&self, admin: &Admin, id: BulkId) -> Result<(), Failure> {
        // Written down first: it may be in the hands of another process, which looks every two seconds.
        self.store()
            .request_bulk_stop(admin, id)
            .await
            .map_err(from_store)?;
        if let Some(stopping) = self.at_work().get(&id) {
            stopping.cancel();
        }
        self.changed(id);
        Ok(())
    }

    async fn retry(&self, admin: &Admin, id: BulkId) -> Result<BulkId, Failure> {
        self.plan_retry(admin, id).await
    }

    async fn operations(
        &self,
        viewer: &Viewer,
        after: Option<Cursor>,
    ) -> Result<Page<BulkOperation>, Failure> {
        self.store()
            .bulks(viewer, after.as_ref(), PAGE)
            .await
            .map_err(from_store)
    }

    async fn operation(&self, viewer: &Viewer, id: BulkId) -> Result<BulkReport, Failure> {
        let (operation, items) = self
            .store()
            .bulk(viewer, id)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)?;
        Ok(BulkReport { operation, items })
    }
}
