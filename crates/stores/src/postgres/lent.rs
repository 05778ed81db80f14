//! Who has connections: what tells a pool that is busy from a server that does not answer.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

/// The connections of a pool that somebody has. The driver ends a wait for one in the same way, whether others have them
/// all or the server gives none.
#[derive(Default)]
pub(super) struct Lent {
    now: AtomicU32,
    ever: AtomicU64,
}

impl Lent {
    /// How many were lent so far.
    pub fn ever(&self) -> u64 {
        self.ever.load(Ordering::Relaxed)
    }

    /// Lends one more, until what this gives is dropped.
    pub fn lend(self: &Arc<Self>) -> Loan {
        self.now.fetch_add(1, Ordering::Relaxed);
        self.ever.fetch_add(1, Ordering::Relaxed);
        Loan(Arc::clone(self))
    }

    /// Whether a wait that was in vain, and began when `before` had been lent, was for somebody else's: for one of `all`
    /// that are lent, or for one that others were given first.
    pub fn explains(&self, before: u64, all: u32) -> bool {
        self.now.load(Ordering::Relaxed) >= all || self.ever() > before
    }
}

/// A connection that somebody has.
pub(super) struct Loan(Arc<Lent>);

impl Drop for Loan {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_for_others_where_they_have_all_or_were_given_one_meanwhile() {
        let lent = Arc::new(Lent::default());
        let one = lent.lend();
        let before = lent.ever();
        assert!(!lent.explains(before, 2), "the other one was free");
        let other = lent.lend();
        assert!(lent.explains(lent.ever(), 2), "they have both");
        drop((one, other));
        assert!(lent.explains(before, 2), "somebody was given one");
        assert!(!lent.explains(lent.ever(), 2), "nobody was since");
    }
}
