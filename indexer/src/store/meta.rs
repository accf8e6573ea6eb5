//! Facts about the store: its format, whose it is, how far its counters are.

use super::codec::{self, CorruptValue};
use super::key::KeyKind;
use annuli_core::id::{HistoryId, IndexUuid, Point, Seq, ShardCount, ShardId};
use annuli_core::{HnswParams, IndexSchema, Metric, vector::Dim};
use bincode::{Decode, Encode};
use uuid::Uuid;

/// Version of the stored schema that this release writes; it reads every one up to this.
pub const STORE_FORMAT: u32 = 1;

/// Whose data a store holds. Written once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The index.
    pub index: IndexUuid,
    /// The shard's line of writes.
    pub history: HistoryId,
    /// Which shard.
    pub shard: ShardId,
    /// What the index holds.
    pub schema: IndexSchema,
}

/// How far the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// The last write.
    pub seq: Seq,
    /// The next point to be born.
    pub next_point: Point,
}

impl Counters {
    /// Before every write.
    pub const START: Self = Self { seq: Seq::ZERO, next_point: Point(0) };
}

const IDENTITY_VERSION: u8 = 1;
const COUNTERS_VERSION: u8 = 1;
const REPLAY_VERSION: u8 = 1;

pub(super) fn format_key() -> Vec<u8> {
    KeyKind::Meta.key(&[0])
}

pub(super) fn identity_key() -> Vec<u8> {
    KeyKind::Meta.key(&[1])
}

pub(super) fn counters_key() -> Vec<u8> {
    KeyKind::Meta.key(&[2])
}

pub(super) fn replay_key() -> Vec<u8> {
    KeyKind::Meta.key(&[3])
}

pub(super) fn ser_replay(after: Seq) -> Vec<u8> {
    codec::encode(REPLAY_VERSION, &after.0)
}

pub(super) fn deser_replay(bytes: &[u8]) -> Result<Seq, CorruptValue> {
    Ok(Seq(codec::decode(REPLAY_VERSION, bytes)?))
}

pub(super) fn ser_format(format: u32) -> Vec<u8> {
    format.to_le_bytes().to_vec()
}

pub(super) fn deser_format(bytes: &[u8]) -> Result<u32, CorruptValue> {
    let bytes = bytes.try_into().map_err(|_| CorruptValue::Length { bytes: bytes.len(), wanted: 4 })?;
    Ok(u32::from_le_bytes(bytes))
}

#[derive(Encode, Decode)]
struct IdentityRow {
    index: [u8; 16],
    history: [u8; 16],
    shard: u32,
    shards: u32,
    dim: u16,
    metric: String,
    m: u16,
    ef_construction: u16,
}

pub(super) fn ser_identity(identity: &Identity) -> Vec<u8> {
    let small = |number: usize| u16::try_from(number).expect("the schema's bounds are below 65,536");
    let schema = &identity.schema;
    let row = IdentityRow {
        index: identity.index.0.into_bytes(),
        history: identity.history.0.into_bytes(),
        shard: identity.shard.0,
        shards: schema.shards.get(),
        dim: small(schema.dim.get()),
        metric: schema.metric.name().to_owned(),
        m: small(schema.hnsw.m()),
        ef_construction: small(schema.hnsw.ef_construction()),
    };
    codec::encode(IDENTITY_VERSION, &row)
}

pub(super) fn deser_identity(bytes: &[u8]) -> Result<Identity, CorruptValue> {
    let row: IdentityRow = codec::decode(IDENTITY_VERSION, bytes)?;
    let (m, ef_construction) = (usize::from(row.m), usize::from(row.ef_construction));
    Ok(Identity {
        index: IndexUuid(Uuid::from_bytes(row.index)),
        history: HistoryId(Uuid::from_bytes(row.history)),
        shard: ShardId(row.shard),
        schema: IndexSchema {
            dim: Dim::new(u64::from(row.dim)).map_err(CorruptValue::invalid)?,
            metric: Metric::from_name(&row.metric).map_err(CorruptValue::invalid)?,
            shards: ShardCount::new(row.shards).map_err(CorruptValue::invalid)?,
            hnsw: HnswParams::new(Some(m), Some(ef_construction)).map_err(CorruptValue::invalid)?,
        },
    })
}

pub(super) fn ser_counters(counters: &Counters) -> Vec<u8> {
    codec::encode(COUNTERS_VERSION, &(counters.seq.0, counters.next_point.0))
}

pub(super) fn deser_counters(bytes: &[u8]) -> Result<Counters, CorruptValue> {
    let (seq, next_point) = codec::decode(COUNTERS_VERSION, bytes)?;
    Ok(Counters { seq: Seq(seq), next_point: Point(next_point) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn identity() -> impl Strategy<Value = Identity> {
        (any::<u128>(), any::<u128>(), 0u32..256, 1u32..=256, 1u64..=4096, 0usize..3, 4usize..=128).prop_map(
            |(index, history, shard, shards, dim, metric, m)| Identity {
                index: IndexUuid(Uuid::from_u128(index)),
                history: HistoryId(Uuid::from_u128(history)),
                shard: ShardId(shard),
                schema: IndexSchema {
                    dim: Dim::new(dim).unwrap(),
                    metric: Metric::ALL[metric],
                    shards: ShardCount::new(shards).unwrap(),
                    hnsw: HnswParams::new(Some(m), None).unwrap(),
                },
            },
        )
    }

    proptest! {
        #[test]
        fn an_identity_is_read_back(identity in identity()) {
            prop_assert_eq!(deser_identity(&ser_identity(&identity)).unwrap(), identity);
        }

        #[test]
        fn counters_are_read_back(seq: u64, point: u64) {
            let counters = Counters { seq: Seq(seq), next_point: Point(point) };
            prop_assert_eq!(deser_counters(&ser_counters(&counters)).unwrap(), counters);
        }

        #[test]
        fn what_to_replay_is_read_back(seq: u64) {
            prop_assert_eq!(deser_replay(&ser_replay(Seq(seq))).unwrap(), Seq(seq));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = deser_identity(&bytes);
            let _ = deser_counters(&bytes);
            let _ = deser_replay(&bytes);
            prop_assert!(deser_format(&bytes).is_err() || bytes.len() == 4);
        }
    }
}
