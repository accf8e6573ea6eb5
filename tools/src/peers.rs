//! The processes that hold shards, as a router reaches them.

use annuli_api::{ErrorCode, Failure, ShardApi};
use annuli_cluster::table::Absent;
use annuli_cluster::{Reach, Replicated};
use annuli_core::{Generation, IndexUuid, ShardId};
use annuli_replicas::{Ready, Roster};
use annuli_wire::{ClusterSecret, Peer, PeerSettings, RemoteShard};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Connections to peers, shared by all shards that a peer has, and kept while a table names it.
pub(crate) struct Peers {
    secret: Option<ClusterSecret>,
    /// How its replicas have behaved.
    roster: Roster,
    known: Mutex<BTreeMap<String, Weak<Peer>>>,
}

impl Peers {
    /// Knows nobody yet.
    pub(crate) fn new(secret: Option<ClusterSecret>) -> Self {
        Self { secret, roster: Roster::default(), known: Mutex::default() }
    }

    /// How its replicas have behaved.
    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }

    fn peer(&self, address: &str) -> Result<Arc<Peer>, Failure> {
        // Each change is whole before another can panic.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = known.get(address).and_then(Weak::upgrade) {
            return Ok(peer);
        }
        let peer = Peer::new(address, self.secret.clone(), PeerSettings::default())
            .map_err(|error| Failure::new(ErrorCode::ShardUnavailable, error))?;
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

    fn generation(&self, address: &str, index: IndexUuid, shard: ShardId, generation: Generation) -> Arc<dyn ShardApi> {
        match self.peer(address) {
            Ok(peer) => Arc::new(RemoteShard::new(peer, index, shard).of_generation(generation)),
            Err(failure) => Arc::new(Absent(failure)),
        }
    }

    fn replicated(&self, replicated: Replicated<'_>, primary: Arc<dyn ShardApi>) -> Arc<dyn ShardApi> {
        let Replicated { index, shard, generation, holds, addresses } = replicated;
        let ready = |address: &str| {
            // One that cannot be reached by any call is left out: the others answer, or the primary.
            let peer = self.peer(address).ok()?;
            let handle = Arc::new(RemoteShard::new(peer, index, shard).of_generation(generation));
            Some(Ready { name: address.to_owned(), handle })
        };
        let ready = addresses.into_iter().filter_map(ready).collect();
        Arc::new(self.roster.set((index, shard), holds, ready, primary))
    }

    fn made_anew(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, peer| peer.strong_count() > 0);
        self.roster.forget_the_absent();
    }
}
