//! What the program does in the background for an index: asked for, and waited for.

use super::{RemoteIndex, to_json};
use crate::clock::{Patience, poll};
use crate::connection::{Connection, ExchangeFailed, request};
use annuli_api::v1::dump::{CreateDump, DumpInfo};
use annuli_api::v1::path;
use annuli_api::v1::rollout::StartRollout;
use annuli_api::v1::task::{TaskInfo, TaskStarted, TaskStatus};
use serde::Serialize;
use std::time::Duration;

/// Asked often enough to tell a hundredth of a second, and seldom enough to be no load.
const UNTIL_OVER: Patience = Patience { every: Duration::from_millis(5), at_most: Duration::from_secs(900) };

/// Why a task has not succeeded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskFailed {
    #[error(transparent)]
    Exchange(#[from] ExchangeFailed),
    #[error("a {kind} of index `{index}` is {}: {reason}", status.name())]
    Ended { kind: String, index: String, status: TaskStatus, reason: String },
    #[error("a task of index `{index}` is not over after {} s", UNTIL_OVER.at_most.as_secs())]
    NeverOver { index: String },
}

impl RemoteIndex {
    /// Takes a dump, and waits until it is whole.
    pub(crate) fn dump(&self) -> Result<DumpInfo, TaskFailed> {
        let ended = self.task(path::DUMPS, &CreateDump {})?;
        Ok(serde_json::from_value(ended.result.unwrap_or_default()).map_err(ExchangeFailed::from)?)
    }

    /// Removes a dump.
    pub(crate) fn delete_dump(&self, dump: &DumpInfo) -> Result<(), ExchangeFailed> {
        let path = path::DUMP.replace("{dump}", &dump.dump.to_string());
        self.call("DELETE", &path, &[])?.expect_success()?;
        Ok(())
    }

    /// Rolls out the newest dump, and waits until routers ask for it.
    pub(crate) fn roll_out(&self) -> Result<(), TaskFailed> {
        self.task(path::ROLLOUTS, &StartRollout::default())?;
        Ok(())
    }

    fn task(&self, path: &str, body: &impl Serialize) -> Result<TaskInfo, TaskFailed> {
        let mut connection = Connection::open(&self.address)?;
        let started: TaskStarted = connection.send(&self.request("POST", path, &to_json(body)))?.read()?;
        let ask = request("GET", &self.address, &path::TASK.replace("{id}", &started.task.to_string()), &[]);
        let ended = poll(UNTIL_OVER, || {
            let task: TaskInfo = connection.send(&ask)?.read()?;
            Ok::<_, ExchangeFailed>(task.status.is_over().then_some(task))
        })?;
        let index = self.name.clone();
        let Some(ended) = ended else { return Err(TaskFailed::NeverOver { index }) };
        if ended.status == TaskStatus::Succeeded {
            return Ok(ended);
        }
        let reason = ended.error.map_or_else(|| "no reason was given".to_owned(), |failure| failure.message);
        Err(TaskFailed::Ended { kind: ended.kind, index, status: ended.status, reason })
    }
}
