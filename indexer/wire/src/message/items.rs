//! Lists in messages.

use crate::limits::ITEMS_MAX;
use bincode::de::read::Reader;
use bincode::de::{BorrowDecode, BorrowDecoder, Decode};
use bincode::enc::{Encode, Encoder};
use bincode::error::{DecodeError, EncodeError};

/// Items of a list, whose number stands before them.
///
/// bincode's own lists make room for as many items as they announce. Here room is made as items come: a hostile number
/// takes no memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Items<T>(pub Vec<T>);

/// Items that there is room for at once.
const ROOM_AT_FIRST: usize = 64;

const TOO_MANY: &str = "a list has more items than the protocol allows";

impl<T> Items<T> {
    /// Converts every item, as far as it goes.
    pub fn try_convert<U, E>(self, convert: impl FnMut(T) -> Result<U, E>) -> Result<Vec<U>, E> {
        self.0.into_iter().map(convert).collect()
    }
}

impl<T> FromIterator<T> for Items<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl<T: Encode> Encode for Items<T> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        if self.0.len() > ITEMS_MAX {
            return Err(EncodeError::Other(TOO_MANY));
        }
        (self.0.len() as u64).encode(encoder)?;
        self.0.iter().try_for_each(|item| item.encode(encoder))
    }
}

impl<'de, Context, T: BorrowDecode<'de, Context>> BorrowDecode<'de, Context> for Items<T> {
    fn borrow_decode<D: BorrowDecoder<'de, Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let announced = u64::decode(decoder)?;
        let count = usize::try_from(announced).ok().filter(|&count| count <= ITEMS_MAX);
        let count = count.ok_or(DecodeError::Other(TOO_MANY))?;
        // Each item has at least a byte.
        if decoder.reader().peek_read(count).is_none() {
            return Err(DecodeError::UnexpectedEnd { additional: count });
        }
        let mut items = Vec::with_capacity(count.min(ROOM_AT_FIRST));
        for _ in 0..count {
            items.push(T::borrow_decode(decoder)?);
        }
        Ok(Self(items))
    }
}
