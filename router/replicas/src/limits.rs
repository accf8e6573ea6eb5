//! When a replica is too slow or fails too often, and what is spent on going round it; each number with its reason.

use std::time::Duration;

/// Failures in a row after which a replica is not asked. One may be an accident of the network, and each that is waited
/// for costs some request another call.
pub(crate) const FAILURES_MAX: u8 = 3;

/// How long a replica is not asked when it is ejected for the first time: a process that was restarted, or a pause that
/// was long, is over by then.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// Longest time for which a replica is not asked. Asking costs one request another call; and somebody who has repaired a
/// replica is watching.
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(30);

/// After so long without trouble the next ejection is a first one again. Twice the longest pause, so that a replica that
/// always fails a while after it returned does not begin anew each time.
pub(crate) const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

/// So many times slower than most of the others a replica is ejected. Below it, two choices and hedges do well enough,
/// and a replica that is ejected costs the others its share of the load.
pub(crate) const OUT_OF_LINE: f32 = 5.0;

/// Shorter answers are never slow: a tenth of a millisecond where others take a hundredth is no reason to do without a
/// replica.
pub(crate) const NOTICEABLE: Duration = Duration::from_millis(10);

/// Largest part that one answer has in a replica's pace, in typical answers. With [`PACE_WEIGHT`] it takes ten answers in
/// a row to bring a sound replica out of line, whatever they are; of those that wait at the same time for as long, one
/// counts.
pub(crate) const PACE_MAX: f32 = 16.0;

/// Weight of the newest answer in a replica's pace: what it did in its last thirty answers counts.
pub(crate) const PACE_WEIGHT: f32 = 1.0 / 32.0;

/// Paces that differ by no more are alike, and chance decides: averages of thirty answers differ by as much among equals,
/// and to follow each difference would send everything to one replica for a while, then to another.
pub(crate) const PACES_ALIKE: f32 = 1.5;

/// Time after which half of what is known of a replica's pace is forgotten, if it is not asked: who is slow is asked
/// rarely, and would never be seen to have become quick.
pub(crate) const PACE_HALF_LIFE: Duration = Duration::from_secs(5);

/// Answers between two looks at how long they take; before the first look nothing is hedged and nobody is too slow. Of
/// so many, three are slower than the 95th percentile.
pub(crate) const ANSWERS_PER_LOOK: u32 = 64;

/// Answers that are remembered at most; then each half of them is forgotten. Large enough for a 95th percentile, small
/// enough to follow a load that changes.
pub(crate) const ANSWERS_MAX: u32 = 512;

/// A call that was given up is slow beyond this, while it is not known how long answers take.
pub(crate) const SLOW_AT_FIRST: Duration = Duration::from_secs(1);

/// A call of the usual kind that had so long and no answer when its time was over has failed: a replica that hangs is not
/// merely slow. Shorter times say more of who set them.
pub(crate) const HUNG_AFTER: Duration = Duration::from_secs(1);

/// So many times as long as a slow answer takes is no slowness any more: who has waited for so long, and for
/// [`HUNG_AFTER`], waits for a replica that hangs.
pub(crate) const SLOW_TIMES_HUNG: u32 = 2;

/// Part of a call's time after which the primary is asked as well, whatever was asked for: what is left must do for an
/// answer. Of listings, counts and batches nothing else tells what is late.
pub(crate) const TIMES_UNTIL_LATE: u32 = 2;

/// Shortest wait before a hedge. What is quicker than that is rarely late for a reason that another replica would not
/// share, and a timer is not much finer.
pub(crate) const HEDGE_AFTER_MIN: Duration = Duration::from_millis(1);

/// Calls that earn one hedge: at most every twentieth call is doubled. When all replicas are slow, hedges would make them
/// slower.
pub(crate) const CALLS_PER_HEDGE: u32 = 20;

/// Hedges that may be saved up: enough for a replica that stops while a handful of calls wait for it, and few enough to
/// be no load.
pub(crate) const HEDGES_SAVED_MAX: u32 = 10;
