//! Whether a folder is the one that served its shard last.

use super::check_readable;
use crate::change::Change;
use crate::record::{Key, Place, TermRecord};
use crate::records::Records;
use annuli_api::{ErrorCode, Failure};
use annuli_coordination::Epoch;

/// What a folder says of when it served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FolderTerm {
    /// The last epoch in which it did.
    pub served: Option<Epoch>,
    /// One in which it was about to: it may have been killed before it knew.
    pub begun: Option<Epoch>,
}

impl FolderTerm {
    /// What a folder says that is about to serve in `epoch`, where `last` stands in the catalogue. What it had begun it has
    /// done, if that is what stands there: else it would forget that it was the one, should it be killed once more.
    #[must_use]
    pub fn beginning(self, last: Option<Epoch>, epoch: Epoch) -> Self {
        let has_served = last.is_some() && self.begun == last;
        Self { served: if has_served { last } else { self.served }, begun: Some(epoch) }
    }
}

/// What a primary does that finds another folder than its own to have served last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OlderFolder {
    /// It serves nothing.
    Refuse,
    /// It serves what it has, and gives up what the other had: somebody has decided so.
    TakeOver,
}

/// Whether the folder is the one that served the shard last. Another may be a copy of it, and then has its histories, without
/// what was written since.
pub fn served_last(records: &Records, place: Place, folder: FolderTerm) -> bool {
    let last = records.terms.get(&place).map(|last| last.record.epoch);
    last.is_none() || folder.served == last || folder.begun == last
}

/// Lets the primary that was elected in `epoch` serve the shard of its place from its folder.
pub fn claim_term(
    records: &Records,
    place: Place,
    folder: FolderTerm,
    epoch: Epoch,
    older: OlderFolder,
) -> Result<Change, Failure> {
    let (key, shard) = (Key::Term(place), place.shard);
    check_readable(records, &key)?;
    let put = |change: Change| change.put(key.clone(), TermRecord { epoch }.encode());
    let Some(last) = records.terms.get(&place) else { return Ok(put(Change::new().if_absent(key.clone()))) };
    if !served_last(records, place, folder) && older == OlderFolder::Refuse {
        let message = format!(
            "shard {shard} was served last, in epoch {}, from another folder than this process's, which lacks what was \
             written since: start a process over that folder, or this one with --take-over to give the rest up",
            last.record.epoch
        );
        return Err(Failure::new(ErrorCode::IndexUnavailable, message).with("shard", shard.0));
    }
    Ok(put(Change::new().if_at(key.clone(), last.revision)))
}

/// Of a layout that is over no folder may serve any longer, whichever did last; its number is never another's.
pub fn forget_term(records: &Records, place: Place) -> Option<Change> {
    let last =
        records.terms.get(&place).filter(|_| records.cluster.is_some() && records.layout(place.layout).is_none())?;
    let key = Key::Term(place);
    Some(Change::new().if_at(key.clone(), last.revision).delete(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_core::ShardId;

    const PLACE: Place = Place::first(ShardId(0));

    /// It was killed when the catalogue had its word and its own folder did not, twice in a row. Then the folder knew of the
    /// second time alone, which the catalogue did not, and the shard had no primary any more.
    #[test]
    fn a_folder_that_is_interrupted_twice_still_serves() {
        let mut records = Records::default();
        records.put("term/0", 7, &TermRecord { epoch: Epoch(2) }.encode());
        let once = FolderTerm { served: Some(Epoch(1)), begun: Some(Epoch(2)) };
        let twice = once.beginning(Some(Epoch(2)), Epoch(3));
        assert_eq!(twice, FolderTerm { served: Some(Epoch(2)), begun: Some(Epoch(3)) });
        assert!(claim_term(&records, PLACE, twice, Epoch(4), OlderFolder::Refuse).is_ok());
    }

    #[test]
    fn a_folder_that_never_served_what_stands_there_does_not_say_so() {
        let other = FolderTerm { served: Some(Epoch(1)), begun: None };
        let beginning = other.beginning(Some(Epoch(2)), Epoch(3));
        assert_eq!(beginning, FolderTerm { served: Some(Epoch(1)), begun: Some(Epoch(3)) });
    }
}
