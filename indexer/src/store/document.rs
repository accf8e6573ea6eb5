//! A document: id → seq, point, vector, metadata.

use super::codec::{self, CorruptValue};
use super::key::KeyKind;
use annuli_api::v1::metadata;
use annuli_core::{DocId, Metadata, Point, Seq, Vector};
use bincode::{Decode, Encode};

/// A document as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDocument {
    /// Its last write.
    pub seq: Seq,
    /// The point that this version is.
    pub point: Point,
    /// Its vector, as it was sent.
    pub vector: Vector,
    /// Its metadata.
    pub metadata: Metadata,
}

/// What is needed to replace a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentHead {
    /// Its last write.
    pub seq: Seq,
    /// The point that this version is.
    pub point: Point,
}

const VERSION: u8 = 1;

/// Followed by the vector's components as little-endian f32, then the metadata as compact JSON.
#[derive(Encode, Decode)]
struct DocumentRow {
    seq: u64,
    point: u64,
    dim: u16,
    metadata_bytes: u32,
}

/// Before every document's key.
pub(super) fn first_key() -> Vec<u8> {
    KeyKind::Document.key(&[])
}

pub(super) fn is_key(key: &[u8]) -> bool {
    KeyKind::Document.rest(key).is_some()
}

pub(super) fn ser_key(id: &DocId) -> Vec<u8> {
    KeyKind::Document.key(id.as_str().as_bytes())
}

pub(super) fn deser_key(key: &[u8]) -> Result<DocId, CorruptValue> {
    let rest = KeyKind::Document.rest(key).ok_or(CorruptValue::Length { bytes: 0, wanted: 1 })?;
    let text = std::str::from_utf8(rest).map_err(CorruptValue::invalid)?;
    DocId::new(text).map_err(CorruptValue::invalid)
}

pub(super) fn ser_value(document: &StoredDocument) -> Vec<u8> {
    let metadata = metadata::to_bytes(&document.metadata).expect("the writer checked its size");
    let row = DocumentRow {
        seq: document.seq.0,
        point: document.point.0,
        dim: u16::try_from(document.vector.dim().get()).expect("a dimension is at most 4,096"),
        metadata_bytes: u32::try_from(metadata.len()).expect("metadata has at most 64 KiB"),
    };
    let mut bytes = codec::encode(VERSION, &row);
    bytes.reserve_exact(document.vector.as_slice().len() * 4 + metadata.len());
    for component in document.vector.as_slice() {
        bytes.extend_from_slice(&component.to_le_bytes());
    }
    bytes.extend_from_slice(&metadata);
    bytes
}

pub(super) fn deser_head(bytes: &[u8]) -> Result<DocumentHead, CorruptValue> {
    let (row, _): (DocumentRow, _) = codec::decode_prefix(VERSION, bytes)?;
    Ok(DocumentHead { seq: Seq(row.seq), point: Point(row.point) })
}

pub(super) fn deser_value(bytes: &[u8]) -> Result<StoredDocument, CorruptValue> {
    let (row, rest): (DocumentRow, _) = codec::decode_prefix(VERSION, bytes)?;
    let metadata_bytes = usize::try_from(row.metadata_bytes).map_err(CorruptValue::invalid)?;
    let wanted = usize::from(row.dim) * 4 + metadata_bytes;
    if rest.len() != wanted {
        return Err(CorruptValue::Length { bytes: rest.len(), wanted });
    }
    let (vector, metadata) = rest.split_at(usize::from(row.dim) * 4);
    let (components, _) = vector.as_chunks::<4>();
    let components = components.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    Ok(StoredDocument {
        seq: Seq(row.seq),
        point: Point(row.point),
        vector: Vector::new(components).map_err(CorruptValue::invalid)?,
        metadata: metadata::from_bytes(metadata).map_err(CorruptValue::invalid)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_core::Value;
    use proptest::prelude::*;

    fn document() -> impl Strategy<Value = StoredDocument> {
        (any::<u64>(), any::<u64>(), prop::collection::vec(-1e15f32..1e15, 1..20), "[a-zä]{0,9}").prop_map(
            |(seq, point, components, text)| StoredDocument {
                seq: Seq(seq),
                point: Point(point),
                vector: Vector::new(components).unwrap(),
                metadata: Metadata::new([(text.as_str().into(), Value::Text(text.as_str().into()))].into()).unwrap(),
            },
        )
    }

    proptest! {
        #[test]
        fn a_document_is_read_back(document in document()) {
            let bytes = ser_value(&document);
            prop_assert_eq!(deser_head(&bytes).unwrap(), DocumentHead { seq: document.seq, point: document.point });
            prop_assert_eq!(deser_value(&bytes).unwrap(), document);
        }

        #[test]
        fn an_id_is_read_back(text in ".{1,100}") {
            let id = DocId::new(&text).unwrap();
            prop_assert_eq!(deser_key(&ser_key(&id)).unwrap(), id);
        }

        #[test]
        fn every_cut_of_a_document_is_refused(document in document()) {
            let bytes = ser_value(&document);
            for length in 0..bytes.len() {
                prop_assert!(deser_value(&bytes[..length]).is_err());
            }
        }
    }
}
