//! Something that may happen at any moment.

use crate::decide::Word;
use proptest::prelude::*;

/// What happens.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Coordinator(Moves),
    Asked(Asked),
    /// A replica does something.
    Replica(usize, Does),
    /// A primary comes or goes.
    Primary(u32),
}

/// What a coordinator does.
#[derive(Debug, Clone)]
pub(super) enum Moves {
    /// Something that is due now, or has been for long enough.
    On(usize),
    /// One that was frozen goes on with what it saw then.
    Late(usize),
    Freeze,
}

/// What somebody asks for, or reports.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    Dump,
    Rollout(bool),
    /// A rollout that is tried on live searches.
    Try,
    /// A router compares: each shard as often, and half of the hits or all are in common.
    Compare(u64, bool),
    /// At so many replicas at once, to the newest generation or to one that may have been served before.
    Drain(u32, Option<u64>),
    Say(usize, Word),
    Dumped(u32, bool),
}

/// What a replica does.
#[derive(Debug, Clone)]
pub(super) enum Does {
    /// It sees what it is to do, gets on with it, and says so.
    Prepare(bool),
    /// It sees some of what has become of the index's record, or all, and lets go of what it is told to.
    Look(bool),
    /// It gets on with what it was told.
    Work(bool),
    /// It says how it is.
    Tell,
    /// It goes, or comes; it may have been silent only, and have seen nothing since.
    Flap(bool),
}

fn moves() -> impl Strategy<Value = Moves> {
    prop_oneof![
        8 => (0..4_usize).prop_map(Moves::On),
        2 => (0..4_usize).prop_map(Moves::Late),
        1 => Just(Moves::Freeze),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    let word = prop::sample::select(vec![Word::Pause, Word::Resume, Word::RollBack]);
    prop_oneof![
        2 => Just(Asked::Dump),
        2 => any::<bool>().prop_map(Asked::Rollout),
        2 => Just(Asked::Try),
        3 => (1..20_u64, prop::bool::weighted(0.8)).prop_map(|(searches, well)| Asked::Compare(searches, well)),
        2 => (1..3_u32, prop::option::of(1..4_u64)).prop_map(|(at_once, to)| Asked::Drain(at_once, to)),
        2 => (0..4_usize, word).prop_map(|(task, word)| Asked::Say(task, word)),
        4 => (0..2_u32, prop::bool::weighted(0.9)).prop_map(|(shard, well)| Asked::Dumped(shard, well)),
    ]
}

fn does() -> impl Strategy<Value = Does> {
    prop_oneof![
        6 => prop::bool::weighted(0.9).prop_map(Does::Prepare),
        3 => any::<bool>().prop_map(Does::Look),
        2 => prop::bool::weighted(0.9).prop_map(Does::Work),
        2 => Just(Does::Tell),
        1 => any::<bool>().prop_map(Does::Flap),
    ]
}

/// Anything.
pub(super) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        11 => moves().prop_map(Event::Coordinator),
        17 => asked().prop_map(Event::Asked),
        14 => (0..4_usize, does()).prop_map(|(which, does)| Event::Replica(which, does)),
        1 => (0..2_u32).prop_map(Event::Primary),
    ]
}
