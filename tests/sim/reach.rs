//! How a router reaches shards: as the program does, with the simulated network in place of connections.

use crate::network::{Remote, Target};
use crate::world::{Who, World};
use annuli_api::ShardApi;
use annuli_cluster::{Reach, Replicated};
use annuli_core::{Generation, IndexUuid, ShardId};
use annuli_replicas::{Ready, Roster};
use std::sync::Arc;

/// A router's way to shards.
pub(crate) struct Connections {
    pub(crate) world: Arc<World>,
    pub(crate) who: Who,
    pub(crate) roster: Roster,
}

impl Connections {
    fn remote(&self, address: &str, index: IndexUuid, shard: ShardId, generation: Option<Generation>) -> Remote {
        let target = Target { index, shard, generation };
        let (world, address) = (Arc::clone(&self.world), address.to_owned());
        Remote { world, from: self.who, address, target, is_trial: false }
    }
}

impl Reach for Connections {
    fn shard(&self, address: &str, index: IndexUuid, shard: ShardId) -> Arc<dyn ShardApi> {
        Arc::new(self.remote(address, index, shard, None))
    }

    fn generation(&self, address: &str, index: IndexUuid, shard: ShardId, generation: Generation) -> Arc<dyn ShardApi> {
        Arc::new(Remote { is_trial: true, ..self.remote(address, index, shard, Some(generation)) })
    }

    fn replicated(&self, replicated: Replicated<'_>, primary: Arc<dyn ShardApi>) -> Arc<dyn ShardApi> {
        let Replicated { index, shard, generation, holds, addresses } = replicated;
        let ready = |address: &str| {
            let handle = Arc::new(self.remote(address, index, shard, Some(generation)));
            Ready { name: address.to_owned(), handle }
        };
        let ready = addresses.into_iter().map(ready).collect();
        Arc::new(self.roster.set((index, shard), holds, ready, primary))
    }

    fn made_anew(&self) {
        self.roster.forget_the_absent();
    }
}
