//! Setting and removing an alias.

use super::check_readable;
use crate::change::Change;
use crate::record::{AliasRecord, Key};
use crate::records::Records;
use annuli_api::Failure;
use annuli_api::catalogue::refusal;
use annuli_core::IndexName;
use annuli_core::limits::ALIASES_MAX;

/// Makes `alias` stand for `index`, instead of what it stood for before, if it did or there may be one more. Two that are set at
/// the same moment do not count each other.
pub fn set_alias(records: &Records, alias: &IndexName, index: &IndexName) -> Result<Change, Failure> {
    let (taken, target) = (Key::Index(alias.clone()), Key::Index(index.clone()));
    check_readable(records, &taken)?;
    check_readable(records, &Key::Alias(alias.clone()))?;
    if records.indexes.contains_key(alias) {
        return Err(refusal::alias_is_an_index(alias));
    }
    let stored = records.indexes.get(index).ok_or_else(|| refusal::index_not_found(index))?;
    let record = AliasRecord { index: index.clone(), uuid: stored.record.first };
    let (change, key) = (Change::new().if_absent(taken).if_at(target, stored.revision), Key::Alias(alias.clone()));
    // A commit that is on its way for long may not take back what was set since.
    let change = match records.aliases.get(alias) {
        Some(before) => change.if_at(key.clone(), before.revision),
        None => {
            check_room(records)?;
            change.if_absent(key.clone())
        }
    };
    Ok(change.put(key, record.encode()))
}

/// There may be one alias more. Those of deleted indexes, which are on their way out, do not count.
fn check_room(records: &Records) -> Result<(), Failure> {
    let there_are = records.aliases.keys().filter(|alias| records.alias(alias).is_some()).count();
    if there_are >= ALIASES_MAX { Err(refusal::too_many_aliases(there_are)) } else { Ok(()) }
}

/// A removal of an alias, which may be decided several times until it is known to be done.
#[derive(Debug, Default)]
pub struct AliasRemoval {
    /// When the alias was set that stood there at first.
    target: Option<u64>,
}

impl AliasRemoval {
    /// What is to be written; nothing, if what stood there at first is gone. A look after a commit whose answer was lost may
    /// find what somebody has set since.
    pub fn decide(&mut self, records: &Records, alias: &IndexName) -> Result<Option<Change>, Failure> {
        let found = records.aliases.get(alias).map(|stored| stored.revision);
        if self.target.is_some() && self.target != found {
            return Ok(None);
        }
        self.target = found;
        remove_alias(records, alias).map(Some)
    }
}

/// Removes an alias.
pub fn remove_alias(records: &Records, alias: &IndexName) -> Result<Change, Failure> {
    if records.alias(alias).is_none() {
        return Err(refusal::alias_not_found(alias));
    }
    let key = Key::Alias(alias.clone());
    let revision = records.aliases[alias].revision;
    Ok(Change::new().if_at(key.clone(), revision).delete(key))
}

/// Removes an alias whose index was deleted.
pub fn remove_dangling_alias(records: &Records, alias: &IndexName) -> Option<Change> {
    let stored = records.aliases.get(alias).filter(|stored| records.is_dangling(&stored.record))?;
    let key = Key::Alias(alias.clone());
    Some(Change::new().if_at(key.clone(), stored.revision).delete(key))
}
