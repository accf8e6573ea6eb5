//! What the agent of a primary does about the catalogue: made, removed, taken over, dumped; and told to the cluster.

use super::Agent;
use super::forwarding::Said;
use crate::commit::{Decision, decide_as};
use crate::decide::{
    Reported, report_done, report_dumped, report_far, report_made, report_near, report_removed, report_sealed,
    report_taken_over, report_unmade, report_unmoved,
};
use crate::reconcile::{Plan, Restore, Seal, Step, Unmade, plan};
use crate::records::Records;
use annuli_api::{ErrorCode, Failure};
use annuli_coordination::Leadership;
use annuli_core::{HistoryId, IndexName, IndexUuid};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

impl Agent {
    /// Does what is to be done, and returns what is served then.
    pub(super) async fn step(&mut self, records: &Records, leadership: &Leadership) -> Plan {
        let first = self.plan(records);
        let mut failed = BTreeMap::new();
        self.restoring.keep_only(&first.restores, &*self.holder);
        for step in first.steps {
            let uuid = match &step {
                Step::Remove { uuid, .. }
                | Step::Make { uuid, .. }
                | Step::TakeOver { uuid, .. }
                | Step::BeginAnew { uuid, .. }
                | Step::Report { uuid, .. } => *uuid,
            };
            // It would get its folder after that was removed. When it has ended, this comes again.
            if self.restoring.is_under_way(uuid) {
                continue;
            }
            if let Err(failure) = self.take(step, leadership).await {
                tracing::error!(index = %uuid, %failure, "a step of the catalogue could not be taken, it is tried again");
                failed.insert(uuid, failure);
            }
        }
        let mut now = self.plan(records);
        for (uuid, restore) in &now.restores {
            self.restoring.begin(*uuid, restore, &self.holder);
        }
        for (uuid, restore, failure) in self.restoring.failures() {
            let unreported = match restore.loss {
                None => self.report_unmade(&restore, uuid, &failure, leadership).await.err(),
                Some(_) => None,
            };
            failed.insert(uuid, unreported.unwrap_or(failure));
        }
        let shard = self.post.shard;
        for (uuid, Unmade { name, failure }) in &now.unmade {
            let report = |records: &Records| report_unmade(records, name, *uuid, shard, failure);
            let unreported = self.report(leadership, report).await.err();
            failed.insert(*uuid, unreported.unwrap_or_else(|| failure.clone()));
        }
        for (uuid, failure) in &now.unmoved {
            let report = |records: &Records| report_unmoved(records, *uuid, failure.clone());
            let unreported = self.report(leadership, report).await.err();
            failed.insert(*uuid, unreported.unwrap_or_else(|| failure.clone()));
        }
        for (uuid, failure) in failed {
            if let Some(serves) = now.serves.get_mut(&uuid) {
                *serves = Err(failure);
            }
        }
        self.serving.publish(&now.serves, &now.sealed);
        now
    }

    pub(super) fn plan(&self, records: &Records) -> Plan {
        plan(records, self.place, &self.holder.held(), self.post.older)
    }

    async fn report_unmade(
        &self,
        restore: &Restore,
        uuid: IndexUuid,
        failure: &Failure,
        leadership: &Leadership,
    ) -> Result<(), Failure> {
        let shard = self.post.shard;
        self.report(leadership, |records| report_unmade(records, &restore.name, uuid, shard, failure)).await
    }

    /// Begins what is to be dumped, and reports what was.
    ///
    /// # Errors
    /// When something could not be reported: it is tried again.
    pub(super) async fn dump(&mut self, plan: &Plan, leadership: &Leadership) -> Result<(), Failure> {
        for (&dump, &uuid) in &plan.dumps {
            // Asked of the one who serves it: another folder's shard is in no dump of this one.
            match plan.serves.get(&uuid) {
                Some(Err(failure)) => self.dumping.refuse(dump, failure),
                Some(Ok(())) | None => self.dumping.begin(dump, uuid, &self.holder),
            }
        }
        self.dumping.forget_all_but(&plan.dumps);
        let mut reported = Ok(());
        for (dump, done) in self.dumping.ended() {
            let shard = self.post.shard;
            match self.report(leadership, |records| report_dumped(records, dump, shard, &done)).await {
                Ok(()) => self.dumping.reported(dump),
                Err(failure) => reported = Err(failure),
            }
        }
        reported
    }

    /// Does what is to be done about indexes that move, and says how far they are.
    ///
    /// # Errors
    /// When something could not be said: it is tried again.
    pub(super) async fn move_on(&mut self, plan: &Plan, leadership: &Leadership) -> Result<(), Failure> {
        let (shard, holder) = (self.post.shard, Arc::clone(&self.holder));
        self.forwarding.keep_to(&plan.forwards, shard, &self.reach, |uuid| holder.shard(uuid));
        for uuid in plan.serves.keys() {
            holder.keep_log(*uuid, plan.logs.get(uuid).copied());
        }
        let mut reported = Ok(());
        for Seal { index, becomes, .. } in plan.seals.iter().filter(|seal| !seal.is_said) {
            // Behind this no write is acknowledged: that was published before.
            let last = match holder.shard(*index) {
                Some(shard) => shard.status().await.map(|status| status.position.seq),
                None => Err(self.serving.unknown(*index)),
            };
            let said = match last {
                Ok(seq) => self.report(leadership, |records| report_sealed(records, *becomes, shard, seq)).await,
                Err(failure) => Err(failure),
            };
            reported = reported.and(said);
        }
        let now = Instant::now();
        self.sealing.keep_to(&plan.seals, now);
        for becomes in self.sealing.overdue(now) {
            let message = format!(
                "shard {shard} takes no writes since half a minute, and no coordinator has ended that: they go on, and the move \
                 is begun again"
            );
            let failure = Failure::new(ErrorCode::ShardUnavailable, message);
            let said = self.report(leadership, |records| report_unmoved(records, becomes, failure.clone())).await;
            reported = reported.and(said);
        }
        for (uuid, said) in self.forwarding.said() {
            let report = |records: &Records| match &said {
                Said::Far => report_far(records, uuid, shard),
                Said::Near => report_near(records, uuid, shard),
                Said::Done => report_done(records, uuid, shard),
                Said::Failed(failure) => {
                    let message = format!("shard {shard} does not get what is written meanwhile: {failure}");
                    report_unmoved(records, uuid, Failure { message, ..failure.clone() })
                }
            };
            match self.report(leadership, report).await {
                Ok(()) => self.forwarding.reported(uuid, &said),
                Err(failure) => reported = Err(failure),
            }
        }
        if let Err(failure) = &reported {
            tracing::warn!(%failure, "the cluster is not told yet how far an index is that moves");
        }
        reported
    }

    async fn take(&self, step: Step, leadership: &Leadership) -> Result<(), Failure> {
        match step {
            Step::Remove { uuid, name } => {
                self.holder.remove(&name, uuid).await?;
                self.report(leadership, |records| report_removed(records, uuid, self.post.shard)).await
            }
            Step::Make { name, uuid, schema } => {
                let history = self.holder.make(&name, uuid, &schema).await?;
                self.report(leadership, |records| report_made(records, &name, uuid, self.post.shard, history)).await
            }
            Step::TakeOver { name, uuid, lost, history } => {
                self.take_over(&name, uuid, lost, history, leadership).await
            }
            Step::BeginAnew { name, uuid, lost } => {
                let history = self.holder.begin_anew(&name, uuid).await?;
                self.take_over(&name, uuid, lost, history, leadership).await
            }
            Step::Report { name, uuid, history } => {
                self.report(leadership, |records| report_made(records, &name, uuid, self.post.shard, history)).await
            }
        }
    }

    async fn take_over(
        &self,
        name: &IndexName,
        uuid: IndexUuid,
        lost: HistoryId,
        history: HistoryId,
        leadership: &Leadership,
    ) -> Result<(), Failure> {
        let shard = self.post.shard;
        tracing::warn!(index = %name, %lost, %history, "shard {shard} goes on in another history: the one before is given up");
        self.report(leadership, |records| report_taken_over(records, name, uuid, shard, lost, history)).await
    }

    /// Only the primary's word counts: what a deposed one has done is of no folder that serves.
    async fn report(&self, leadership: &Leadership, report: impl Fn(&Records) -> Reported) -> Result<(), Failure> {
        let decision = |records: &Records| {
            Ok(match report(records) {
                Reported::Known | Reported::TooLate => Decision::Stands(()),
                Reported::New(change) => Decision::Write(change, ()),
            })
        };
        decide_as(leadership, &*self.store, decision).await.map(|((), _)| ())
    }
}
