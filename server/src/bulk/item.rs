use app::{Failure, Runs as _, islands::stages::verdict, sync::words};
use domain::{
    actor::{Admin, User, Viewer},
    bulk::{BulkAction, BulkItem, ItemState},
    connection_test::{ConnectionTest, StageState},
    ids::{RunId, TestId},
    integration::Integration,
    run::{Outcome, SyncRun},
};
use store::{Begun, Change};

use super::{
    BulkService,
    work::{Trouble, Work},
};
use crate::integrations::TestTarget;

/// How often a setting is changed anew because somebody else changed the integration in between.
const TRIES: u32 = 5;

/// How an item ended, in a word and a sentence.
type Ended = (ItemState, String);

impl BulkService {
    /// Does one item, or finds out what became of it if it had begun: nothing is done twice.
    pub(super) async fn do_item(&self, work: &Work, number: u32) -> Result<(), Trouble> {
        let Some(mut item) = work.item(number).await else {
            return Ok(());
        };
        let had_begun = item.state == ItemState::Running;
        if work.is_stopping() && !had_begun {
            return Ok(());
        }
        let operation = &work.operation;
        // Whoever has lost the right to change things changes nothing by what was started before.
        let user = self.store().user(operation.by).await?;
        let Some(admin) = user.and_then(User::admin) else {
            let why = format!("{} is not an admin any more.", operation.by_name);
            work.stop_because(why.clone());
            if had_begun {
                (item.state, item.says) = (ItemState::NotDone, Some(why));
                self.save(work, &item, None).await?;
            }
            return Ok(());
        };
        let admin = admin.in_bulk(operation.id);
        let (state, says) = match self.outcome(work, &admin, &mut item).await {
            Ok(ended) => ended,
            // Not the integration's fault: it is looked at again when the database is back.
            Err(Trouble::Failure(Failure::Unavailable)) => {
                return Err(Failure::Unavailable.into());
            }
            Err(Trouble::Failure(failure)) => (ItemState::Failed, told(failure)),
            Err(error) => return Err(error),
        };
        (item.state, item.says) = (state, Some(says));
        self.save(work, &item, None).await?;
        Ok(())
    }

    async fn outcome(
        &self,
        work: &Work,
        admin: &Admin,
        item: &mut BulkItem,
    ) -> Result<Ended, Trouble> {
        let had_begun = item.state == ItemState::Running;
        let action = &work.operation.action;
        let found = self.store().integration_for_work(item.integration).await?;
        let Some(integration) = found else {
            return Ok((ItemState::Failed, "It was deleted.".to_owned()));
        };
        if had_begun && action.is_reached(&integration) {
            return Ok((ItemState::Done, done(action)));
        }
        if let Some(why) = action.nothing_to_do(&integration).filter(|_| !had_begun) {
            return Ok((ItemState::Skipped, why));
        }
        match action {
            BulkAction::Test => self.test(work, admin, item, &integration).await,
            BulkAction::Sync => self.sync(work, admin, item, &integration).await,
            _ => {
                item.state = ItemState::Running;
                self.save(work, item, None).await?;
                self.set(action, admin, &integration).await
            }
        }
    }

    /// Tests the connection, unless the test of a worker before this one is there.
    async fn test(
        &self,
        work: &Work,
        admin: &Admin,
        item: &mut BulkItem,
        integration: &Integration,
    ) -> Result<Ended, Trouble> {
        let service = &self.0.integrations;
        let test = match item.test {
            Some(test) => {
                let viewer = admin.clone().viewer();
                if let Some(test) = self.store().connection_test(&viewer, test).await? {
                    return Ok(tested(test));
                }
                test
            }
            None => {
                let test = TestId(service.rng.uuid_v7(service.clock.now()));
                (item.state, item.test) = (ItemState::Running, Some(test));
                let begun = Begun {
                    admin,
                    action: "integration.tested",
                    says: "Tested the connection.",
                };
                self.save(work, item, Some(begun)).await?;
                test
            }
        };
        let prepared = service
            .prepare_test(admin, TestTarget::Saved(integration.id))
            .await?;
        Ok(tested(service.run_test_as(test, prepared, |_| {}).await?))
    }

    /// Syncs, and waits for the end. A run that a worker before this one started is followed; one that was cut off is gone
    /// on with.
    async fn sync(
        &self,
        work: &Work,
        admin: &Admin,
        item: &mut BulkItem,
        integration: &Integration,
    ) -> Result<Ended, Trouble> {
        let viewer = admin.clone().viewer();
        let mut integration = integration.clone();
        loop {
            let run = match self.known_run(&viewer, item, &integration).await? {
                Some(run) if !is_cut_off(&run, &integration) => run.id,
                known => self.begin_sync(work, admin, item, known.is_some()).await?,
            };
            if item.run != Some(run) {
                // One was under way: that is the sync that was wanted.
                item.run = Some(run);
                self.save(work, item, None).await?;
            }
            let run = self.0.sync.ended(&viewer, run).await?;
            let found = self.store().integration_for_work(item.integration).await?;
            integration = found.ok_or(Failure::NotFound)?;
            // It may have been in another process, which has died.
            if !is_cut_off(&run, &integration) {
                return Ok(synced(run));
            }
        }
    }

    /// Starts a run, or answers the one under way. Under the id that was written down, unless there was a run with it.
    async fn begin_sync(
        &self,
        work: &Work,
        admin: &Admin,
        item: &mut BulkItem,
        is_used: bool,
    ) -> Result<RunId, Trouble> {
        let service = &self.0.integrations;
        let begun = Begun {
            admin,
            action: "integration.synced",
            says: "Started a sync.",
        };
        let begun = item.run.is_none().then_some(begun);
        let run = item
            .run
            .filter(|_| !is_used)
            .unwrap_or_else(|| RunId(service.rng.uuid_v7(service.clock.now())));
        (item.state, item.run) = (ItemState::Running, Some(run));
        self.save(work, item, begun).await?;
        Ok(self.0.sync.start_as(run, admin, item.integration).await?)
    }

    /// The run of an item that had begun, or the one that has gone on with it since: the schedule may have been faster.
    async fn known_run(
        &self,
        viewer: &Viewer,
        item: &BulkItem,
        integration: &Integration,
    ) -> Result<Option<SyncRun>, store::Error> {
        let Some(run) = item.run else {
            return Ok(None);
        };
        let run = self.store().run(viewer, run).await?;
        if run.as_ref().is_none_or(|run| !is_cut_off(run, integration)) {
            return Ok(run);
        }
        let now = self.0.integrations.clock.now();
        let row = self
            .store()
            .integration_row(viewer, integration.id, now)
            .await?;
        match row.and_then(|row| row.last_run) {
            Some(last) => self.store().run(viewer, last.id).await,
            None => Ok(run),
        }
    }

    /// Sets what the action sets.
    async fn set(
        &self,
        action: &BulkAction,
        admin: &Admin,
        integration: &Integration,
    ) -> Result<Ended, Trouble> {
        match action {
            BulkAction::Pause { note } => self.0.sync.pause(admin, integration.id, note).await?,
            BulkAction::Resume => self.0.sync.resume(admin, integration.id).await?,
            _ => return self.change(action, admin, integration.clone()).await,
        }
        Ok((ItemState::Done, done(action)))
    }

    /// Changes the settings, over whatever others change meanwhile.
    async fn change(
        &self,
        action: &BulkAction,
        admin: &Admin,
        mut integration: Integration,
    ) -> Result<Ended, Trouble> {
        for _ in 0..TRIES {
            if let Some(why) = action.nothing_to_do(&integration) {
                return Ok((ItemState::Skipped, why));
            }
            let mut settings = integration.settings;
            match action {
                BulkAction::Interval { minutes } => settings.interval_minutes = *minutes,
                BulkAction::AddTag { tag } => settings.tags = settings.tags.with(tag.clone()),
                BulkAction::RemoveTag { tag } => settings.tags = settings.tags.without(tag),
                BulkAction::Test
                | BulkAction::Sync
                | BulkAction::Pause { .. }
                | BulkAction::Resume => {}
            }
            let now = self.0.integrations.clock.now();
            let (id, version) = (integration.id, integration.version);
            let changed = self
                .store()
                .update_integration(admin, id, version, settings, None, now)
                .await?;
            integration = match changed {
                Change::Saved(_) => return Ok((ItemState::Done, done(action))),
                Change::Gone => return Ok((ItemState::Failed, "It was deleted.".to_owned())),
                Change::Conflict(is) => is,
            };
        }
        let says = "Others were changing it all the time. Retry it.";
        Ok((ItemState::Failed, says.to_owned()))
    }
}

/// Whether a run ended with the process that did it, and not because somebody wanted it to.
fn is_cut_off(run: &SyncRun, integration: &Integration) -> bool {
    run.outcome == Some(Outcome::Interrupted) && integration.paused.is_none()
}

fn tested(test: ConnectionTest) -> Ended {
    let advice = test
        .stages
        .iter()
        .find(|stage| stage.state == StageState::Failed)
        .and_then(|stage| stage.advice.as_deref());
    let says = with_advice(
        verdict(test.success, test.projects_count, test.error.clone()),
        advice,
    );
    let state = if test.success {
        ItemState::Done
    } else {
        ItemState::Failed
    };
    (state, says)
}

fn synced(run: SyncRun) -> Ended {
    match run.outcome {
        Some(Outcome::Succeeded) => {
            let counts = run.counts;
            let says = format!(
                "{} work items read, {} created, {} updated, with {} requests.",
                counts.items, counts.created, counts.updated, counts.requests
            );
            (ItemState::Done, says)
        }
        outcome => {
            let outcome = outcome.unwrap_or(Outcome::Failed);
            let reason = run
                .reason
                .unwrap_or_else(|| words::meaning(outcome).to_owned());
            let says = format!("{}: {reason}", outcome.word());
            (ItemState::Failed, with_advice(says, words::advice(outcome)))
        }
    }
}

fn done(action: &BulkAction) -> String {
    match action {
        BulkAction::Test => "Tested.".to_owned(),
        BulkAction::Sync => "Synced.".to_owned(),
        BulkAction::Pause { .. } => "Paused.".to_owned(),
        BulkAction::Resume => "Resumed.".to_owned(),
        BulkAction::Interval { minutes } => format!("Synced every {minutes} min from now on."),
        BulkAction::AddTag { tag } => format!("Tagged {tag}."),
        BulkAction::RemoveTag { tag } => format!("The tag {tag} was taken off."),
    }
}

fn told(failure: Failure) -> String {
    match &failure {
        Failure::NotFound => "It was deleted.".to_owned(),
        Failure::Plane { advice, .. } => with_advice(failure.to_string(), advice.as_deref()),
        _ => failure.to_string(),
    }
}

fn with_advice(says: String, advice: Option<&str>) -> String {
    match advice {
        Some(advice) => format!("{says} {advice}"),
        None => says,
    }
}
