//! A set keeps a shard's promises, whoever of it answers. Its replicas are the shard itself here, so that they hold what
//! was written; the set knows of no write that they hold, and leaves what asks for one to the primary.

use crate::fake::{DOWN, Fake};
use annuli_api::{Position, ShardApi};
use annuli_contract::{ModelShard, Subject, history};
use annuli_core::{IndexSchema, IndexUuid, Seq, ShardId};
use annuli_replicas::{Ready, Roster};
use std::sync::Arc;
use uuid::Uuid;

/// A shard behind two replicas that answer, or one that does and one that never does, or none that does.
fn behind(schema: IndexSchema, answer: usize, fail: usize) -> Subject {
    let shard = ModelShard::new(schema);
    let down = Fake::new(0);
    down.be(DOWN);
    let answers = (0..answer).map(|_| Arc::clone(&shard));
    let handles = answers.chain((0..fail).map(|_| Arc::clone(&down) as Arc<dyn ShardApi>));
    let ready = handles.enumerate().map(|(place, handle)| Ready { name: format!("replica-{place}"), handle });
    let holds = Position { history: history(), seq: Seq::ZERO };
    let key = (IndexUuid(Uuid::from_u128(1)), ShardId(0));
    Subject::of(Arc::new(Roster::default().set(key, holds, ready.collect(), Arc::clone(&shard))))
}

mod replicas_answer {
    annuli_contract::hold!(|schema| async move { super::behind(schema, 2, 0) });
}

mod one_of_two_answers {
    annuli_contract::hold!(|schema| async move { super::behind(schema, 1, 1) });
}

mod the_primary_answers {
    annuli_contract::hold!(|schema| async move { super::behind(schema, 0, 2) });
}
