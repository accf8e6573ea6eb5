//! The generations of an index that follow their primary: together, so that whichever of them is asked has what the others
//! have.

use super::Replica;
use super::held::Entry;
use crate::shard::{Ended, FollowError, FrozenShard, Told};
use annuli_api::Position;
use annuli_api::shard_api::Changed;
use annuli_core::{Generation, IndexUuid};
use std::sync::Arc;

impl Replica {
    /// Where the generations of an index stand that follow, the newest first: what came behind that at the primary is to be
    /// told. It waits for nothing.
    pub fn stands(&self, index: IndexUuid) -> Vec<(Generation, Position)> {
        let stands = |(number, shard): (Generation, Arc<FrozenShard>)| Some((number, shard.follows_from()?));
        self.serving(index).into_iter().filter_map(stands).collect()
    }

    /// Tells the generations of an index what has changed at the primary: every document that was written behind `from` and
    /// up to `to`, as it was at `to`. Those that stand before `from` are left out. Blocks while they take it over; whoever
    /// searches does not wait.
    ///
    /// # Errors
    /// When one cannot take it over: it stands where it stood. One that has too much to keep follows no longer, and is no
    /// error.
    pub fn follow(
        &self,
        index: IndexUuid,
        told: Vec<Changed>,
        (from, to): (Position, Position),
    ) -> Result<(), FollowError> {
        let memory = self.0.followed.of(index);
        let _turn = memory.turn();
        let generations = self.serving(index);
        let Some((_, newest)) = generations.first() else { return Ok(()) };
        let views: Vec<_> = generations.iter().map(|(_, shard)| shard.view()).collect();
        let told = Told::new(told, to, &newest.view().schema, &memory, &views)?;
        // What they have no longer is not to be kept by this.
        drop(views);
        if memory.is_short() {
            generations.iter().for_each(|(_, shard)| shard.let_go_of_the_dead());
        }
        if memory.is_short() {
            let followed = &self.0.followed;
            return Err(FollowError::Short { own: memory.bytes(), all: followed.bytes(), max: followed.bytes_max() });
        }
        let mut result = Ok(());
        // The newest first: whoever goes over to it finds no less there.
        for (generation, shard) in generations {
            let Some(here) = shard.follows_from() else { continue };
            if here.history != to.history || here.seq < from.seq {
                continue;
            }
            match shard.follow(&told) {
                Err(error @ FollowError::TooMany) => {
                    let (shard_id, seq) = (self.0.place.shard.0, here.seq.0);
                    tracing::warn!(%index, shard = shard_id, %generation, seq, %error, "a generation follows its primary no longer");
                    shard.follow_no_longer(Ended::TooFar);
                }
                failed => result = result.and(failed),
            }
        }
        result
    }

    /// What is behind where that generation stands cannot be told: it stays there.
    pub fn follow_no_longer(&self, index: IndexUuid, generation: Generation, ended: Ended) {
        let found = self.serving(index).into_iter().find(|(number, _)| *number == generation);
        if let Some((_, shard)) = found {
            shard.follow_no_longer(ended);
        }
    }

    /// About how much memory is taken by what has changed since the dumps, in bytes.
    pub fn followed_bytes(&self) -> usize {
        self.0.followed.bytes()
    }

    /// What changed of an index may take as much at most, about, in bytes.
    pub fn followed_index_bytes_max(&self) -> usize {
        self.0.followed.index_bytes_max()
    }

    /// Those that serve, the newest first.
    pub(super) fn serving(&self, index: IndexUuid) -> Vec<(Generation, Arc<FrozenShard>)> {
        let held = self.0.held.load();
        let of_index = held.iter().rev().filter(|((of, _), _)| *of == index);
        let serving =
            |(&(_, number), Entry { state, .. }): (&_, &Entry)| Some((number, Arc::clone(state.as_ref().ok()?)));
        of_index.filter_map(serving).collect()
    }
}
