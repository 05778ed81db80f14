//! Serves a router on a listener.
