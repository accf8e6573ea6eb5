//! Facts about the store: its format, whose it is, how far its counters are.

use super::codec::{self, CorruptValue};
use super::key::KeyKind;
use annuli_core::id::{HistoryId, IndexUuid, Point, Seq, ShardCount, ShardId};
use annuli_core::{HnswParams, IndexSchema, Metric, Quantization, vector::Dim};
use bincode::{Decode, Encode};
use uuid::Uuid;

/// Version of the stored schema that this release writes; it reads every one up to this.
pub const STORE_FORMAT: u32 = 2;

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

const IDENTITY_VERSION: u8 = 2;
/// Of stores of format 1.
const IDENTITY_VERSION_BEFORE: u8 = 1;
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
    base: IdentityRowBefore,
    quantization: u8,
}

/// The row of version 1, whose indexes were all of one quantization.
#[derive(Encode, Decode)]
struct IdentityRowBefore {
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
    let base = IdentityRowBefore {
        index: identity.index.0.into_bytes(),
        history: identity.history.0.into_bytes(),
        shard: identity.shard.0,
        shards: schema.shards.get(),
        dim: small(schema.dim.get()),
        metric: schema.metric.name().to_owned(),
        m: small(schema.hnsw.m()),
        ef_construction: small(schema.hnsw.ef_construction()),
    };
    let row = IdentityRow { base, quantization: quantization_number(schema.quantization) };
    codec::encode(IDENTITY_VERSION, &row)
}

pub(super) fn deser_identity(bytes: &[u8]) -> Result<Identity, CorruptValue> {
    let IdentityRow { base: row, quantization } = match bytes.first() {
        Some(&IDENTITY_VERSION_BEFORE) => IdentityRow {
            base: codec::decode(IDENTITY_VERSION_BEFORE, bytes)?,
            quantization: quantization_number(Quantization::Int8),
        },
        Some(_) | None => codec::decode(IDENTITY_VERSION, bytes)?,
    };
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
            quantization: Quantization::ALL
                .into_iter()
                .find(|known| quantization_number(*known) == quantization)
                .ok_or_else(|| {
                    CorruptValue::invalid(format_args!("{quantization} is the number of no quantization"))
                })?,
        },
    })
}

/// Persisted, keep stable.
const fn quantization_number(quantization: Quantization) -> u8 {
    match quantization {
        Quantization::None => 0,
        Quantization::Int8 => 1,
        Quantization::Int4 => 2,
    }
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
        let numbers =
            (any::<u128>(), any::<u128>(), 0u32..256, 1u32..=256, 1u64..=4096, 0usize..3, 4usize..=128, 0usize..3);
        numbers.prop_map(|(index, history, shard, shards, dim, metric, m, quantization)| Identity {
            index: IndexUuid(Uuid::from_u128(index)),
            history: HistoryId(Uuid::from_u128(history)),
            shard: ShardId(shard),
            schema: IndexSchema {
                dim: Dim::new(dim).unwrap(),
                metric: Metric::ALL[metric],
                shards: ShardCount::new(shards).unwrap(),
                hnsw: HnswParams::new(Some(m), None).unwrap(),
                quantization: Quantization::ALL[quantization],
            },
        })
    }

    /// The row that stores of format 1 have, byte by byte.
    #[test]
    fn an_identity_of_version_1_is_of_8_bit_codes() {
        let mut bytes = vec![1];
        bytes.extend([7; 16]);
        bytes.extend([8; 16]);
        bytes.extend([2, 0, 0, 0, 3, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(b"cosine");
        bytes.extend([16, 0, 200, 0]);
        let read = deser_identity(&bytes).unwrap();
        let schema = IndexSchema {
            dim: Dim::new(256).unwrap(),
            metric: Metric::Cosine,
            shards: ShardCount::new(3).unwrap(),
            hnsw: HnswParams::new(Some(16), Some(200)).unwrap(),
            quantization: Quantization::Int8,
        };
        let (index, history) = (IndexUuid(Uuid::from_bytes([7; 16])), HistoryId(Uuid::from_bytes([8; 16])));
        assert_eq!(read, Identity { index, history, shard: ShardId(2), schema });
        // What is written today says which.
        assert_eq!(ser_identity(&read)[..].split_first(), Some((&2, &[&bytes[1..], &[1]].concat()[..])));
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
