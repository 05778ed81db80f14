//! What one input may cost at most.

use std::time::Duration;

/// The bounds of a run; each protects the node from one kind of bad input.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest file taken, as it lies on the disk or comes over the network, in bytes.
    pub max_input_bytes: u64,
    /// The most a gzipped file may unpack to, in bytes.
    pub max_unpacked_bytes: u64,
    /// How many times its compressed size a file may unpack to. Text packs 3 to 20 times, and even a CSV of blanks
    /// stays below 200 once it has any variety; deflate itself stops at 1032, which is where bombs live.
    pub max_ratio: u64,
    /// The ratio is judged after this many unpacked bytes: a small file of blanks harms nobody.
    pub ratio_after_bytes: u64,
    /// The longest row, in bytes.
    pub max_record_bytes: usize,
    /// How many bytes may be read in vain, looking for the ends of rows that have none, before the file is given up:
    /// it keeps the work linear in the file's size.
    pub max_wasted_bytes: usize,
    /// How many rejected rows are kept for reading; they are counted beyond it.
    pub max_kept_rejects: u64,
    /// Of how many runs the rejected rows are kept; those of older runs are removed when another begins.
    pub max_kept_reject_files: usize,
    /// How long to wait for a server to accept a connection.
    pub connect_timeout: Duration,
    /// How long a server may send nothing.
    pub read_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_input_bytes: 16 << 30,
            max_unpacked_bytes: 16 << 30,
            max_ratio: 200,
            ratio_after_bytes: 64 << 20,
            max_record_bytes: 1 << 20,
            max_wasted_bytes: 100 << 20,
            max_kept_rejects: 100_000,
            max_kept_reject_files: 100,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
        }
    }
}
