//! Where things stand in etcd. Persisted: keep it stable.

use crate::key::{InvalidKey, Key, Prefix};
use crate::lease::LeaseId;
use std::sync::Arc;

/// The two folders under a root.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    keys: Arc<str>,
    leases: Arc<str>,
}

/// A key that this program has not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum ForeignKey {
    #[error("the key {0:?} is not of this program: give it a root of its own")]
    Elsewhere(String),
    #[error(transparent)]
    Invalid(#[from] InvalidKey),
}

impl Layout {
    pub(super) fn under(root: &Prefix) -> Self {
        let folder = |name| Arc::from(format!("{}{name}/", root.as_str()));
        Self { keys: folder("keys"), leases: folder("leases") }
    }

    pub(super) fn key(&self, key: &Key) -> Vec<u8> {
        format!("{}{key}", self.keys).into_bytes()
    }

    pub(super) fn lease(&self, lease: LeaseId) -> Vec<u8> {
        format!("{}{lease}", self.leases).into_bytes()
    }

    /// The first key of a prefix, and the first behind all of them.
    pub(super) fn range(&self, prefix: &Prefix) -> (Vec<u8>, Vec<u8>) {
        let from = format!("{}{}", self.keys, prefix.as_str()).into_bytes();
        let mut end = from.clone();
        // UTF-8 has no byte 255, and the folder's name is not empty.
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        (from, end)
    }

    pub(super) fn parse(&self, stored: &[u8]) -> Result<Key, ForeignKey> {
        let elsewhere = || ForeignKey::Elsewhere(String::from_utf8_lossy(stored).into_owned());
        let key = stored.strip_prefix(self.keys.as_bytes()).ok_or_else(elsewhere)?;
        Ok(Key::new(std::str::from_utf8(key).map_err(|_| elsewhere())?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_under_the_root_and_is_read_back() {
        let layout = Layout::under(&Prefix::new("annuli/").unwrap());
        let key = Key::new("nodes/ä").unwrap();
        assert_eq!(layout.key(&key), "annuli/keys/nodes/ä".as_bytes());
        assert_eq!(layout.parse(&layout.key(&key)).unwrap(), key);
        assert_eq!(layout.lease(LeaseId(7)), b"annuli/leases/7");
    }

    #[test]
    fn a_range_holds_the_keys_of_its_prefix_and_no_lease() {
        let layout = Layout::under(&Prefix::new("annuli/").unwrap());
        let (from, end) = layout.range(&Prefix::new("nodes/ä").unwrap());
        let covered =
            |text: &str| (from.as_slice()..end.as_slice()).contains(&layout.key(&Key::new(text).unwrap()).as_slice());
        assert!(covered("nodes/ä") && covered("nodes/äz"));
        assert!(!covered("nodes/z") && !covered("nodes/é"));
        let (from, end) = layout.range(&Prefix::all());
        assert_eq!((from.as_slice(), end.as_slice()), (b"annuli/keys/".as_slice(), b"annuli/keys0".as_slice()));
    }

    #[test]
    fn a_foreign_key_is_named() {
        let layout = Layout::under(&Prefix::new("annuli/").unwrap());
        let error = layout.parse(b"other/1").unwrap_err().to_string();
        assert_eq!(error, "the key \"other/1\" is not of this program: give it a root of its own");
    }
}
