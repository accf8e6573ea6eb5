//! Indexes that take no writes here since they are about to move: not for ever, also where nobody coordinates.

use crate::reconcile::Seal;
use annuli_core::IndexUuid;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a primary lets its writes wait for the end of a move. A coordinator gives up earlier, also one that has taken over
/// from another meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is about to take over from a sealed index, and since when this process knows.
#[derive(Default)]
pub(super) struct Sealing(BTreeMap<IndexUuid, Instant>);

impl Sealing {
    /// Takes in what is sealed now.
    pub(super) fn keep_to(&mut self, seals: &[Seal], now: Instant) {
        let is_sealed = |becomes: &IndexUuid| seals.iter().any(|seal| seal.becomes == *becomes);
        self.0.retain(|becomes, _| is_sealed(becomes));
        for seal in seals {
            self.0.entry(seal.becomes).or_insert(now);
        }
    }

    /// What nobody has come to the end of in time.
    pub(super) fn overdue(&self, now: Instant) -> Vec<IndexUuid> {
        let overdue = self.0.iter().filter(|(_, since)| now >= **since + PATIENCE);
        overdue.map(|(becomes, _)| *becomes).collect()
    }

    /// When the next of them will be so.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        self.0.values().map(|since| *since + PATIENCE).filter(|moment| *moment > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::uuid;

    fn seal(number: u128) -> Seal {
        Seal { index: uuid(number), becomes: uuid(100 + number), is_said: true }
    }

    /// With the last coordinator writes had gone for good.
    #[test]
    fn a_seal_is_overdue_once_it_was_seen_for_half_a_minute() {
        let (start, mut sealing) = (Instant::now(), Sealing::default());
        let at = |seconds| start + Duration::from_secs(seconds);
        sealing.keep_to(&[seal(1)], start);
        sealing.keep_to(&[seal(1), seal(2)], at(10));
        assert_eq!((sealing.overdue(at(29)), sealing.next(at(29))), (vec![], Some(at(30))));
        assert_eq!((sealing.overdue(at(30)), sealing.next(at(30))), (vec![uuid(101)], Some(at(40))));
        // It has moved, or was unsealed; what is sealed again has all of its time.
        sealing.keep_to(&[], at(31));
        assert_eq!((sealing.overdue(at(60)), sealing.next(at(60))), (vec![], None));
        sealing.keep_to(&[seal(1)], at(60));
        assert_eq!((sealing.overdue(at(89)), sealing.overdue(at(90))), (vec![], vec![uuid(101)]));
    }
}
