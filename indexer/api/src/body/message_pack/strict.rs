//! What rmp-serde takes and we do not: integers in place of names, bytes in place of texts and lists, and a text that
//! is no text in place of bytes.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use std::fmt;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// A text: a name of a field or of a choice, an id.
    Text,
    /// Anything else.
    Any,
}

/// Reads, or is read, as `inner`, but strictly.
pub(super) struct Strict<'de, T> {
    pub(super) inner: T,
    /// The whole body, to tell bytes from a text: rmp-serde hands over both in the same way.
    pub(super) body: &'de [u8],
}

impl<'de, T> Strict<'de, T> {
    fn around<U>(&self, inner: U) -> Strict<'de, U> {
        Strict { inner, body: self.body }
    }
}

macro_rules! forward {
    ($wanted:expr, $($method:ident)*) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
                self.inner.$method(StrictVisitor { visitor, wanted: $wanted, body: self.body })
            }
        )*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<'de, D> {
    type Error = D::Error;

    forward!(Wanted::Any, deserialize_any deserialize_bool deserialize_option deserialize_unit deserialize_map
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64 deserialize_f32 deserialize_f64 deserialize_bytes deserialize_byte_buf deserialize_ignored_any);
    forward!(Wanted::Text, deserialize_identifier deserialize_str deserialize_string deserialize_char);

    /// As anything: asked for a list, rmp-serde makes one of bytes.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit_struct(name, StrictVisitor { visitor, wanted: Wanted::Any, body: self.body })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_newtype_struct(name, StrictVisitor { visitor, wanted: Wanted::Any, body: self.body })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = StrictVisitor { visitor, wanted: Wanted::Any, body: self.body };
        self.inner.deserialize_enum(name, variants, visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

struct StrictVisitor<'de, V> {
    visitor: V,
    wanted: Wanted,
    body: &'de [u8],
}

impl<'de, V: Visitor<'de>> StrictVisitor<'de, V> {
    /// The visitor for what is no text.
    #[inline]
    fn no_text<E: Error>(self, got: Unexpected<'_>) -> Result<V, E> {
        match self.wanted {
            Wanted::Any => Ok(self.visitor),
            Wanted::Text => Err(E::invalid_type(got, &self.visitor)),
        }
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for StrictVisitor<'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<V::Value, E> {
        self.no_text(Unexpected::Bool(value))?.visit_bool(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<V::Value, E> {
        self.no_text(Unexpected::Signed(value))?.visit_i64(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<V::Value, E> {
        self.no_text(Unexpected::Unsigned(value))?.visit_u64(value)
    }

    fn visit_f32<E: Error>(self, value: f32) -> Result<V::Value, E> {
        self.no_text(Unexpected::Float(value.into()))?.visit_f32(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        self.no_text(Unexpected::Float(value))?.visit_f64(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.visitor.visit_str(text)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.visitor.visit_borrowed_str(text)
    }

    /// Also called with a text that is not UTF-8, which then is said of it, whatever the error is.
    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<V::Value, E> {
        let is_text = !are_bytes(self.body, bytes);
        let visitor = self.no_text(Unexpected::Bytes(bytes))?;
        if is_text {
            Err(E::invalid_type(Unexpected::Bytes(bytes), &visitor))
        } else {
            visitor.visit_borrowed_bytes(bytes)
        }
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Strict { inner, body: self.body })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Strict { inner, body: self.body })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(Strict { inner, body: self.body })
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Strict { inner, body: self.body })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(Strict { inner, body: self.body })
    }
}

/// Whether `bytes`, a part of `body`, stand behind the head of a `bin` of their length. The head of a `str` never looks
/// like it: where the two overlap, a byte of one's marker would be a byte of the other's length, and much too large.
fn are_bytes(body: &[u8], bytes: &[u8]) -> bool {
    let at = bytes.as_ptr().addr().wrapping_sub(body.as_ptr().addr());
    let Some(before) = body.get(..at) else { return false };
    let Ok(length) = u32::try_from(bytes.len()) else { return false };
    let [highest, higher, high, low] = length.to_be_bytes();
    (length <= 0xff && before.ends_with(&[0xc4, low]))
        || (length <= 0xffff && before.ends_with(&[0xc5, high, low]))
        || before.ends_with(&[0xc6, highest, higher, high, low])
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<'de, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Strict { inner, body: self.body })
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<'de, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let seed = self.around(seed);
        self.inner.next_element_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<'de, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let seed = self.around(seed);
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.around(seed);
        self.inner.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Strict<'de, A> {
    type Error = A::Error;
    type Variant = Strict<'de, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let seed = self.around(seed);
        let (value, inner) = self.inner.variant_seed(seed)?;
        Ok((value, Strict { inner, body: self.body }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Strict<'de, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.around(seed);
        self.inner.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = StrictVisitor { visitor, wanted: Wanted::Any, body: self.body };
        self.inner.tuple_variant(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = StrictVisitor { visitor, wanted: Wanted::Any, body: self.body };
        self.inner.struct_variant(fields, visitor)
    }
}
