//! What this process does in the background: who asks gets an id, and asks again how it goes.

use annuli_api::v1::task::{TaskInfo, TaskProgress, TaskStatus};
use annuli_api::{Failure, Index};
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// Ended tasks that are remembered: some days of dumps every few minutes.
const ENDED_TASKS_KEPT: usize = 1_000;

/// The tasks of this process, by id; a later one has a larger id.
#[derive(Debug, Default)]
pub struct Tasks(Mutex<BTreeMap<Uuid, TaskInfo>>);

impl Tasks {
    /// Starts a task over all shards of an index. `work` gets what hears how many are done.
    pub fn start<Work, Done>(self: &Arc<Self>, kind: &str, index: &Index, work: Work) -> Uuid
    where
        Work: FnOnce(Arc<dyn Fn(u32) + Send + Sync>) -> Done,
        Done: Future<Output = Result<Value, Failure>> + Send + 'static,
    {
        let id = Uuid::now_v7();
        let shards_total = index.schema.shards.get();
        let progress = move |shards_done| TaskProgress::Shards { shards_done, shards_total };
        let info = TaskInfo {
            id,
            kind: kind.to_owned(),
            index: Some(index.name.as_str().to_owned()),
            shard: None,
            status: TaskStatus::Running,
            progress: progress(0),
            error: None,
            result: None,
        };
        self.lock().insert(id, info);
        let tasks = Arc::clone(self);
        let hear = move |done| tasks.change(id, |task| task.progress = progress(done));
        let (tasks, work) = (Arc::clone(self), work(Arc::new(hear)));
        tokio::spawn(async move {
            let result = work.await;
            tasks.change(id, |task| match result {
                Ok(value) => {
                    task.status = TaskStatus::Succeeded;
                    task.result = Some(value);
                }
                Err(failure) => {
                    task.status = TaskStatus::Failed;
                    task.error = Some(failure);
                }
            });
            tasks.forget_old();
        });
        id
    }

    /// How a task is, if it is one of these.
    pub fn get(&self, id: Uuid) -> Option<TaskInfo> {
        self.lock().get(&id).cloned()
    }

    /// Every one of them, by id.
    pub fn list(&self) -> Vec<TaskInfo> {
        self.lock().values().cloned().collect()
    }

    fn change(&self, id: Uuid, change: impl FnOnce(&mut TaskInfo)) {
        if let Some(task) = self.lock().get_mut(&id) {
            change(task);
        }
    }

    fn forget_old(&self) {
        let mut tasks = self.lock();
        let ended: Vec<_> = tasks.values().filter(|task| task.status.is_over()).map(|task| task.id).collect();
        for id in ended.iter().take(ended.len().saturating_sub(ENDED_TASKS_KEPT)) {
            tasks.remove(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, TaskInfo>> {
        // Each change is whole before another can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
