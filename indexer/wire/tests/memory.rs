//! What hostile messages take of memory. In a process of its own: others would be measured with it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

use annuli_api::shard_api::ConditionalWrite;
use annuli_core::Filter;
use annuli_wire::codec::decode;
use annuli_wire::limits::ITEMS_MAX;
use annuli_wire::message::{
    DeleteRequest, GetAnswer, ListAnswer, SearchAnswer, SearchRequest, WriteAnswer, WriteRequest,
};

/// The most that the process has ever asked of the operating system, in KiB; what it has not touched counts too.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// A list that announces so many items, and a few bytes of them.
fn announcing(items: u64) -> Vec<u8> {
    [&[1, 253][..], &items.to_le_bytes(), &[0; 40]].concat()
}

#[test]
fn messages_take_memory_for_what_they_hold_and_not_for_what_they_announce() {
    let before = peak_kib();
    for items in [ITEMS_MAX as u64, ITEMS_MAX as u64 + 1, 1 << 40, u64::MAX] {
        let bytes = announcing(items);
        assert!(decode::<WriteRequest<'_>>(&bytes).is_err());
        assert!(decode::<WriteAnswer>(&bytes).is_err());
        assert!(decode::<DeleteRequest<'_>>(&bytes).is_err());
        assert!(decode::<SearchRequest<'_>>(&bytes).is_err());
        assert!(decode::<SearchAnswer<'_>>(&bytes).is_err());
        assert!(decode::<GetAnswer<'_>>(&bytes).is_err());
        assert!(decode::<ListAnswer<'_>>(&bytes).is_err());
        // One combination of so many parts, of which there is one.
        let parts = [&[1, 2, 0, 252][..], &u32::try_from(items).unwrap_or(u32::MAX).to_le_bytes(), &[0, 0]].concat();
        assert!(Filter::try_from(decode::<DeleteRequest<'_>>(&parts).unwrap()).is_err());
    }
    assert!(peak_kib() - before < 1_024, "{} KiB more than {before}", peak_kib() - before);

    // The most items for the fewest bytes: deletes of ids of one letter.
    let deletes = 200_000_u64;
    let bytes = [[1, 253].as_slice(), &deletes.to_le_bytes(), &[1, b'a', 0, 2].repeat(200_000)].concat();
    let writes = Vec::<ConditionalWrite>::try_from(decode::<WriteRequest<'_>>(&bytes).unwrap()).unwrap();
    assert_eq!(writes.len(), 200_000);
    let multiple = (peak_kib() - before) * 1_024 / bytes.len() as u64;
    assert!(multiple < 100, "{multiple} times its bytes");
}
