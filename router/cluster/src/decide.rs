//! What a request means for the records: pure decisions, from what was read to what is to be written.
//!
//! A decision names what it was made by. If that has changed when it is to be carried out, nothing is written, and it
//! is made again by what stands there now: so two routers, or a router and a node, never undo each other.

mod alias;
mod founding;
mod index;
mod shard;
mod term;

pub use alias::{remove_alias, set_alias};
pub use founding::{OtherCluster, found};
pub use index::{Creation, Removal, create_index, remove_index};
pub use shard::{Reported, report_made, report_removed};
pub use term::{FolderTerm, OlderFolder, claim_term};

use crate::record::Key;
use crate::records::Records;
use annuli_api::{ErrorCode, Failure};

/// A record that cannot be read is no free name.
fn check_readable(records: &Records, key: &Key) -> Result<(), Failure> {
    match records.unreadable.get(key) {
        Some(reason) => Err(Failure::new(ErrorCode::IndexUnavailable, reason)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
