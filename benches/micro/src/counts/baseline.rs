//! Counts by subject, as they are kept in git and reviewed as a diff.

use super::Failure;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fmt, fs};

/// What a count may grow by, in percent. Another release of the compiler moves some by one or two.
const GROWTH_PERCENT_MAX: f64 = 3.0;

/// Instructions of each subject.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Baseline(BTreeMap<String, u64>);

/// A subject now and before.
#[derive(Debug, PartialEq)]
pub(super) struct Change {
    subject: String,
    before: Option<u64>,
    now: Option<u64>,
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("counts.json")
}

impl Baseline {
    pub(super) fn put(&mut self, subject: &str, count: u64) {
        self.0.insert(subject.to_owned(), count);
    }

    /// What git has.
    pub(super) fn read() -> Result<Self, Failure> {
        let path = path();
        let failed = |error: &dyn fmt::Display| {
            Failure(format!("{}: {error}; `ANNULI_COUNTS=write` writes it anew", path.display()))
        };
        let text = fs::read_to_string(&path).map_err(|error| failed(&error))?;
        serde_json::from_str(&text).map(Self).map_err(|error| failed(&error))
    }

    pub(super) fn write(&self) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(&self.0).expect("texts and numbers") + "\n";
        fs::write(path(), text).map_err(|error| Failure(format!("{}: {error}", path().display())))
    }

    /// Every subject of either.
    pub(super) fn compare(&self, before: &Self) -> Vec<Change> {
        let subjects: std::collections::BTreeSet<_> = self.0.keys().chain(before.0.keys()).collect();
        let change = |subject: &String| Change {
            subject: subject.clone(),
            before: before.0.get(subject).copied(),
            now: self.0.get(subject).copied(),
        };
        subjects.into_iter().map(change).collect()
    }
}

impl Change {
    /// Returns whether this is to be looked at: more than the tolerance, or known to one side only.
    pub(super) fn is_worse(&self) -> bool {
        self.percent().is_none_or(|percent| percent > GROWTH_PERCENT_MAX)
    }

    fn percent(&self) -> Option<f64> {
        let (before, now) = (self.before?, self.now?);
        Some((now as f64 / before as f64 - 1.0) * 100.0)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
        write!(f, "{:40} {:>12} {:>12}", self.subject, number(self.before), number(self.now))?;
        if let Some(percent) = self.percent() {
            write!(f, " {percent:>+8.2}%")?;
        }
        if self.is_worse() { f.write_str("  <- look at this") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worse(before: Option<u64>, now: Option<u64>) -> bool {
        let side = |count: Option<u64>| Baseline(count.map(|count| ("dot".to_owned(), count)).into_iter().collect());
        let changes = side(now).compare(&side(before));
        let [change] = &changes[..] else { panic!("{changes:?}") };
        change.is_worse()
    }

    #[test]
    fn growth_beyond_the_tolerance_is_worse_and_shrinking_is_not() {
        assert!(worse(Some(1000), Some(1031)));
        assert!(!worse(Some(1000), Some(1029)));
        assert!(!worse(Some(1000), Some(10)));
    }

    #[test]
    fn what_only_one_side_knows_is_to_be_looked_at() {
        assert!(worse(None, Some(1)));
        assert!(worse(Some(1), None));
    }
}
