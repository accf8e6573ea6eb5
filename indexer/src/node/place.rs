//! `.node.json`: which part of a cluster a folder belongs to. Without it, a node that is started with another number
//! would serve another shard's documents as its own. And when it served last: a copy of the folder would be taken for
//! the original. Or who it is, if it is a replica's: a rollout knows it by that over restarts.

use super::{OpenNodeError, Place};
use crate::clock;
use crate::workspace::disk::DiskFault;
use crate::workspace::json_file;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use uuid::Uuid;

pub(crate) const FILE: &str = ".node.json";

#[derive(Serialize, Deserialize)]
struct PlaceFile {
    shard: u32,
    shards: u32,
    #[serde(default)]
    term: Term,
    /// Of a replica: who it is. A primary's folder has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replica: Option<Uuid>,
}

/// What a folder is of its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It holds the documents.
    Primary,
    /// It holds copies of dumps.
    Replica,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
        })
    }
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
    write(root, place, term, None)
}

/// Makes the folder that of the place's primary, or checks that it is; returns when it served.
pub(super) fn claim(root: &Path, place: Place, empty: bool) -> Result<Term, OpenNodeError> {
    if let Some(file) = claimed(root, place, Role::Primary, empty)? {
        return Ok(file.term);
    }
    keep_term(root, place, Term::default())?;
    Ok(Term::default())
}

/// Makes the folder that of a replica of the place, or checks that it is; returns who the replica is.
pub(crate) fn claim_for_replica(root: &Path, place: Place, empty: bool) -> Result<Uuid, OpenNodeError> {
    if let Some(PlaceFile { replica: Some(id), .. }) = claimed(root, place, Role::Replica, empty)? {
        return Ok(id);
    }
    let id = clock::new_uuid();
    write(root, place, Term::default(), Some(id))?;
    Ok(id)
}

fn write(root: &Path, place: Place, term: Term, replica: Option<Uuid>) -> Result<(), DiskFault> {
    let file = PlaceFile { shard: place.shard.0, shards: place.shards.get(), term, replica };
    json_file::write(&root.join(FILE), file)
}

/// What the file says, if the folder has that role in that place; `None` if it may be given it.
fn claimed(root: &Path, place: Place, role: Role, empty: bool) -> Result<Option<PlaceFile>, OpenNodeError> {
    let Some(file) = json_file::read::<PlaceFile>(&root.join(FILE))? else {
        return if empty { Ok(None) } else { Err(OpenNodeError::Workspace { root: root.to_owned() }) };
    };
    let (wanted, found) = ((place.shard.0, place.shards.get()), (file.shard, file.shards));
    let found_role = if file.replica.is_some() { Role::Replica } else { Role::Primary };
    if (found, found_role) == (wanted, role) {
        return Ok(Some(file));
    }
    if empty && file.term == Term::default() {
        // It never served: it was started wrongly, and refused by the cluster.
        return Ok(None);
    }
    let root = root.to_owned();
    if found == wanted {
        return Err(OpenNodeError::OtherRole { root, found: found_role, wanted: role });
    }
    Err(OpenNodeError::OtherPlace { root, found, wanted })
}
