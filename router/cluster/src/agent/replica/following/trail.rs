//! How far each generation trails its primary, for whoever asks while it follows, and whether it is ready to be asked.

use annuli_api::{Effect, ErrorCode, Failure};
use annuli_core::{Generation, IndexUuid, Seq};
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a generation that is new here waits until it has what the primary has, before it is told as ready all the same.
/// What is far behind is read meanwhile.
const CATCH_UP_MAX: Duration = Duration::from_secs(30);

/// The same where the primary could not be read: without one it would wait in vain.
const CATCH_UP_ALONE_MAX: Duration = Duration::from_secs(3);

/// While other indexes have their turn to be told much, a generation waits for its own: for as long in all.
const CATCH_UP_IN_TURN_MAX: Duration = Duration::from_mins(5);

type Key = (IndexUuid, Generation);

/// How far each generation trails.
#[derive(Debug, Default)]
pub struct Trails {
    known: Mutex<BTreeMap<Key, Known>>,
    /// Tells that a round has come to something, where one is not ready.
    settled: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    since: Instant,
    primary: Seq,
    /// When the last round began that made it even.
    even: Option<Instant>,
    /// The last round of the newest came to nothing.
    failed: bool,
    turn: Turn,
    /// It was told as ready, and stays so.
    ready: bool,
}

/// Whose turn it is to be told much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It has needed none so far.
    NotAsked,
    /// That of others: it waits.
    OfOthers,
    /// Its own has come, for the first time then. Later ones change nothing: it would have patience for ever.
    Own(Instant),
}

/// How far a generation trails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trail {
    /// Where the primary stood when it was last heard of.
    pub primary: Seq,
    /// How long ago it had everything that the primary had, or began to follow.
    pub since_even: Duration,
}

impl Known {
    fn begun() -> Self {
        let (since, turn) = (Instant::now(), Turn::NotAsked);
        Self { since, primary: Seq::ZERO, even: None, failed: false, turn, ready: false }
    }

    /// When it is told as ready though it has not caught up.
    fn patience_ends(&self) -> Instant {
        if self.failed {
            return self.since + CATCH_UP_ALONE_MAX;
        }
        let last = self.since + CATCH_UP_IN_TURN_MAX;
        match self.turn {
            Turn::NotAsked => self.since + CATCH_UP_MAX,
            Turn::OfOthers => last,
            Turn::Own(since) => last.min(since + CATCH_UP_MAX),
        }
    }
}

impl Trails {
    /// How far a generation trails, if it serves.
    pub fn of(&self, index: IndexUuid, generation: Generation) -> Option<Trail> {
        let Known { since, primary, even, .. } = *self.lock().get(&(index, generation))?;
        Some(Trail { primary, since_even: even.unwrap_or(since).elapsed() })
    }

    /// Those serve, and no others. One is ready once it has had what the primary had, or does not follow, or has waited for
    /// long enough; returns when the next one has.
    pub(super) fn look(&self, serve: &BTreeSet<Key>, follows: impl Fn(Key) -> bool) -> Option<Instant> {
        let (now, mut trails) = (Instant::now(), self.lock());
        trails.retain(|key, _| serve.contains(key));
        for &key in serve {
            let known = trails.entry(key).or_insert_with(Known::begun);
            known.ready = known.ready || known.even.is_some() || now >= known.patience_ends() || !follows(key);
        }
        trails.values().filter(|known| !known.ready).map(Known::patience_ends).min()
    }

    /// Whether a generation answers: whoever asks may know it from before its process was started again, when it had more.
    ///
    /// # Errors
    /// As long as it has yet to catch up. Another replica may be asked instead.
    pub fn check(&self, index: IndexUuid, generation: Generation) -> Result<(), Failure> {
        if self.is_ready((index, generation)) {
            return Ok(());
        }
        let message = format!("generation {generation} of the index {index} has yet to catch up with the primary here");
        Err(Failure::new(ErrorCode::IndexUnavailable, message).with_effect(Effect::None))
    }

    pub(super) fn is_ready(&self, key: Key) -> bool {
        self.lock().get(&key).is_some_and(|known| known.ready)
    }

    /// The primary has said where it stands.
    pub(super) fn primary_at(&self, index: IndexUuid, seq: Seq) {
        self.change(index, |_, known| known.primary = seq);
    }

    /// It is told much as soon as other indexes have had their turn.
    pub(super) fn waits_for_its_turn(&self, index: IndexUuid) {
        self.change(index, |_, known| {
            if known.turn == Turn::NotAsked {
                // The primary is read.
                (known.turn, known.failed) = (Turn::OfOthers, false);
            }
        });
    }

    /// Its turn has come.
    pub(super) fn has_its_turn(&self, index: IndexUuid) {
        self.change(index, |_, known| {
            if known.turn == Turn::OfOthers {
                known.turn = Turn::Own(Instant::now());
            }
        });
        self.settles(index);
    }

    /// A round that began then has told those everything that the primary has.
    pub(super) fn even(&self, index: IndexUuid, generations: impl Iterator<Item = Generation>, began: Instant) {
        let generations: BTreeSet<_> = generations.collect();
        self.change(index, |number, known| {
            if generations.contains(&number) {
                // Of two that go on beside each other the one that began first may end last.
                known.even = known.even.max(Some(began));
            }
        });
    }

    /// A round of the newest has ended.
    pub(super) fn round_over(&self, index: IndexUuid, failed: bool) {
        self.change(index, |_, known| known.failed = failed);
        self.settles(index);
    }

    /// Something has come to an end by which one may be ready.
    pub(super) fn settles(&self, index: IndexUuid) {
        let is_awaited = self.lock().iter().any(|((of, _), known)| *of == index && !known.ready);
        if is_awaited {
            self.settled.notify_one();
        }
    }

    /// Waits until a round has come to something; for ever, if all are ready.
    pub(super) async fn one_settled(&self) {
        if self.lock().values().all(|known| known.ready) {
            return pending().await;
        }
        self.settled.notified().await;
    }

    fn change(&self, index: IndexUuid, mut change: impl FnMut(Generation, &mut Known)) {
        let mut trails = self.lock();
        let of_index = trails.iter_mut().filter(|((of, _), _)| *of == index);
        of_index.for_each(|(&(_, number), known)| change(number, known));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Known>> {
        // Each value is put in whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::uuid;
    use tokio::time::advance;

    fn key(number: u64) -> Key {
        (uuid(1), Generation(number))
    }

    fn ready(trails: &Trails) -> [bool; 2] {
        [1, 2].map(|number| trails.is_ready(key(number)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_generation_trails_from_when_it_last_had_everything() {
        let trails = Trails::default();
        trails.look(&[key(1)].into(), |_| true);
        advance(Duration::from_secs(2)).await;
        trails.primary_at(uuid(1), Seq(7));
        let of =
            |number| trails.of(uuid(1), Generation(number)).map(|trail| (trail.primary.0, trail.since_even.as_secs()));
        assert_eq!((of(1), of(2)), (Some((7, 2)), None));
        trails.even(uuid(1), [Generation(1)].into_iter(), Instant::now());
        advance(Duration::from_secs(3)).await;
        trails.look(&[key(1), key(2)].into(), |_| true);
        assert_eq!((of(1), of(2)), (Some((7, 3)), Some((0, 0))));
    }

    /// The newer was told as ready by what came of the older.
    #[tokio::test(start_paused = true)]
    async fn each_generation_is_ready_by_what_came_of_itself() {
        let (trails, both) = (Trails::default(), [key(1), key(2)].into());
        let end = Instant::now() + CATCH_UP_MAX;
        assert_eq!((trails.look(&both, |_| true), ready(&trails)), (Some(end), [false, false]));
        trails.even(uuid(1), [Generation(1)].into_iter(), Instant::now());
        assert_eq!((trails.look(&both, |_| true), ready(&trails)), (Some(end), [true, false]));
        // Nobody will tell it more.
        assert_eq!((trails.look(&both, |of| of == key(1)), ready(&trails)), (None, [true, true]));
        // It stays so, however far it is behind later.
        trails.round_over(uuid(1), true);
        advance(2 * CATCH_UP_MAX).await;
        assert_eq!((trails.look(&both, |_| true), ready(&trails)), (None, [true, true]));
        assert_eq!((trails.look(&[key(2)].into(), |_| true), ready(&trails)), (None, [false, true]));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_alone_is_waited_for_less_than_who_is_far_behind() {
        let (trails, both) = (Trails::default(), [key(1)].into());
        trails.look(&both, |_| true);
        advance(CATCH_UP_ALONE_MAX).await;
        trails.look(&both, |_| true);
        assert!(!trails.is_ready(key(1)), "it is read");
        trails.round_over(uuid(1), true);
        trails.one_settled().await;
        trails.look(&both, |_| true);
        assert!(trails.is_ready(key(1)));
    }

    /// Of many indexes that were far behind all but the first were told as ready without having been told anything.
    #[tokio::test(start_paused = true)]
    async fn while_others_have_their_turn_patience_does_not_run_out() {
        let (trails, both) = (Trails::default(), [key(1)].into());
        let begun = Instant::now();
        trails.look(&both, |_| true);
        trails.round_over(uuid(1), true);
        trails.waits_for_its_turn(uuid(1));
        assert_eq!(trails.look(&both, |_| true), Some(begun + CATCH_UP_IN_TURN_MAX));
        advance(2 * CATCH_UP_MAX).await;
        trails.has_its_turn(uuid(1));
        trails.one_settled().await;
        let end = Some(begun + 3 * CATCH_UP_MAX);
        assert_eq!((trails.look(&both, |_| true), trails.is_ready(key(1))), (end, false));
        // Another try is none of patience.
        advance(CATCH_UP_MAX / 2).await;
        trails.waits_for_its_turn(uuid(1));
        trails.has_its_turn(uuid(1));
        assert_eq!(trails.look(&both, |_| true), end);
        advance(CATCH_UP_MAX / 2).await;
        trails.look(&both, |_| true);
        assert!(trails.is_ready(key(1)));
    }

    /// A router may know a generation by what its process had told before it was started again.
    #[tokio::test(start_paused = true)]
    async fn who_has_yet_to_catch_up_answers_nobody() {
        let trails = Trails::default();
        let says = || trails.check(uuid(1), Generation(1)).map_err(|failure| (failure.code, failure.effect()));
        let refuses = Err((ErrorCode::IndexUnavailable, Some(Effect::None)));
        assert_eq!(says(), refuses);
        trails.look(&[key(1)].into(), |_| true);
        assert_eq!(says(), refuses);
        trails.even(uuid(1), [Generation(1)].into_iter(), Instant::now());
        trails.look(&[key(1)].into(), |_| true);
        assert_eq!(says(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let (trails, both) = (Trails::default(), [key(1)].into());
        let end = trails.look(&both, |_| true).unwrap();
        tokio::time::sleep_until(end).await;
        assert_eq!((trails.look(&both, |_| true), trails.is_ready(key(1))), (None, true));
    }
}
