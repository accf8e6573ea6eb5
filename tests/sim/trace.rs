//! What has happened in a life, as lines; their digest tells two lives apart.

use crate::world::locked;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;

/// Lines that are kept for who wants to know how it came to a violation.
const KEPT: usize = 60;

/// The trace of a life.
pub(crate) struct Trace {
    lines: Mutex<Lines>,
    /// Each line is printed as it comes.
    is_shown: bool,
}

struct Lines {
    digest: u64,
    last: VecDeque<String>,
}

impl Trace {
    pub(crate) fn new(is_shown: bool) -> Self {
        // The offset basis of FNV-1a.
        Self { lines: Mutex::new(Lines { digest: 0xcbf2_9ce4_8422_2325, last: VecDeque::new() }), is_shown }
    }

    pub(crate) fn note(&self, now: u64, line: fmt::Arguments<'_>) {
        let line = format!("{now:>7} {line}");
        if self.is_shown {
            eprintln!("{line}");
        }
        let mut lines = locked(&self.lines);
        lines.digest = line
            .bytes()
            .fold(lines.digest, |digest, byte| (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        lines.last.push_back(line);
        if lines.last.len() > KEPT {
            lines.last.pop_front();
        }
    }

    pub(crate) fn digest(&self) -> u64 {
        locked(&self.lines).digest
    }

    /// The last lines.
    pub(crate) fn tail(&self) -> String {
        locked(&self.lines).last.iter().fold(String::new(), |text, line| text + line + "\n")
    }
}
