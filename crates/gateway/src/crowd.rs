//! The requests a node works on now, and the places among them.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use contracts::Clock;

use crate::shed::{Priority, Shed};

/// How many are worked on, and the limit that follows how they fare.
#[derive(Clone)]
pub(crate) struct Crowd(Arc<Inner>);

struct Inner {
    in_flight: AtomicUsize,
    shed: Mutex<Shed>,
}

impl Inner {
    fn shed(&self) -> MutexGuard<'_, Shed> {
        self.shed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, given back when dropped.
pub(crate) struct Place {
    inner: Arc<Inner>,
    priority: Priority,
}

impl Crowd {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Inner { in_flight: AtomicUsize::new(0), shed: Mutex::new(Shed::new(most)) }))
    }

    /// A place for one more; `None` when there is too much to do for its priority.
    pub(crate) fn enter(&self, priority: Priority) -> Option<Place> {
        let shed = self.0.shed();
        if !shed.admits(priority, self.0.in_flight.load(Ordering::Relaxed)) {
            return None;
        }
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        drop(shed);
        Some(Place { inner: Arc::clone(&self.0), priority })
    }

    pub(crate) fn set_most(&self, most: usize) {
        self.0.shed().set_most(most);
    }

    /// How many there are, and how many there may be.
    pub(crate) fn now(&self) -> (usize, usize) {
        (self.0.in_flight.load(Ordering::Relaxed), self.0.shed().limit())
    }
}

impl Place {
    /// Gives the place back and tells how long the answer took.
    pub(crate) fn leave(self, took: Duration, objective: Duration, clock: &Clock) {
        // Watchers say nothing about the work.
        if self.priority != Priority::Vital {
            let in_flight = self.inner.in_flight.load(Ordering::Relaxed);
            self.inner.shed().record(took, objective, in_flight, clock.now().as_microsecond());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inner.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
