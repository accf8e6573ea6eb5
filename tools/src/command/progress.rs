//! How far a long command is: a bar on a terminal, a line now and then in a log.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between two lines in a log.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Rows,
    Documents,
    Bytes,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Documents => "documents",
            Self::Bytes => "bytes",
        }
    }

    const fn bar(self) -> &'static str {
        match self {
            Self::Rows | Self::Documents => "{wide_bar} {human_pos}/{human_len}, {per_sec:.0}, {eta} left",
            Self::Bytes => "{wide_bar} {binary_bytes}/{binary_total_bytes}, {binary_bytes_per_sec}, {eta} left",
        }
    }
}

/// Shows progress on stderr.
pub(super) enum Progress {
    Bar(ProgressBar),
    Lines(ProgressLines),
}

/// Lines for a log.
pub(super) struct ProgressLines {
    unit: Unit,
    total: u64,
    began: Instant,
    last: Instant,
}

impl Progress {
    pub(super) fn open(unit: Unit, total: u64, now: Instant) -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines(ProgressLines { unit, total, began: now, last: now });
        }
        let style = ProgressStyle::with_template(unit.bar()).expect("the template is a constant");
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        Self::Bar(bar.with_style(style))
    }

    pub(super) fn show(&mut self, done: u64, now: Instant) {
        match self {
            Self::Bar(bar) => bar.set_position(done),
            Self::Lines(lines) => {
                if let Some(line) = lines.line(done, now) {
                    // A log that cannot be written to is no reason to stop.
                    let _ = writeln!(io::stderr(), "{line}");
                }
            }
        }
    }

    pub(super) fn close(&self) {
        match self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Lines(_) => {}
        }
    }
}

impl ProgressLines {
    /// The line for this moment, if it is time for one.
    fn line(&mut self, done: u64, now: Instant) -> Option<String> {
        if now.duration_since(self.last) < LINE_EVERY {
            return None;
        }
        self.last = now;
        let (total, unit) = (self.total, self.unit.name());
        if done == 0 {
            return Some(format!("0 of {total} {unit}"));
        }
        #[allow(clippy::cast_precision_loss, reason = "nobody reads the sixteenth digit of a rate")]
        let rate = done as f64 / now.duration_since(self.began).as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "nobody reads the sixteenth digit of an estimate")]
        let left = total.saturating_sub(done) as f64 / rate;
        Some(format!("{done} of {total} {unit}, {rate:.0} {unit}/s, about {left:.0} s left"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_line_comes_every_few_seconds_with_rate_and_time_left() {
        let began = clock::now();
        let mut lines = ProgressLines { unit: Unit::Rows, total: 1000, began, last: began };
        let mut at = |seconds: u64, done| lines.line(done, began + Duration::from_secs(seconds));
        assert_eq!(at(4, 100), None);
        assert_eq!(at(5, 100).unwrap(), "100 of 1000 rows, 20 rows/s, about 45 s left");
        assert_eq!(at(9, 200), None);
        assert_eq!(at(10, 500).unwrap(), "500 of 1000 rows, 50 rows/s, about 10 s left");
    }

    #[test]
    fn before_anything_is_done_nothing_is_estimated() {
        let began = clock::now();
        let mut lines = ProgressLines { unit: Unit::Rows, total: 1000, began, last: began };
        assert_eq!(lines.line(0, began + LINE_EVERY).unwrap(), "0 of 1000 rows");
    }
}
