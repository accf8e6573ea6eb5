//! The dump as its callers use it, and as an attacker would.
#![allow(clippy::unwrap_used, reason = "clippy takes the helpers of an integration test for something else")]

mod forge;

mod archive;
mod damage;
mod extract;
mod hostile;
mod manifest;
mod store;

use annuli_dump::DumpStore;
use annuli_dump_contract::given::{dump_id, index_uuid};
use std::path::{Path, PathBuf};

/// The folder of the first dump of the first index.
fn first_folder(store: &DumpStore) -> PathBuf {
    Path::new(&store.place()).join(index_uuid(1).to_string()).join(dump_id(1).to_string())
}
