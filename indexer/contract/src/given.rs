//! Short names for what facts say: documents, queries, filters, what was found.

use crate::subject::Subject;
use annuli_api::Failure;
use annuli_api::shard_api::{
    ConditionalWrite, Consistency, Include, Outcome, Position, Read, SearchMode, ShardHits, ShardSearch, Write, Written,
};
use annuli_core::filter::{FieldPath, Operand, Scalar, Side, Test};
use annuli_core::vector::Dim;
use annuli_core::{
    DocId, Filter, HnswParams, IndexSchema, Metadata, Metric, Number, Quantization, Seq, ShardCount, Value, Vector,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) fn schema(dim: u64, metric: Metric) -> IndexSchema {
    let hnsw = HnswParams::new(None, None).unwrap();
    IndexSchema { dim: Dim::new(dim).unwrap(), metric, shards: ShardCount::ONE, hnsw, quantization: Quantization::Int8 }
}

/// A shard of one dimension, under the Euclidean distance: distances can be told by looking.
pub(crate) fn on_a_line() -> IndexSchema {
    schema(1, Metric::Euclidean)
}

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

pub(crate) fn soon() -> Instant {
    now() + Duration::from_secs(60)
}

pub(crate) fn id(text: &str) -> DocId {
    DocId::new(text).unwrap()
}

pub(crate) fn vector(components: &[f32]) -> Vector {
    Vector::new(components.to_vec()).unwrap()
}

pub(crate) fn whole(number: i64) -> Value {
    Value::Number(Number::Integer(i128::from(number)))
}

pub(crate) fn number(field: &str, value: i64) -> Metadata {
    metadata([(field, whole(value))])
}

pub(crate) fn metadata<const N: usize>(fields: [(&str, Value); N]) -> Metadata {
    Metadata::new(fields.into_iter().map(|(name, value)| (name.into(), value)).collect()).unwrap()
}

pub(crate) fn put(text: &str, components: &[f32]) -> Write {
    put_with(text, components, Metadata::default())
}

pub(crate) fn put_with(text: &str, components: &[f32], metadata: Metadata) -> Write {
    Write::Put { id: id(text), vector: vector(components), metadata }
}

pub(crate) fn patch(text: &str, metadata: Metadata) -> Write {
    Write::Patch { id: id(text), vector: None, metadata: Some(metadata) }
}

pub(crate) fn delete(text: &str) -> Write {
    Write::Delete { id: id(text) }
}

pub(crate) fn field(path: &str, test: Test) -> Filter {
    Filter::Field(FieldPath::new(path), test)
}

pub(crate) fn equal(path: &str, value: i64) -> Filter {
    field(path, Test::Equal(Scalar::Number(Number::Integer(i128::from(value)))))
}

pub(crate) fn order(path: &str, side: Side, value: i64) -> Filter {
    field(path, Test::Order(side, Operand::Number(Number::Integer(i128::from(value)))))
}

pub(crate) fn read() -> Read {
    Read { include: Include { metadata: false, vector: false }, after: None, consistency: Consistency::Replica }
}

pub(crate) fn read_all() -> Read {
    Read { include: Include { metadata: true, vector: true }, after: None, consistency: Consistency::Replica }
}

pub(crate) fn after(position: Position) -> Read {
    Read { after: Some(position), ..read() }
}

pub(crate) fn search(components: &[f32], k: usize) -> ShardSearch {
    let queries = [vector(components)].into();
    ShardSearch { queries, k, mode: SearchMode::Exact, filter: None, except: None, read: read() }
}

/// The ids of the hits of one query.
pub(crate) fn ids(hits: &ShardHits) -> Vec<&str> {
    let [hits] = hits.results.as_slice() else { panic!("one query, {} results", hits.results.len()) };
    hits.iter().map(|hit| hit.id.as_str()).collect()
}

impl Subject {
    pub(crate) async fn try_write(&self, writes: Vec<Write>) -> Result<Written, Failure> {
        let writes = writes.into_iter().map(|write| ConditionalWrite { write, if_seq: None }).collect();
        self.shard.write(writes, soon()).await
    }

    pub(crate) async fn write(&self, writes: Vec<Write>) -> Written {
        self.try_write(writes).await.unwrap()
    }

    pub(crate) async fn write_if(&self, write: Write, if_seq: u64) -> Outcome {
        let writes = vec![ConditionalWrite { write, if_seq: Some(Seq(if_seq)) }];
        self.shard.write(writes, soon()).await.unwrap().outcomes[0]
    }

    pub(crate) async fn search(&self, search: ShardSearch) -> ShardHits {
        self.shard.search(search, soon()).await.unwrap()
    }

    /// The ids of the `k` nearest.
    pub(crate) async fn nearest(&self, components: &[f32], k: usize) -> Vec<String> {
        ids(&self.search(search(components, k)).await).into_iter().map(str::to_owned).collect()
    }

    pub(crate) async fn count(&self, filter: Option<Filter>) -> u64 {
        self.shard.count(filter.map(Arc::new), read(), soon()).await.unwrap().count
    }

    pub(crate) async fn seq(&self) -> Seq {
        self.shard.status().await.unwrap().position.seq
    }
}
