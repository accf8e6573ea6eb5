//! A generation that trails its primary: what has changed there since the dump is taken over into the view, and nothing of
//! it into files. What is published is always the state of one seq of the primary, never one in between.
//!
//! What was written where a generation stands, or before, it has: it is passed over, whoever tells it.

mod told;

use super::FrozenShard;
use crate::overlay::Level;
use crate::settings::FOLLOWED_DOCUMENTS_MAX;
use crate::store::{Store, StoreError};
use crate::table::Table;
use crate::tail::Tail;
use crate::view::View;
use annuli_api::shard_api::Position;
use annuli_core::schema::UnfitVector;
use annuli_core::{DocId, HistoryId, ShardId};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
pub use told::Told;

/// Rows that are dead before it is worth looking whether most are.
const DEAD_ROWS_MIN: usize = 1_024;

/// Why a generation does not take over what was told. It stands where it stood.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// It is closed.
    #[error("the generation of shard {0} is closed")]
    Closed(ShardId),
    /// Its store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was told is of another line of writes.
    #[error("it is of history {here}, and was told of history {told}")]
    OtherHistory {
        /// Its own.
        here: HistoryId,
        /// The primary's.
        told: HistoryId,
    },
    /// A document that the index cannot have.
    #[error("the vector of document `{id}` {reason}")]
    Unfit {
        /// The document.
        id: DocId,
        /// What is wrong with it.
        reason: UnfitVector,
    },
    /// A write that another document has as well, or that was not made yet.
    #[error("document `{id}` is told with a write that is not its own")]
    OtherWrite {
        /// The document.
        id: DocId,
    },
    /// More has changed since the dump than is kept in memory.
    #[error("more than {FOLLOWED_DOCUMENTS_MAX} documents have changed since its dump, and no more are kept in memory")]
    TooMany,
    /// Other indexes leave too little memory, or this one takes too much.
    #[error(
        "what has changed of the index since its dumps takes {own} bytes of memory, of all indexes {all}, and {max} are there: an index takes as much as it leaves free"
    )]
    Short {
        /// Of this index.
        own: usize,
        /// Of all.
        all: usize,
        /// All that may be taken.
        max: usize,
    },
}

/// Why a generation stays where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The primary has another line of writes: what was followed may be known to nobody else.
    OtherLine,
    /// It is too far behind to be told, or has too much to keep. What it has is true.
    TooFar,
}

/// How a generation follows.
#[derive(Debug, Default)]
pub(super) struct Followed {
    ended: OnceLock<Ended>,
    /// One takes over at a time.
    turn: Mutex<()>,
}

impl FrozenShard {
    /// Where it stands, if it follows: what has changed behind that is to be told.
    pub fn follows_from(&self) -> Option<Position> {
        self.followed.ended.get().is_none().then(|| self.position())
    }

    /// It stays where it stands, if it does not already.
    pub fn follow_no_longer(&self, ended: Ended) {
        // Why it did first is why it does.
        let _ = self.followed.ended.set(ended);
    }

    /// Takes over what has changed at the primary: `told` has every document that was written behind where this stands, as it
    /// was at the position that it is of, and may have others.
    ///
    /// # Errors
    /// When it cannot, or may not for want of memory. It stands where it stood.
    pub fn follow(&self, told: &Told) -> Result<(), FollowError> {
        self.take_over(told, FOLLOWED_DOCUMENTS_MAX)
    }

    /// Takes over what an earlier generation of the same history has taken over, if that stands further, so that whoever was
    /// answered by the earlier is answered no less by this. However much it is: the earlier has it in memory as well. What the
    /// primary does not know any longer is not taken over.
    ///
    /// # Errors
    /// When it cannot. It stands where it stood.
    pub fn catch_up_with(&self, earlier: &Self) -> Result<(), FollowError> {
        let there = earlier.view();
        let is_untrue = earlier.followed.ended.get() == Some(&Ended::OtherLine);
        let here = self.position();
        if is_untrue || there.position.history != here.history || earlier.dumped > self.dumped {
            return Ok(());
        }
        if there.position.seq <= here.seq {
            return Ok(());
        }
        self.take_over(&Told::behind_in(&there, here.seq), usize::MAX)
    }

    /// Lets go of what documents were before they became what they are.
    pub fn let_go_of_the_dead(&self) {
        let _turn = self.turn();
        let mut view = View::clone(&self.view());
        let_go(&mut view);
        self.reading.views.store(Arc::new(view));
    }

    fn take_over(&self, told: &Told, documents_max: usize) -> Result<(), FollowError> {
        let _turn = self.turn();
        let mut view = View::clone(&self.view());
        if told.position.history != view.position.history {
            return Err(FollowError::OtherHistory { here: view.position.history, told: told.position.history });
        }
        if told.position.seq <= view.position.seq {
            return Ok(());
        }
        self.reading.store.with(|store| take(&mut view, told, store)).ok_or(FollowError::Closed(self.reading.id))??;
        if view.overlay.len() > documents_max {
            return Err(FollowError::TooMany);
        }
        // A document that is written again and again leaves a dead row each time.
        let dead = view.tail.table.len() - view.tail.table.live();
        if dead >= DEAD_ROWS_MIN.max(view.tail.table.live()) {
            let_go(&mut view);
        }
        self.reading.views.store(Arc::new(view));
        Ok(())
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        // What a panic leaves is published in one step, or not at all.
        self.followed.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(view: &mut View, told: &Told, store: &Store) -> Result<(), StoreError> {
    let (here, mut newest) = (view.position.seq, Level::new());
    for (id, became) in told.behind(here) {
        let known = match view.overlay.get(id) {
            Some(known) => known.row().map(|row| row.point),
            None => store.document_head(id)?.map(|head| head.point),
        };
        if let Some(point) = known {
            view.kill(point);
        }
        if let Some(row) = became.row() {
            view.tail.table.push(Arc::clone(row));
        }
        // Also what is gone and was never here: a later generation, which is told what this was told, may have it in its dump.
        newest.insert(id.clone(), became.clone());
    }
    view.overlay.add(newest);
    view.position = told.position;
    Ok(())
}

fn let_go(view: &mut View) {
    let mut alive = Table::default();
    view.tail.table.live_from(0).for_each(|(_, row)| alive.push(Arc::clone(row)));
    view.tail = Tail::new(alive, &view.schema);
    view.overlay.forget_what_was();
}
