//! From bytes to valid values of the domain, in one step.

use crate::codec::{self, Unreadable};
use crate::message::Invalid;
use bincode::BorrowDecode;

/// Why bytes give no value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unparsable {
    /// They are no message.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The message makes no sense.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// The value of the message `M` that `bytes` are.
pub(crate) fn parse<'a, M, T>(bytes: &'a [u8]) -> Result<T, Unparsable>
where
    M: BorrowDecode<'a, ()>,
    T: TryFrom<M>,
    Invalid: From<T::Error>,
{
    Ok(T::try_from(codec::decode::<M>(bytes)?).map_err(Invalid::from)?)
}
