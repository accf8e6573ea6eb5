//! A word to a rollout, decided until it is known to be done.

use super::{Under, Word, say};
use crate::change::Change;
use crate::record::TaskId;
use crate::records::Records;
use annuli_api::Failure;
use annuli_api::v1::task::TaskStatus;

/// A word, which may be decided several times until it is known to be done. What somebody says once is done once: a look
/// after a commit whose answer was lost finds what that has come to since, and the same word would mean something else there.
#[derive(Debug)]
pub struct Spoken {
    word: Word,
    /// How the rollout stood when the word was decided first.
    first: Option<Standing>,
}

/// How a rollout stands.
#[derive(Debug, Clone, Copy)]
struct Standing {
    /// When its task was written.
    revision: u64,
    status: TaskStatus,
    /// How often somebody has had tried again what it prepares.
    attempt: u32,
    /// It goes back.
    is_turned: bool,
}

impl Spoken {
    /// A word that was not decided yet.
    pub fn new(word: Word) -> Self {
        Self { word, first: None }
    }

    /// What is to be written; nothing, if what the word asks for was done since it was decided first, be it by somebody else.
    pub fn decide(&mut self, records: &Records, id: TaskId) -> Result<Option<Change>, Failure> {
        let now = Standing::of(records, id);
        if let (Some(first), Some(now)) = (self.first, now)
            && is_done(self.word, first, now)
        {
            return Ok(None);
        }
        let change = say(records, id, self.word)?;
        self.first = self.first.or(now);
        Ok(Some(change))
    }
}

impl Standing {
    fn of(records: &Records, id: TaskId) -> Option<Self> {
        let task = records.tasks.get(&id)?;
        let preparing = Under::preparing(records, id);
        Some(Self {
            revision: task.revision,
            status: task.record.status,
            attempt: preparing.as_ref().map_or(0, |(_, preparing)| preparing.attempt),
            is_turned: preparing.is_some_and(|(under, preparing)| preparing.of != under.rollout.to),
        })
    }
}

/// Whether somebody has done what the word asks for since it was decided first.
fn is_done(word: Word, first: Standing, now: Standing) -> bool {
    match word {
        // What was resumed since had been paused.
        Word::Pause => now.status == TaskStatus::Paused || now.attempt > first.attempt,
        // Nothing else than being resumed, or taken back, happens to what is paused: whatever it is now, also paused
        // because of something else, it came to after that.
        Word::Resume => {
            let was_taken_back = matches!(now.status, TaskStatus::RolledBack | TaskStatus::Cancelled);
            now.revision != first.revision && !was_taken_back
        }
        // What goes back already would end where it is by the second word.
        Word::RollBack => now.status == TaskStatus::RolledBack || (now.is_turned && !first.is_turned),
    }
}
