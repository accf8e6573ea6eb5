//! `.node.json`: which part of a cluster a folder belongs to. Without it, a node that is started with another number
//! would serve another shard's documents as its own. And when it served last: a copy of the folder would be taken for
//! the original.

use super::{OpenNodeError, Place};
use crate::workspace::disk::DiskFault;
use crate::workspace::json_file;
use serde::{Deserialize, Serialize};
use std::path::Path;

pub(crate) const FILE: &str = ".node.json";

#[derive(Serialize, Deserialize)]
struct PlaceFile {
    shard: u32,
    shards: u32,
    #[serde(default)]
    term: Term,
}

/// In which terms of the shard's primaries the folder has served, by the numbers that its caller counts them with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// The last in which it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<u64>,
    /// One in which it was about to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<u64>,
}

/// Writes down when the folder served.
pub(super) fn keep_term(root: &Path, place: Place, term: Term) -> Result<(), DiskFault> {
    json_file::write(&root.join(FILE), PlaceFile { shard: place.shard.0, shards: place.shards.get(), term })
}

/// Makes the folder that place's, or checks that it is; returns when it served.
pub(super) fn claim(root: &Path, place: Place, empty: bool) -> Result<Term, OpenNodeError> {
    let path = root.join(FILE);
    let wanted = (place.shard.0, place.shards.get());
    match json_file::read::<PlaceFile>(&path)? {
        Some(PlaceFile { shard, shards, term }) if (shard, shards) == wanted => Ok(term),
        Some(PlaceFile { shard, shards, term }) if !empty || term != Term::default() => {
            Err(OpenNodeError::OtherPlace { root: root.to_owned(), found: (shard, shards), wanted })
        }
        // It never served: it was started wrongly, and refused by the cluster.
        Some(_) | None if empty => {
            keep_term(root, place, Term::default())?;
            Ok(Term::default())
        }
        Some(_) | None => Err(OpenNodeError::Workspace { root: root.to_owned() }),
    }
}
