//! Seeds of random runs.

use rand::SeedableRng;
use rand::rngs::StdRng;
use std::env;

/// The seed of a run: `ANNULI_SEED` if that is set, so that a failure can be played again, else `default`. A failed
/// test shows it.
pub(crate) fn seed(default: u64) -> u64 {
    let seed = match env::var("ANNULI_SEED") {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("ANNULI_SEED is `{text}`, which is no number")),
        Err(_) => default,
    };
    eprintln!("ANNULI_SEED={seed}");
    seed
}

/// A source of its own for one part of a run.
pub(crate) fn random(seed: u64, part: u64) -> StdRng {
    StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(part))
}
