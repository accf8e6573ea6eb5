//! `.node.json`: which part of a cluster a folder belongs to. Without it, a node that is started with another number
//! would serve another shard's documents as its own.

use super::{OpenNodeError, Place};
use crate::workspace::json_file;
use serde::{Deserialize, Serialize};
use std::path::Path;

pub(crate) const FILE: &str = ".node.json";

#[derive(Serialize, Deserialize)]
struct PlaceFile {
    shard: u32,
    shards: u32,
}

/// Makes the folder that place's, or checks that it is.
pub(super) fn claim(root: &Path, place: Place, empty: bool) -> Result<(), OpenNodeError> {
    let path = root.join(FILE);
    let wanted = (place.shard.0, place.shards.get());
    match json_file::read::<PlaceFile>(&path)? {
        Some(PlaceFile { shard, shards }) if (shard, shards) == wanted => Ok(()),
        // Nothing was ever kept there: it was started wrongly, and refused by the cluster.
        Some(PlaceFile { shard, shards }) if !empty => {
            Err(OpenNodeError::OtherPlace { root: root.to_owned(), found: (shard, shards), wanted })
        }
        Some(_) | None if empty => {
            let (shard, shards) = wanted;
            Ok(json_file::write(&path, PlaceFile { shard, shards })?)
        }
        Some(_) | None => Err(OpenNodeError::Workspace { root: root.to_owned() }),
    }
}
