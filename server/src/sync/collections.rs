use domain::{
    collection::{Collection, CollectionKind},
    freshness::Kind,
    mirror::Project,
    run::Phase,
};
use plane::Error;
use store::KindsRead;
use tracing::debug;

use super::copy::{Copy, Stop, try_often};

impl Copy<'_> {
    /// Brings a project's cycles and modules up to date; their work items only where something tells of a change. Answers
    /// how many rows were not understood.
    pub(super) async fn collections(&self, project: &Project) -> Result<u32, Stop> {
        let mut undecodable = 0;
        let mut read = KindsRead {
            at: self.clock.now(),
            ..Default::default()
        };
        for kind in CollectionKind::ALL {
            let copied = match kind {
                CollectionKind::Cycle => Kind::Cycles,
                CollectionKind::Module => Kind::Modules,
            };
            self.phase(
                match kind {
                    CollectionKind::Cycle => Phase::Cycles,
                    CollectionKind::Module => Phase::Modules,
                },
                Some(project),
            );
            match try_often!(self, self.plane.collections(project.id, kind)) {
                Ok(list) if list.undecodable == 0 => {
                    self.collections_of(project, kind, &list.rows).await?;
                    read.whole.push(copied);
                }
                // Without these the list is not whole, and what is absent from it would be taken for gone.
                Ok(list) => undecodable += list.undecodable,
                Err(Error::NoAccess | Error::NotSupported) => {
                    debug!(project = %project.id, ?kind, "can't be listed");
                    read.refused.push(copied);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let now = self.clock.now();
        self.writing()
            .await
            .finish_collections(self.run, project.id, &read, now)
            .await?;
        Ok(undecodable)
    }

    async fn collections_of(
        &self,
        project: &Project,
        kind: CollectionKind,
        listed: &[Collection],
    ) -> Result<(), Stop> {
        let now = self.clock.now();
        let read = self
            .writing()
            .await
            .apply_collections(self.run, project.id, kind, listed, now)
            .await?;
        self.live
            .update(|_, counts| counts.collections += listed.len() as u32);
        for collection in listed {
            if !collection.wants_items(read.get(&collection.id).copied(), now) {
                continue;
            }
            let id = collection.id;
            match try_often!(self, self.plane.collection_items(project.id, kind, id)) {
                Ok(items) => {
                    let now = self.clock.now();
                    self.writing()
                        .await
                        .apply_collection_items(self.run, project.id, collection, &items.rows, now)
                        .await?;
                }
                // It was deleted since it was listed.
                Err(Error::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
