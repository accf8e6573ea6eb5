//! What a request means for the records: pure decisions, from what was read to what is to be written.
//!
//! A decision names what it was made by. If that has changed when it is to be carried out, nothing is written, and it
//! is made again by what stands there now: so two routers, or a router and a node, never undo each other.

mod alias;
mod dump;
mod founding;
mod generations;
mod index;
mod reshard;
mod restore;
mod rollout;
mod shard;
mod take_over;
mod task;
mod term;

pub use alias::{AliasRemoval, remove_alias, remove_dangling_alias, set_alias};
pub use dump::{
    DumpRemoval, begin_dump, commit_dump, end_dump, fail_dump, forget_dump, report_dumped, request_deletion,
    retire_dump,
};
pub(crate) use dump::{failed_shard, is_awaited};
pub use founding::{OtherCluster, check_layout, found};
pub use index::{Creation, Removal, create_index, remove_index};
pub(crate) use reshard::reshard_of;
pub use reshard::{
    ReshardCancellation, ReshardRequest, abandon_move, begin_reshard, cancel_reshard, end_reshard, fail_reshard,
    forget_former, forget_tombstone, move_over, report_done, report_far, report_near, report_sealed, report_unmoved,
    request_reshard, seal,
};
pub use restore::{report_unmade, request_restore};
pub use rollout::{
    Spoken, Word, allow, await_approval, begin_canary, end_canary, fail_rollout, flip, forget_compared, pause_rollout,
    report_compared, retire, say, start_rollout, switch_shard,
};
pub(crate) use rollout::{comparing, has_prepared, is_on_trial, serves, spared, stand_in, tried_shards, worst_off};
pub use shard::{Reported, report_made, report_removed};
pub use take_over::{Copied, Loss, Successor, dumped_beyond, report_taken_over, successor, to_begin_anew};
pub(crate) use task::full_queue;
pub use task::{RolloutOptions, cancel_because, end_task, request_dump, request_rollout};
pub use term::{FolderTerm, OlderFolder, claim_term, forget_term, served_last};

use crate::record::Key;
use crate::records::Records;
use annuli_api::{ErrorCode, Failure};
use annuli_dump::DumpId;

/// A record that cannot be read is no free name.
fn check_readable(records: &Records, key: &Key) -> Result<(), Failure> {
    match records.unreadable.get(key) {
        Some(reason) => Err(Failure::new(ErrorCode::IndexUnavailable, reason)),
        None => Ok(()),
    }
}

/// There is no such dump in the store, or not any longer.
pub(crate) fn dump_not_found(dump: DumpId) -> Failure {
    Failure::new(ErrorCode::DumpNotFound, format_args!("there is no dump {dump} in this cluster's store"))
}

#[cfg(test)]
mod tests;
