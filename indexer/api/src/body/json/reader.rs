//! A reader of JSON that takes all that serde_json takes, and only says no to the rest.

use crate::body::number::{Number, plain_f32, scan};
use crate::v1::vector::VECTOR_STRUCT;
use annuli_core::limits::DIM_MAX;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt;

/// Deepest nesting, as serde_json has it.
const DEPTH_MAX: u8 = 127;

/// Where in a text the reader is.
pub(super) struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth: u8,
}

/// Not for this reader. Why is said by who reads the text next.
#[derive(Debug)]
pub(super) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not plain JSON")
    }
}

impl std::error::Error for Refused {}

impl Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> Reader<'de> {
    /// The value that a whole text is.
    pub(super) fn read<T: Deserialize<'de>>(bytes: &'de [u8]) -> Option<T> {
        let mut reader = Self { text: std::str::from_utf8(bytes).ok()?, at: 0, depth: 0 };
        let value = T::deserialize(&mut reader).ok()?;
        reader.peek().is_none().then_some(value)
    }

    /// What has not been read. The reader stands between characters: it steps over ASCII, or over the whole of a text.
    fn rest(&self) -> &'de str {
        &self.text[self.at..]
    }

    /// The next byte that is not white space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Result<(), Refused> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(Refused)
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Refused> {
        if self.rest().starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            Err(Refused)
        }
    }

    fn number(&mut self) -> Result<Number<'de>, Refused> {
        self.peek();
        let number = scan(self.rest()).ok_or(Refused)?;
        self.at += number.text.len();
        Ok(number)
    }

    /// A component of a vector.
    #[inline]
    fn component(&mut self) -> Result<f32, Refused> {
        if self.peek() == Some(b'n') {
            return self.word("null").map(|()| f32::NAN);
        }
        if let Some((component, length)) = plain_f32(&self.text.as_bytes()[self.at..]) {
            self.at += length;
            return Ok(component);
        }
        self.number()?.to_f32().ok_or(Refused)
    }

    /// The text between the quotes that come next, and whether it holds escapes.
    fn quoted(&mut self) -> Result<(&'de str, bool), Refused> {
        self.take(b'"')?;
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let mut at = 0;
        let mut escapes = false;
        loop {
            at += memchr::memchr2(b'"', b'\\', bytes.get(at..).ok_or(Refused)?).ok_or(Refused)?;
            if bytes[at] == b'"' {
                break;
            }
            escapes = true;
            at += 2;
        }
        let text = &rest[..at];
        self.at += at + 1;
        // All of them, so that it is done many at a time.
        let controls = text.bytes().fold(false, |found, byte| found | (byte < b' '));
        if controls { Err(Refused) } else { Ok((text, escapes)) }
    }

    fn string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Refused> {
        match self.quoted()? {
            (text, false) => visitor.visit_borrowed_str(text),
            (text, true) => visitor.visit_string(serde_json::from_str(&format!("\"{text}\"")).map_err(|_| Refused)?),
        }
    }

    /// What stands between two brackets.
    fn nested<R>(&mut self, close: u8, inner: impl FnOnce(&mut Self) -> Result<R, Refused>) -> Result<R, Refused> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Refused);
        }
        let result = inner(self)?;
        self.depth -= 1;
        self.take(close)?;
        Ok(result)
    }

    /// Commas up to the end of the list of numbers that comes next.
    fn commas(&self) -> Result<usize, Refused> {
        let rest = self.rest().as_bytes();
        let end = memchr::memchr(b']', rest).ok_or(Refused)?;
        Ok(memchr::memchr_iter(b',', &rest[..end]).count())
    }

    /// The list of numbers that comes next, as little-endian `f32`; null is NaN, which is refused later.
    fn components(&mut self, commas: usize) -> Result<Vec<u8>, Refused> {
        self.take(b'[')?;
        let mut components = Vec::with_capacity((commas + 1) * size_of::<f32>());
        if self.peek() != Some(b']') {
            components.extend_from_slice(&self.component()?.to_le_bytes());
            while self.peek() == Some(b',') {
                self.at += 1;
                components.extend_from_slice(&self.component()?.to_le_bytes());
            }
        }
        self.take(b']')?;
        Ok(components)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.peek().ok_or(Refused)? {
            b'"' => self.string(visitor),
            b'[' => self.nested(b']', |reader| visitor.visit_seq(Items { reader, first: true })),
            b'{' => self.nested(b'}', |reader| visitor.visit_map(Items { reader, first: true })),
            b'n' => self.word("null").and_then(|()| visitor.visit_unit()),
            b't' => self.word("true").and_then(|()| visitor.visit_bool(true)),
            b'f' => self.word("false").and_then(|()| visitor.visit_bool(false)),
            _ => {
                let number = self.number()?;
                match (number.to_u64(), number.to_i64()) {
                    (Some(unsigned), _) => visitor.visit_u64(unsigned),
                    (None, Some(signed)) => visitor.visit_i64(signed),
                    (None, None) => visitor.visit_f64(number.to_f64().ok_or(Refused)?),
                }
            }
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let number = self.number()?.to_f32().filter(|number| number.is_finite());
        visitor.visit_f32(number.ok_or(Refused)?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        if self.peek() == Some(b'n') {
            self.word("null")?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Refused> {
        if name == VECTOR_STRUCT && self.peek() == Some(b'[') {
            let commas = self.commas()?;
            // A longer list is no vector, and is only counted.
            if commas < DIM_MAX {
                return visitor.visit_byte_buf(self.components(commas)?);
            }
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        match self.quoted()? {
            (variant, false) => visitor.visit_enum(BorrowedStrDeserializer::new(variant)),
            (_, true) => Err(Refused),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// What stands in a list or an object.
struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    first: bool,
}

impl Items<'_, '_> {
    /// Whether there is another one.
    #[inline]
    fn more(&mut self, close: u8) -> Result<bool, Refused> {
        if self.reader.peek() == Some(close) {
            return Ok(false);
        }
        if !std::mem::take(&mut self.first) {
            self.reader.take(b',')?;
        }
        Ok(true)
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        if self.more(b']')? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Refused;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        if !self.more(b'}')? {
            return Ok(None);
        }
        // A key that is no text is read by nobody.
        if self.reader.peek() == Some(b'"') { seed.deserialize(&mut *self.reader).map(Some) } else { Err(Refused) }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        self.reader.take(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

#[cfg(test)]
mod tests;
