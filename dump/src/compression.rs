//! How hard an archive is compressed.

use crate::limits::{COMPRESSION_LEVEL_MAX, COMPRESSION_THREADS_MAX};
use serde::{Deserialize, Serialize};

/// Compression of an archive: a trade of the dump's time for its size. Readers need not know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Compression {
    /// zstd's level, 1 (fast) to 19 (small). Vectors hardly shrink at any level.
    pub level: i32,
    /// Threads that compress, 1 to 16. The archive's bytes do not depend on it.
    pub threads: u32,
}

/// Settings that zstd would bend in silence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCompression {
    /// Outside 1 to 19.
    #[error("the compression level is {level}: it can be 1 to {COMPRESSION_LEVEL_MAX}")]
    Level {
        /// The level asked for.
        level: i32,
    },
    /// Outside 1 to 16.
    #[error("compression has {threads} threads: it can have 1 to {COMPRESSION_THREADS_MAX}")]
    Threads {
        /// The number asked for.
        threads: u32,
    },
}

impl Default for Compression {
    /// zstd's own level, on one thread: a dump runs beside the searches of the same machine.
    fn default() -> Self {
        Self { level: 3, threads: 1 }
    }
}

impl Compression {
    pub(crate) fn check(self) -> Result<(), InvalidCompression> {
        let Self { level, threads } = self;
        if !(1..=COMPRESSION_LEVEL_MAX).contains(&level) {
            return Err(InvalidCompression::Level { level });
        }
        if !(1..=COMPRESSION_THREADS_MAX).contains(&threads) {
            return Err(InvalidCompression::Threads { threads });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(level: i32, threads: u32, valid: bool) {
        assert_eq!(Compression { level, threads }.check().is_ok(), valid, "level {level}, {threads} threads");
    }

    #[test]
    fn settings_have_bounds() {
        check(1, 1, true);
        check(19, 16, true);
        check(0, 1, false);
        check(20, 1, false);
        check(1, 0, false);
        check(1, 17, false);
    }
}
