//! Messages that a peer might send, as bytes.

use super::running::any_read;
use super::samples::{id, position, status};
use annuli_api::shard_api::{Changes, Document, Got, Listed, Outcome, Position, ShardHit, ShardHits, Written};
use annuli_core::Seq;
use annuli_wire::codec::encode;
use annuli_wire::message::{
    ChangesAnswer, CountRequest, GetAnswer, ListAnswer, SearchAnswer, StatusAnswer, WriteAnswer,
};

pub(crate) fn bytes_of_count() -> Vec<u8> {
    encode(&CountRequest::new(None, any_read())).unwrap()
}

pub(crate) fn bytes_of_status() -> Vec<u8> {
    encode(&StatusAnswer::from(status())).unwrap()
}

pub(crate) fn bytes_of_outcomes(number: usize) -> Vec<u8> {
    encode(&WriteAnswer::from(&Written { outcomes: vec![Outcome::Written; number], position: position() })).unwrap()
}

pub(crate) fn bytes_of_hits(results: &[&[(&str, f32)]]) -> Vec<u8> {
    let hit =
        |(text, distance): &(&str, f32)| ShardHit { id: id(text), distance: *distance, metadata: None, vector: None };
    let results = results.iter().map(|hits| hits.iter().map(hit).collect()).collect();
    encode(&SearchAnswer::try_from(&ShardHits { results, position: position() }).unwrap()).unwrap()
}

pub(crate) fn bytes_of_got(ids: &[&str]) -> Vec<u8> {
    let documents = ids.iter().map(|id| Some(document(id))).collect();
    encode(&GetAnswer::try_from(&Got { documents, position: position() }).unwrap()).unwrap()
}

pub(crate) fn bytes_of_listed(ids: &[&str]) -> Vec<u8> {
    let documents = ids.iter().map(|id| document(id)).collect();
    encode(&ListAnswer::try_from(&Listed { documents, position: position() }).unwrap()).unwrap()
}

/// Of no documents, up to `through`, of a shard that stands at `end`.
pub(crate) fn bytes_of_changes(through: u64, end: u64) -> Vec<u8> {
    let position = Position { seq: Seq(end), ..position() };
    encode(&ChangesAnswer::try_from(&Changes { documents: vec![], through: Seq(through), position }).unwrap()).unwrap()
}

fn document(text: &str) -> Document {
    Document { id: id(text), seq: Seq(5), vector: None, metadata: None }
}
