//! Vectors in requests: a list of numbers. A collection has one vector, which has no name.

use crate::point_id::PointId;
use annuli_api::v1::bounded_list::Batch;
use annuli_api::v1::vector::{VECTOR_STRUCT, WireVector};
use serde::de::value::{SeqAccessDeserializer, U64Deserializer};
use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// What is nearest to what: the `query` of a search.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Query {
    Vector(WireVector),
    /// The vector of that point.
    Id(PointId),
}

/// The vector of a point that is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PointVector(pub(crate) WireVector);

const NAMED: &str =
    "named, sparse and multiple vectors are not supported by Annuli: a collection has one unnamed vector";

impl<'de> Deserialize<'de> for PointVector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_newtype_struct(VECTOR_STRUCT, QueryVisitor(Place::Point))? {
            Query::Vector(vector) => Ok(Self(vector)),
            Query::Id(_) => Err(D::Error::custom("a vector has to be a list of numbers")),
        }
    }
}

impl<'de> Deserialize<'de> for Query {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(VECTOR_STRUCT, QueryVisitor(Place::Query))
    }
}

/// What an object means where it stands.
#[derive(Clone, Copy)]
enum Place {
    Point,
    Query,
    Nearest,
}

struct QueryVisitor(Place);

impl<'de> Visitor<'de> for QueryVisitor {
    type Value = Query;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Query, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Query, E> {
        let deserializer: serde::de::value::BytesDeserializer<'_, E> = bytes.as_slice().into_deserializer();
        WireVector::deserialize(deserializer).map(Query::Vector)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<Query, A::Error> {
        WireVector::deserialize(SeqAccessDeserializer::new(sequence)).map(Query::Vector)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Query, E> {
        PointId::deserialize(U64Deserializer::<E>::new(number)).map(Query::Id)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Query, E> {
        let deserializer: serde::de::value::StrDeserializer<'_, E> = text.into_deserializer();
        PointId::deserialize(deserializer).map(Query::Id)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Query, A::Error> {
        let mut query = None;
        while let Some(key) = map.next_key::<Box<str>>()? {
            match (self.0, &*key) {
                (Place::Query, "nearest") => query = Some(map.next_value::<Nearest>()?.0),
                (Place::Query, _) => {
                    // A client may write what it does not use as null.
                    if map.next_value::<Option<serde::de::IgnoredAny>>()?.is_some() {
                        let message = format!("the query `{key}` is not supported by Annuli: there is `nearest`");
                        return Err(A::Error::custom(message));
                    }
                }
                // The unnamed vector, written as if it had a name.
                (Place::Point, "") => query = Some(Query::Vector(map.next_value::<PointVector>()?.0)),
                (Place::Point | Place::Nearest, _) => return Err(A::Error::custom(NAMED)),
            }
        }
        query.ok_or_else(|| A::Error::custom("there is no vector"))
    }
}

/// The vectors of a batch: a list of them, or that list as if the vector had a name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VectorColumn(pub(crate) Vec<PointVector>);

impl<'de> Deserialize<'de> for VectorColumn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ColumnVisitor)
    }
}

struct ColumnVisitor;

impl<'de> Visitor<'de> for ColumnVisitor {
    type Value = VectorColumn;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of vectors")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<VectorColumn, A::Error> {
        Batch::deserialize(SeqAccessDeserializer::new(sequence)).map(|Batch(vectors)| VectorColumn(vectors))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<VectorColumn, A::Error> {
        let mut column = None;
        while let Some(key) = map.next_key::<Box<str>>()? {
            if !key.is_empty() {
                return Err(A::Error::custom(NAMED));
            }
            column = Some(map.next_value::<VectorColumn>()?);
        }
        column.ok_or_else(|| A::Error::custom("there are no vectors"))
    }
}

/// What stands under `nearest`.
struct Nearest(Query);

impl<'de> Deserialize<'de> for Nearest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(VECTOR_STRUCT, QueryVisitor(Place::Nearest)).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(json: &str) -> Result<Query, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_query_is_a_vector_or_an_id() {
        let vector = Query::Vector(WireVector::Numbers(vec![1.0, 2.0]));
        for json in ["[1, 2]", r#"{"nearest": [1, 2]}"#, r#"{"nearest": [1, 2], "mmr": null}"#] {
            assert_eq!(query(json).unwrap(), vector);
        }
        for json in ["7", r#"{"nearest": 7}"#] {
            assert_eq!(query(json).unwrap(), Query::Id(PointId::Number(7)));
        }
    }

    #[test]
    fn other_queries_are_refused_by_name() {
        let refused = query(r#"{"recommend": {"positive": [1]}}"#).unwrap_err();
        assert!(refused.starts_with("the query `recommend` is not supported by Annuli: there is `nearest`"));
        let refused = query(r#"{"nearest": {"indices": [1], "values": [1]}}"#).unwrap_err();
        assert!(refused.starts_with(NAMED));
        assert!(query(r#"{"nearest": [1], "mmr": {"diversity": 0.5}}"#).unwrap_err().contains("`mmr`"));
    }

    #[test]
    fn a_point_has_one_unnamed_vector() {
        let read = |json: &str| serde_json::from_str::<PointVector>(json);
        assert_eq!(read("[1]").unwrap(), read(r#"{"": [1]}"#).unwrap());
        assert!(read(r#"{"image": [1]}"#).unwrap_err().to_string().starts_with(NAMED));
        assert!(read("7").is_err());
        assert!(read("[[1]]").is_err());
    }
}
