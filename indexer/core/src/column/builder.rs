//! Columns from the metadata of a segment's rows.

use super::key::{self, Key};
use super::{BUILD_BYTES_MAX, PATH_BYTES_MAX, PATHS_MAX, dictionary, section};
use crate::metadata::Metadata;
use crate::value::{Object, Value};
use std::collections::HashMap;

/// Collects the values of each path, row by row.
///
/// A path is every chain of names that leads to a value, joined by dots, arrays being stepped through. That is
/// exactly what a filter's path finds: it tries every way to split itself into names, so that a field `a.b` and a
/// field `b` in an object `a` are the same path, and their values are in one column.
#[derive(Debug)]
pub struct ColumnsBuilder {
    rows: u32,
    caps: Caps,
    by_path: HashMap<Box<str>, usize>,
    /// `None`: given up, not indexed.
    columns: Vec<Option<Growing>>,
    /// Every path of at most [`PATH_BYTES_MAX`] is in `by_path`.
    complete: bool,
    /// Of all columns.
    bytes: usize,
    /// The path of the value that is being visited.
    path: String,
}

/// How much is indexed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caps {
    pub paths: usize,
    pub bytes: usize,
}

/// One path's values so far.
#[derive(Debug, Default)]
struct Growing {
    entries: HashMap<Key, u32>,
    /// Entry and slot of each value.
    values: Vec<(u32, u32)>,
    /// Slots where the path reaches anything but null.
    present: Vec<u32>,
    /// A row had two scalars.
    several: bool,
    bytes: usize,
}

/// Where the column of a value is, if its path has one.
#[derive(Debug, Clone, Copy)]
struct Place {
    slot: u32,
    column: Option<usize>,
}

impl ColumnsBuilder {
    /// For a segment of this many rows. A row that is never added has no metadata.
    pub fn new(rows: u32) -> Self {
        Self::with_caps(rows, Caps { paths: PATHS_MAX, bytes: BUILD_BYTES_MAX })
    }

    pub(super) fn with_caps(rows: u32, caps: Caps) -> Self {
        let (by_path, columns, path) = (HashMap::new(), Vec::new(), String::new());
        Self { rows, caps, by_path, columns, complete: true, bytes: 0, path }
    }

    /// Adds a row's metadata. Rows come in any order, each once.
    ///
    /// # Panics
    /// If the slot is not below the number of rows.
    pub fn add(&mut self, slot: u32, metadata: &Metadata) {
        assert!(slot < self.rows, "slot {slot} of {} rows", self.rows);
        self.path.clear();
        self.visit_fields(slot, metadata.object(), "");
        self.keep_to_the_cap();
    }

    /// The section of the segment's file.
    pub fn finish(self) -> Vec<u8> {
        let mut columns = self.columns;
        let mut paths: Vec<_> = self.by_path.into_iter().collect();
        paths.sort_unstable();
        let body = |column: Option<Growing>| column.map_or_else(Vec::new, |column| column.into_body(self.rows));
        let columns = paths.into_iter().map(|(path, at)| (path, body(columns[at].take())));
        section::write(self.rows, self.complete, columns)
    }

    fn visit_fields(&mut self, slot: u32, object: &Object, separator: &str) {
        let len = self.path.len();
        for (name, value) in object {
            self.path.push_str(separator);
            self.path.push_str(name);
            // What is below a path that is too long is too long as well.
            if self.path.len() <= PATH_BYTES_MAX {
                let column = self.column();
                self.visit(Place { slot, column }, value);
            }
            self.path.truncate(len);
        }
    }

    fn visit(&mut self, place: Place, value: &Value) {
        if !matches!(value, Value::Null) {
            self.edit(place, |column| column.add_present(place.slot));
        }
        let key = match value {
            Value::Null => Some(key::null()),
            Value::Bool(value) => Some(key::bool(*value)),
            Value::Number(number) => key::number(*number),
            Value::Text(text) => Some(key::text(text)),
            Value::Array(elements) => return elements.iter().for_each(|element| self.visit(place, element)),
            Value::Object(object) => return self.visit_fields(place.slot, object, "."),
        };
        match (key, place.column) {
            (Some(key), _) => self.edit(place, |column| column.add(key, place.slot)),
            // A number without a key leaves the column unable to tell what matches.
            (None, Some(column)) => self.give_up(column),
            (None, None) => {}
        }
    }

    /// The column of the current path.
    fn column(&mut self) -> Option<usize> {
        if let Some(&column) = self.by_path.get(self.path.as_str()) {
            return Some(column);
        }
        if self.columns.len() >= self.caps.paths {
            self.complete = false;
            return None;
        }
        self.by_path.insert(self.path.as_str().into(), self.columns.len());
        self.columns.push(Some(Growing::default()));
        Some(self.columns.len() - 1)
    }

    fn edit(&mut self, place: Place, edit: impl FnOnce(&mut Growing)) {
        let column = place.column.and_then(|column| self.columns[column].as_mut());
        if let Some(column) = column {
            let before = column.bytes;
            edit(column);
            self.bytes += column.bytes - before;
        }
    }

    fn give_up(&mut self, column: usize) {
        self.bytes -= self.columns[column].take().map_or(0, |column| column.bytes);
    }

    /// Gives up the largest columns: most often long texts that nobody filters by.
    fn keep_to_the_cap(&mut self) {
        while self.bytes > self.caps.bytes {
            let bytes = |column: &usize| self.columns[*column].as_ref().map_or(0, |column| column.bytes);
            let largest = (0..self.columns.len()).max_by_key(bytes);
            self.give_up(largest.expect("what has bytes has columns"));
        }
    }
}

/// What a key takes beside its bytes, and a slot: in memory at least what it takes in the section.
const ENTRY_BYTES: usize = 64;
const SLOT_BYTES: usize = 8;

impl Growing {
    fn add_present(&mut self, slot: u32) {
        // Elements of an array come one after the other.
        if self.present.last() != Some(&slot) {
            self.present.push(slot);
            self.bytes += SLOT_BYTES;
        }
    }

    fn add(&mut self, key: Key, slot: u32) {
        let next = u32::try_from(self.entries.len()).expect("a column's bytes are bounded");
        let key_bytes = key.len();
        let entry = *self.entries.entry(key).or_insert(next);
        if entry == next {
            self.bytes += key_bytes + ENTRY_BYTES;
        }
        let last = self.values.last();
        if last == Some(&(entry, slot)) {
            return;
        }
        self.several |= last.is_some_and(|(_, last_slot)| *last_slot == slot);
        self.values.push((entry, slot));
        self.bytes += SLOT_BYTES;
    }

    fn into_body(self, rows: u32) -> Vec<u8> {
        let mut slots = vec![Vec::new(); self.entries.len()];
        for (entry, slot) in self.values {
            slots[entry as usize].push(slot);
        }
        let mut entries: Vec<(Key, Vec<u32>)> =
            self.entries.into_iter().map(|(key, entry)| (key, std::mem::take(&mut slots[entry as usize]))).collect();
        entries.push((key::present(), self.present));
        entries.sort_unstable();
        let ascending = |mut slots: Vec<u32>| {
            slots.sort_unstable();
            slots.dedup();
            slots
        };
        dictionary::write(entries.into_iter().map(|(key, slots)| (key, ascending(slots))), !self.several, rows)
    }
}
