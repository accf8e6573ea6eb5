//! Whether a folder is the one that served its shard last.

use super::check_readable;
use crate::change::Change;
use crate::record::{Key, TermRecord};
use crate::records::Records;
use annuli_api::{ErrorCode, Failure};
use annuli_coordination::Epoch;
use annuli_core::ShardId;

/// What a folder says of when it served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FolderTerm {
    /// The last epoch in which it did.
    pub served: Option<Epoch>,
    /// One in which it was about to: it may have been killed before it knew.
    pub begun: Option<Epoch>,
}

/// What a primary does that finds another folder than its own to have served last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OlderFolder {
    /// It serves nothing.
    Refuse,
    /// It serves what it has, and gives up what the other had: somebody has decided so.
    TakeOver,
}

/// Lets the primary that was elected in `epoch` serve `shard` from its folder.
pub fn claim_term(
    records: &Records,
    shard: ShardId,
    folder: FolderTerm,
    epoch: Epoch,
    older: OlderFolder,
) -> Result<Change, Failure> {
    let key = Key::Term(shard);
    check_readable(records, &key)?;
    let put = |change: Change| change.put(key.clone(), TermRecord { epoch }.encode());
    let Some(last) = records.terms.get(&shard) else { return Ok(put(Change::new().if_absent(key.clone()))) };
    let served = Some(last.record.epoch);
    if folder.served != served && folder.begun != served && older == OlderFolder::Refuse {
        let message = format!(
            "shard {shard} was served last, in epoch {}, from another folder than this process's, which lacks what was \
             written since: start a process over that folder, or this one with --take-over to give the rest up",
            last.record.epoch
        );
        return Err(Failure::new(ErrorCode::IndexUnavailable, message).with("shard", shard.0));
    }
    Ok(put(Change::new().if_at(key.clone(), last.revision)))
}
