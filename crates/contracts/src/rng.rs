//! Randomness, as an input.

use std::sync::{Arc, Mutex, PoisonError};

use rand::{Rng as _, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// A shared ChaCha12 generator: seeded by the system, or from a number so that a run can be replayed.
#[derive(Clone, Debug)]
pub struct Rng(Arc<Mutex<ChaCha12Rng>>);

impl Rng {
    /// Seeded by the operating system.
    pub fn system() -> Self {
        Self(Arc::new(Mutex::new(rand::make_rng())))
    }

    /// The same sequence for the same `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(ChaCha12Rng::seed_from_u64(seed))))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        let draw = u64::from_le_bytes(self.bytes());
        // Lemire's multiply-shift; its bias is below bound / 2^64.
        ((u128::from(draw) * u128::from(bound)) >> 64) as u64
    }
}
