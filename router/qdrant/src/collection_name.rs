//! Names of collections, which may hold what names of indexes may not: capitals, dots.
//!
//! A name that is one of ours stays as it is. Any other begins with `q--`, and then has `_a` for `A`, `__` for `_`, and
//! `-2e` for a byte such as `.` that has no place in a name. So each collection is an index with a name of its own.

use annuli_api::{ErrorCode, Failure};
use annuli_core::IndexName;
use std::fmt::Write;

const PREFIX: &str = "q--";

/// The index that a collection is.
pub(crate) fn to_index(collection: &str) -> Result<IndexName, Failure> {
    if collection.is_empty() {
        return Err(Failure::new(ErrorCode::InvalidName, "the collection has no name"));
    }
    if !collection.starts_with(PREFIX)
        && let Ok(name) = IndexName::new(collection)
    {
        return Ok(name);
    }
    let mut escaped = PREFIX.to_owned();
    for byte in collection.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => escaped.push(char::from(byte)),
            b'A'..=b'Z' => escaped.extend(['_', char::from(byte.to_ascii_lowercase())]),
            b'_' => escaped.push_str("__"),
            _ => write!(escaped, "-{byte:02x}").expect("a text takes what is written to it"),
        }
    }
    IndexName::new(&escaped).map_err(|_| {
        let message = format!(
            "the collection name `{collection}` does not fit: written as an index it is `{escaped}`, and an index has 1 to 64 characters"
        );
        Failure::new(ErrorCode::InvalidName, message)
    })
}

/// The collection that an index is. An index whose name only looks escaped has its own name.
pub(crate) fn of_index(index: &str) -> String {
    let is_of = |name: &String| to_index(name).is_ok_and(|escaped| escaped.as_str() == index);
    index.strip_prefix(PREFIX).and_then(unescaped).filter(is_of).unwrap_or_else(|| index.to_owned())
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        let (byte, others) = match (first, others) {
            (b'_', [b'_', others @ ..]) => (b'_', others),
            (b'_', [letter @ b'a'..=b'z', others @ ..]) => (letter.to_ascii_uppercase(), others),
            (b'-', [high, low, others @ ..]) => {
                let digits = [*high, *low];
                (u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?, others)
            }
            (b'a'..=b'z' | b'0'..=b'9', others) => (*first, others),
            _ => return None,
        };
        bytes.push(byte);
        rest = others;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(collection: &str, index: &str) {
        assert_eq!(to_index(collection).unwrap().as_str(), index);
        assert_eq!(of_index(index), collection);
    }

    #[test]
    fn every_collection_is_an_index_and_back() {
        check("my_documents-2", "my_documents-2");
        check("Document", "q--_document");
        check("QdrantCollection", "q--_qdrant_collection");
        check("a.b C_d", "q--a-2eb-20_c__d");
        check("_x", "q--__x");
        check("ä", "q---c3-a4");
        check("q--x", "q--q-2d-2dx");
    }

    #[test]
    fn an_index_that_only_looks_escaped_keeps_its_name() {
        for index in ["q---zz", "q--x_", "q--_1", "q---61", "q--"] {
            assert_eq!(of_index(index), index);
        }
    }

    #[test]
    fn a_name_that_does_not_fit_is_refused() {
        let failure = to_index(&"A".repeat(31)).unwrap_err();
        assert!(failure.message.contains("1 to 64 characters"), "{failure}");
        assert!(to_index("").is_err());
    }
}
