//! Lists of a request that grow no longer than the request may be. What is beyond is counted and not kept, so that the
//! refusal says how many there were.

use crate::body::bounds;
use crate::error::Failure;
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// What a batch is called where it is too long.
pub const BATCH: &str = "the number of documents or ids in the batch";

/// What queries are called where they are too many.
pub const QUERIES: &str = "the number of `vectors`";

/// Memory that is asked for before there is anything to put into it, at most.
const RESERVED_BYTES_MAX: usize = 64 * 1024;

/// Reads the documents or ids of a request.
pub(super) fn batch<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Batch::deserialize(deserializer).map(|Batch(items)| items)
}

/// The same, where there may be none.
pub(super) fn optional_batch<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map(|Batch(items)| items))
}

/// Reads the queries of a search, where there may be none.
pub(super) fn optional_queries<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map(|Queries(items)| items))
}

/// The documents or ids of a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch<T>(pub Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Batch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let max = bounds::in_force().batch_documents_max;
        deserializer.deserialize_seq(List { what: BATCH, max, items: PhantomData }).map(Self)
    }
}

/// The queries of a search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Queries<T>(pub Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Queries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let max = bounds::in_force().queries_max;
        deserializer.deserialize_seq(List { what: QUERIES, max, items: PhantomData }).map(Self)
    }
}

struct List<T> {
    what: &'static str,
    max: usize,
    items: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<T>, A::Error> {
        let reserved = RESERVED_BYTES_MAX / size_of::<T>();
        let mut kept = Vec::with_capacity(sequence.size_hint().unwrap_or(0).min(reserved));
        while kept.len() < self.max {
            let Some(item) = sequence.next_element().inspect_err(|_| bounds::locate(kept.len()))? else {
                return Ok(kept);
            };
            bounds::take(size_of::<T>())?;
            kept.push(item);
        }
        let mut items = kept.len();
        if sequence.next_element::<IgnoredAny>()?.is_none() {
            return Ok(kept);
        }
        drop(kept);
        items += 1;
        while sequence.next_element::<IgnoredAny>()?.is_some() {
            items += 1;
        }
        Err(bounds::refuse(Failure::above_limit(self.what, items, self.max)))
    }
}

#[cfg(test)]
mod tests {
    use crate::body::{Format, ReadBounds};
    use crate::error::{ErrorCode, Failure};
    use crate::v1::document::{DeleteRequest, GetRequest, IndexRequest};
    use crate::v1::search::SearchRequest;
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    const BOUNDS: ReadBounds = ReadBounds { batch_documents_max: 3, queries_max: 2, ..ReadBounds::NONE };

    fn read<T: DeserializeOwned>(format: Format, body: &Value) -> Result<T, Failure> {
        format.read(&format.write(body, 0).unwrap(), BOUNDS)
    }

    /// As many as allowed are read; of more, all are counted.
    #[track_caller]
    fn check<T: DeserializeOwned + Serialize>(body: impl Fn(usize) -> Value, max: usize, says: &str) {
        for format in [Format::Json, Format::MessagePack] {
            let whole: T = read(format, &body(max)).unwrap();
            assert_eq!(serde_json::to_value(whole).unwrap(), body(max));
            let failure = read::<T>(format, &body(max + 5)).err().unwrap();
            assert_eq!((failure.code, failure.message.as_str()), (ErrorCode::LimitExceeded, says));
        }
    }

    #[test]
    fn a_list_beyond_its_bound_is_refused_with_its_length() {
        let document = json!({"id": "a", "vector": "AACAPw=="});
        let batch = "the number of documents or ids in the batch is 8, the limit is 3";
        check::<IndexRequest>(|count| json!({"documents": vec![document.clone(); count]}), 3, batch);
        check::<DeleteRequest>(|count| json!({"ids": vec!["a"; count]}), 3, batch);
        check::<GetRequest>(|count| json!({"ids": vec!["a"; count]}), 3, batch);
        let queries = "the number of `vectors` is 7, the limit is 2";
        check::<SearchRequest>(|count| json!({"vectors": vec!["AACAPw=="; count]}), 2, queries);
    }

    #[test]
    fn what_follows_a_list_that_is_too_long_is_read_no_more() {
        let failure =
            Format::Json.read::<GetRequest>(br#"{"ids": ["a", "b", "c", "d"], "ids": 7"#, BOUNDS).unwrap_err();
        assert_eq!(failure.code, ErrorCode::LimitExceeded);
    }

    #[test]
    fn a_list_may_be_null_where_it_may_be_absent() {
        let read = |text: &[u8]| Format::Json.read::<DeleteRequest>(text, BOUNDS).unwrap();
        assert_eq!(read(br#"{"ids": null}"#), read(b"{}"));
        assert_eq!(read(br#"{"ids": []}"#).ids, Some(Vec::new()));
    }
}
