//! Ports for processes that must be told theirs beforehand.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{iter, process};

/// The first of so many ports in a row that were free a moment ago. They are below those that the system gives to whoever asks
/// for any, and not the same for everybody who looks at the same time.
pub fn free_ports(count: u16) -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let asked = u64::from(process::id()) << 16 | ASKED.fetch_add(1, Ordering::Relaxed);
    let mut random = StdRng::seed_from_u64(asked);
    let first = iter::repeat_with(|| random.random_range(12_000..30_000));
    let mut free = first.take(1000).filter(|first| (*first..first + count).all(is_free));
    free.next().expect("some ports in a row are free")
}
