//! The name of a dump.

use std::fmt;
use uuid::Uuid;

/// Identity of a dump: a UUID of version 7, made by the caller and never used twice. Its first bits are the time of
/// its making, so ids order dumps from old to new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DumpId(Uuid);

/// A text or a UUID that cannot name a dump.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{start:?} cannot name a dump: a dump id is a UUID of version 7, in lower case with hyphens")]
pub struct InvalidDumpId {
    start: String,
}

impl DumpId {
    /// Checks the version, without which ids would not be ordered by time.
    pub fn new(uuid: Uuid) -> Result<Self, InvalidDumpId> {
        if uuid.get_version_num() == 7 { Ok(Self(uuid)) } else { Err(InvalidDumpId { start: uuid.to_string() }) }
    }

    /// Reads the one form that [`DumpId`] is written in: a dump has one folder, not one for each spelling.
    pub fn parse(text: &str) -> Result<Self, InvalidDumpId> {
        parse_uuid(text)
            .and_then(|uuid| Self::new(uuid).ok())
            .ok_or_else(|| InvalidDumpId { start: text.chars().take(40).collect() })
    }

    /// The id as a UUID.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for DumpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads a UUID in lower case with hyphens, the only form that this crate writes.
pub(crate) fn parse_uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|uuid| uuid.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        assert_eq!(DumpId::parse(text).map(|id| id.to_string()).ok(), valid.then(|| text.to_owned()));
    }

    #[test]
    fn a_dump_id_is_a_uuid_of_version_7_in_one_spelling() {
        check("01890a5d-ac96-774b-bcce-b302099a8057", true);
        check("01890A5D-AC96-774B-BCCE-B302099A8057", false);
        check("01890a5dac96774bbcceb302099a8057", false);
        check("{01890a5d-ac96-774b-bcce-b302099a8057}", false);
        check("f47ac10b-58cc-4372-a567-0e02b2c3d479", false);
        check("", false);
    }
}
