//! Questions that a process has taken and not answered yet. Whoever waits for one that is killed hears of it in the order in
//! which it was asked: a runtime drops its tasks in an order that no seed knows.

use crate::world::{Who, World, locked};
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// All of them, by the process that has them, and in the order in which it took them.
#[derive(Default)]
pub(crate) struct Held(Mutex<Questions>);

#[derive(Default)]
struct Questions {
    last: u64,
    held: BTreeMap<(Who, u64), oneshot::Sender<()>>,
}

impl Held {
    /// Tells everybody whose question that process has that there will be no answer.
    pub(crate) fn end(&self, who: Who) {
        let mut questions = locked(&self.0);
        let ended: Vec<_> = questions.held.extract_if((who, 0)..=(who, u64::MAX), |_, _| true).collect();
        drop(questions);
        for (_, asker) in ended {
            // Who has asked may have gone.
            let _ = asker.send(());
        }
    }
}

/// Somebody who waits for an answer.
pub(crate) struct Asker(oneshot::Sender<()>);

/// A question that a process has, for as long as this is there.
pub(crate) struct Question {
    world: Arc<World>,
    key: (Who, u64),
}

impl Asker {
    /// Somebody who is told when whoever holds the question is killed; until then nothing.
    pub(crate) fn new() -> (Self, impl Future<Output = ()> + Send) {
        let (asker, told) = oneshot::channel();
        let ended = async move {
            if told.await.is_err() {
                // It was answered, or is held no longer for another reason.
                pending::<()>().await;
            }
        };
        (Self(asker), ended)
    }

    /// Its question is held by that process from now on.
    pub(crate) fn asks(self, world: &Arc<World>, who: Who) -> Question {
        let mut questions = locked(&world.held.0);
        questions.last += 1;
        let key = (who, questions.last);
        questions.held.insert(key, self.0);
        drop(questions);
        Question { world: Arc::clone(world), key }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        let asker = locked(&self.world.held.0).held.remove(&self.key);
        drop(asker);
    }
}
