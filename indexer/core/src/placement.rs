//! Which shard owns a document.

use crate::id::{DocId, ShardCount, ShardId};
use twox_hash::XxHash64;

/// Returns the shard that owns `id` in an index of `shards` shards.
///
/// The id's xxHash64 (seed 0), read as a fraction of 2^64, times the number of shards. Stored data and dumps are
/// partitioned with this function, so its output is part of the formats and never changes.
pub fn shard_of(id: &DocId, shards: ShardCount) -> ShardId {
    let hash = XxHash64::oneshot(0, id.as_str().as_bytes());
    let shard = (u128::from(hash) * u128::from(shards.get())) >> 64;
    ShardId(u32::try_from(shard).expect("a fraction below 1 of a u32 is a u32"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(id: &str, shards: u32) -> u32 {
        shard_of(&DocId::new(id).unwrap(), ShardCount::new(shards).unwrap()).0
    }

    /// If this test fails, every workspace and dump in the world has become unreadable: mend the function.
    #[test]
    fn owners_are_pinned_for_ever() {
        let owners: Vec<_> = ["a", "nginx", "faces/0001.png", "äöü", "0"]
            .iter()
            .map(|id| [2, 3, 7, 256].map(|n| owner(id, n)))
            .collect();
        assert_eq!(owners, PINNED);
    }

    /// Owners among 2, 3, 7 and 256 shards.
    const PINNED: [[u32; 4]; 5] = [[1, 2, 5, 210], [0, 0, 0, 24], [1, 2, 6, 247], [1, 2, 4, 177], [0, 1, 2, 99]];

    #[test]
    fn one_shard_owns_everything() {
        assert!((0..1000).all(|n| owner(&format!("doc-{n}"), 1) == 0));
    }

    #[test]
    fn shards_are_filled_evenly() {
        let mut counts = [0u32; 5];
        for n in 0..50_000 {
            counts[owner(&format!("doc-{n}"), 5) as usize] += 1;
        }
        assert!(counts.iter().all(|&count| (9_600..=10_400).contains(&count)), "{counts:?}");
    }
}
