//! The processes that hold shards, as a router reaches them.

use annuli_api::{ErrorCode, Failure, ShardApi};
use annuli_cluster::Reach;
use annuli_cluster::table::Absent;
use annuli_core::{IndexUuid, ShardId};
use annuli_wire::{ClusterSecret, Peer, PeerSettings, RemoteShard};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Connections to peers, shared by all shards that a peer has, and kept while a table names it.
pub(crate) struct Peers {
    secret: Option<ClusterSecret>,
    known: Mutex<BTreeMap<String, Weak<Peer>>>,
}

impl Peers {
    /// Knows nobody yet.
    pub(crate) fn new(secret: Option<ClusterSecret>) -> Self {
        Self { secret, known: Mutex::default() }
    }

    fn peer(&self, address: &str) -> Result<Arc<Peer>, Failure> {
        // Each change is whole before another can panic.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = known.get(address).and_then(Weak::upgrade) {
            return Ok(peer);
        }
        let peer = Peer::new(address, self.secret.clone(), PeerSettings::default())
            .map_err(|error| Failure::new(ErrorCode::ShardUnavailable, error))?;
        known.retain(|_, peer| peer.strong_count() > 0);
        known.insert(address.to_owned(), Arc::downgrade(&peer));
        Ok(peer)
    }
}

impl Reach for Peers {
    fn shard(&self, address: &str, index: IndexUuid, shard: ShardId) -> Arc<dyn ShardApi> {
        match self.peer(address) {
            Ok(peer) => Arc::new(RemoteShard::new(peer, index, shard)),
            Err(failure) => Arc::new(Absent(failure)),
        }
    }
}
