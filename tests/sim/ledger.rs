//! What clients have written, and what they were told came of it.

use annuli_core::IndexUuid;
use std::collections::BTreeMap;

/// What became of a write, as far as its client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nobody has said anything: it may come to pass until nothing is under way any longer.
    Unknown,
    /// It was acknowledged, and is in the shard at that seq at the latest.
    Acknowledged(u64),
    /// It was refused, and has done nothing.
    Refused,
}

/// A write of a document: the number that is in it then, or none if it is deleted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    pub(crate) number: Option<u32>,
    pub(crate) fate: Fate,
}

/// Every write, by index and document. A document has one writer, which waits for each answer.
#[derive(Default)]
pub(crate) struct Ledger {
    documents: BTreeMap<(IndexUuid, String), Vec<Attempt>>,
}

impl Ledger {
    /// A write begins; returns its place.
    pub(crate) fn begin(&mut self, index: IndexUuid, id: &str, number: Option<u32>) -> usize {
        let attempts = self.documents.entry((index, id.to_owned())).or_default();
        attempts.push(Attempt { number, fate: Fate::Unknown });
        attempts.len() - 1
    }

    /// It has ended.
    pub(crate) fn end(&mut self, index: IndexUuid, id: &str, place: usize, fate: Fate) {
        let attempts = self.documents.get_mut(&(index, id.to_owned()));
        attempts.expect("it was begun")[place].fate = fate;
    }

    /// The ids of an index.
    pub(crate) fn ids(&self, index: IndexUuid) -> Vec<String> {
        self.documents.keys().filter(|(of, _)| *of == index).map(|(_, id)| id.clone()).collect()
    }

    /// The place behind the last acknowledged write: who begins to read now sees that one, or a later one.
    pub(crate) fn floor(&self, index: IndexUuid, id: &str) -> usize {
        let attempts = self.documents.get(&(index, id.to_owned())).map_or(&[][..], Vec::as_slice);
        attempts.iter().rposition(|attempt| matches!(attempt.fate, Fate::Acknowledged(_))).map_or(0, |place| place + 1)
    }

    /// Whether a document may be as it was found, by who began to read when it had that floor.
    ///
    /// # Errors
    /// Why it may not.
    pub(crate) fn check(
        &self,
        index: IndexUuid,
        id: &str,
        floor: usize,
        found: Option<(u32, u64)>,
    ) -> Result<(), String> {
        let attempts = self.documents.get(&(index, id.to_owned())).map_or(&[][..], Vec::as_slice);
        let last = floor.checked_sub(1).map(|place| attempts[place]);
        let number = found.map(|(number, _)| number);
        // At the floor it is what stands there, and there is nothing before the first write.
        let stands = last.map_or(number.is_none(), |last| last.number == number);
        let is_unknown = |(place, attempt): (usize, &Attempt)| {
            let may_be_later = place >= floor || attempt.fate == Fate::Unknown;
            attempt.number == number && attempt.fate != Fate::Refused && may_be_later
        };
        if !stands && !attempts.iter().enumerate().any(is_unknown) {
            let attempts = attempts.iter().skip(floor.saturating_sub(3)).collect::<Vec<_>>();
            return Err(format!("`{id}` is {found:?}, which it cannot be; from {floor} on: {attempts:?}"));
        }
        // One that came later has a later seq.
        if let (false, Some(Fate::Acknowledged(seq)), Some((_, at))) = (stands, last.map(|last| last.fate), found)
            && at <= seq
        {
            return Err(format!("`{id}` is {found:?}, from before seq {seq}, which was acknowledged"));
        }
        Ok(())
    }

    /// Whether a number that was found stands for a write that was not refused.
    pub(crate) fn may_exist(&self, index: IndexUuid, id: &str, number: u32) -> bool {
        let attempts = self.documents.get(&(index, id.to_owned())).map_or(&[][..], Vec::as_slice);
        attempts.iter().any(|attempt| attempt.number == Some(number) && attempt.fate != Fate::Refused)
    }
}
