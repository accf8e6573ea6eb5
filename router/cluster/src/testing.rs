//! Values for this crate's tests.

use annuli_core::vector::Dim;
use annuli_core::{HistoryId, HnswParams, IndexName, IndexSchema, IndexUuid, Metric, Quantization, ShardCount};
use uuid::Uuid;

pub(crate) fn name(text: &str) -> IndexName {
    IndexName::new(text).expect("a name")
}

pub(crate) fn uuid(number: u128) -> IndexUuid {
    IndexUuid(Uuid::from_u128(number))
}

pub(crate) fn history(number: u128) -> HistoryId {
    HistoryId(Uuid::from_u128(number))
}

pub(crate) fn schema(shards: u32) -> IndexSchema {
    IndexSchema {
        dim: Dim::new(2).expect("a dimension"),
        metric: Metric::Euclidean,
        shards: ShardCount::new(shards).expect("a number of shards"),
        hnsw: HnswParams::new(None, None).expect("the defaults"),
        quantization: Quantization::default(),
    }
}
