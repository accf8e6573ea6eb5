//! What is known to be stored.

use annuli_api::v1::document::IndexReply;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// The acknowledged batches of an import.
#[derive(Debug)]
pub(super) struct Ledger {
    /// First row to the row behind the last, of stretches that do not touch.
    stretches: BTreeMap<u64, u64>,
    rows: u64,
    total: u64,
    documents: u64,
    duplicates: u64,
}

impl Ledger {
    /// Of an import of so many rows, the first of which an earlier run has stored.
    pub(super) fn beginning_with(stored: u64, total: u64) -> Self {
        let stretches = (stored > 0).then_some((0, stored)).into_iter().collect();
        Self { stretches, rows: stored, total, documents: 0, duplicates: 0 }
    }

    /// Takes down an acknowledged batch. Every row comes once.
    pub(super) fn stored(&mut self, rows: &Range<u64>, reply: &IndexReply) {
        self.rows += rows.end - rows.start;
        self.documents += reply.indexed;
        self.duplicates += reply.duplicates.len() as u64;
        let (mut start, mut end) = (rows.start, rows.end);
        if let Some(behind) = self.stretches.remove(&end) {
            end = behind;
        }
        if let Some((&before, &until)) = self.stretches.range(..start).next_back()
            && until == start
        {
            start = before;
        }
        self.stretches.insert(start, end);
    }

    /// How many rows are stored for certain.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// How many rows from the first on are stored for certain, without a gap.
    pub(super) fn stored_from_first(&self) -> u64 {
        self.stretches.get(&0).copied().unwrap_or(0)
    }

    /// Which rows are stored for certain.
    pub(super) fn stored_rows(&self) -> StoredRows {
        let stretches = self.stretches.iter().map(|(&start, &end)| start..end).collect();
        StoredRows { stretches, rows: self.rows, total: self.total }
    }
}

/// Which rows are stored for certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRows {
    stretches: Vec<Range<u64>>,
    rows: u64,
    total: u64,
}

impl fmt::Display for StoredRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.stretches.is_empty() {
            return write!(f, "none of the {} rows is stored for certain", self.total);
        }
        let stretch = |rows: &Range<u64>| format!("{} to {}", rows.start, rows.end - 1);
        let stretches: Vec<_> = self.stretches.iter().map(stretch).collect();
        write!(f, "stored for certain are rows {} ({} of {})", stretches.join(", "), self.rows, self.total)
    }
}

/// What an import has done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Documents stored.
    pub documents: u64,
    /// Time that it took.
    pub seconds: f64,
    /// Documents a second.
    pub documents_per_second: f64,
    /// Rows whose id came again later, in the same request or, without a server, in the same file: the last was stored.
    pub duplicates: u64,
}

impl Summary {
    pub(super) fn of(ledger: &Ledger, took: Duration) -> Self {
        Self::new(ledger.documents, ledger.duplicates, took)
    }

    pub(super) fn new(documents: u64, duplicates: u64, took: Duration) -> Self {
        let seconds = took.as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "nobody reads the sixteenth digit of a rate")]
        let documents_per_second = documents as f64 / seconds.max(f64::EPSILON);
        Self { documents, seconds, documents_per_second, duplicates }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { documents, seconds, documents_per_second, duplicates } = self;
        write!(
            f,
            "{documents} documents in {seconds:.1} s, {documents_per_second:.0} documents/s, {duplicates} duplicates"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(batches: &[Range<u64>]) -> Ledger {
        let mut ledger = Ledger::beginning_with(0, 100);
        for rows in batches {
            let duplicates = vec!["twice".to_owned()];
            let indexed = rows.end - rows.start - 1;
            let reply = IndexReply {
                indexed,
                duplicates,
                conflicts: Vec::new(),
                shards: BTreeMap::new(),
                as_of: String::new(),
            };
            ledger.stored(rows, &reply);
        }
        ledger
    }

    #[track_caller]
    fn check(batches: &[Range<u64>], text: &str) {
        assert_eq!(ledger(batches).stored_rows().to_string(), text, "{batches:?}");
    }

    #[test]
    fn stored_rows_are_told_in_stretches() {
        check(&[], "none of the 100 rows is stored for certain");
        check(&[5..10, 0..5], "stored for certain are rows 0 to 9 (10 of 100)");
        check(&[90..99, 99..100], "stored for certain are rows 90 to 99 (10 of 100)");
        check(&[10..20, 0..10], "stored for certain are rows 0 to 19 (20 of 100)");
        check(&[20..30, 0..10], "stored for certain are rows 0 to 9, 20 to 29 (20 of 100)");
        check(&[20..30, 0..10, 10..20], "stored for certain are rows 0 to 29 (30 of 100)");
        check(&[0..10, 30..40, 20..30], "stored for certain are rows 0 to 9, 20 to 39 (30 of 100)");
    }

    #[test]
    fn what_an_earlier_run_has_stored_is_stored_and_not_counted_again() {
        let mut resumed = Ledger::beginning_with(50, 100);
        assert_eq!((resumed.rows(), resumed.stored_from_first()), (50, 50));
        let reply = IndexReply {
            indexed: 10,
            duplicates: Vec::new(),
            conflicts: Vec::new(),
            shards: BTreeMap::new(),
            as_of: String::new(),
        };
        resumed.stored(&(60..70), &reply);
        assert_eq!(resumed.stored_from_first(), 50);
        resumed.stored(&(50..60), &reply);
        assert_eq!((resumed.rows(), resumed.stored_from_first()), (70, 70));
        assert_eq!(Summary::of(&resumed, Duration::from_secs(1)).documents, 20);
    }

    #[test]
    fn a_summary_adds_up() {
        let summary = Summary::of(&ledger(&[0..10, 10..20]), Duration::from_secs(2));
        assert_eq!(summary.to_string(), "18 documents in 2.0 s, 9 documents/s, 2 duplicates");
    }
}
