//! Ids of points: a whole number of 64 bits, or a UUID. A document's id is the number's decimal text, or the UUID in its
//! usual form.

use annuli_core::limits::ID_BYTES_MAX;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use uuid::Uuid;

/// An id that a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PointId {
    Number(u64),
    Uuid(Uuid),
}

impl PointId {
    /// The id of the document.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Uuid(uuid) => uuid.hyphenated().to_string(),
        }
    }
}

impl<'de> Deserialize<'de> for PointId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = PointId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id: a whole number from 0 to 18446744073709551615, or a UUID")
    }

    fn visit_u64<E>(self, number: u64) -> Result<PointId, E> {
        Ok(PointId::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PointId, E> {
        let wrong = |_| E::custom(format_args!("`{text}` is no id: it has to be a whole number from 0 on, or a UUID"));
        Uuid::try_parse(text).map(PointId::Uuid).map_err(wrong)
    }
}

/// The id of a document as an answer has it: a number where its text is one. A document that came by another protocol
/// may have any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SaidId(pub(crate) String);

impl Serialize for SaidId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<u64>() {
            Ok(number) if number.to_string() == self.0 => serializer.serialize_u64(number),
            _ => serializer.serialize_str(&self.0),
        }
    }
}

/// Where a page begins: the text of an id as an answer had it, which need be neither a number nor a UUID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageOffset(pub(crate) String);

impl<'de> Deserialize<'de> for PageOffset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OffsetVisitor)
    }
}

struct OffsetVisitor;

impl Visitor<'_> for OffsetVisitor {
    type Value = PageOffset;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the `next_page_offset` of an answer, or another id")
    }

    fn visit_u64<E>(self, number: u64) -> Result<PageOffset, E> {
        Ok(PageOffset(number.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<PageOffset, E> {
        Ok(PageOffset(text.to_owned()))
    }
}

/// A text below `id` with next to nothing between the two: what lies behind it begins with `id`, or with an id that nobody
/// has. Nothing, where the first of all ids may be that one.
pub(crate) fn just_before(id: &str) -> Option<String> {
    let mut text = id.to_owned();
    // Nothing lies between a text and the same with a zero behind it.
    if let Some(below) = text.pop().and_then(char_below) {
        text.push(below);
        let room = ID_BYTES_MAX.saturating_sub(text.len()) / char::MAX.len_utf8();
        text.extend(std::iter::repeat_n(char::MAX, room.min(8)));
    }
    Some(text).filter(|text| !text.is_empty())
}

fn char_below(char: char) -> Option<char> {
    ('\0'..char).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<PointId, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn ids_are_numbers_and_uuids() {
        assert_eq!(read("18446744073709551615").unwrap().text(), "18446744073709551615");
        let uuid = "936da01f-9abd-4d9d-80c7-02af85c822a8";
        for form in [uuid, "936DA01F9ABD4D9D80C702AF85C822A8"] {
            assert_eq!(read(&format!("\"{form}\"")).unwrap().text(), uuid);
        }
        for wrong in ["-1", "18446744073709551616", "1.5", "\"abc\"", "\"7\"", "null"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_number_is_said_as_a_number() {
        let said = |text: &str| serde_json::to_string(&SaidId(text.to_owned())).unwrap();
        assert_eq!(said("7"), "7");
        assert_eq!(said("007"), "\"007\"");
        assert_eq!(said("nginx"), "\"nginx\"");
    }

    #[test]
    fn nothing_lies_between_an_id_and_what_is_just_before_it() {
        let before = just_before("120").unwrap();
        assert!(["12", "119", "1199"].iter().all(|below| **below < *before));
        assert!(*before < *"120");
        assert_eq!(just_before("a\0").as_deref(), Some("a"));
        assert!(*just_before("a\u{e000}").unwrap() > *"a\u{d7ff}");
        assert_eq!((just_before(""), just_before("\0")), (None, None));
    }

    #[test]
    fn what_is_just_before_a_long_id_is_no_longer_than_an_id_may_be() {
        for bytes in ID_BYTES_MAX - 8..=ID_BYTES_MAX {
            let id = "b".repeat(bytes);
            let before = just_before(&id).unwrap();
            assert!(before.len() <= ID_BYTES_MAX && before < id, "{bytes}");
        }
    }
}
