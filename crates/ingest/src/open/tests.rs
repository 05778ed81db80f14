//! Broken, cut, doubled and exploding files.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use tempfile::NamedTempFile;

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn open(bytes: &[u8], limits: &Limits) -> Result<Opened, InputError> {
    let mut temp = NamedTempFile::new().unwrap();
    temp.write_all(bytes).unwrap();
    Opened::fetched(temp.into_temp_path(), "the input", limits)
}

fn inspect(bytes: &[u8], limits: &Limits) -> Result<Inspection, InputError> {
    open(bytes, limits)?.inspect(limits, Arc::default(), &CancellationToken::new())
}

/// Text that packs some three times, as real rows do.
fn rows(count: u32) -> Vec<u8> {
    (0..count).flat_map(|n| format!("{},{}\n", n.wrapping_mul(2_654_435_761), n).into_bytes()).collect()
}

#[test]
fn packed_and_plain_give_the_same_bytes() {
    let plain = rows(20_000);
    let doubled: Vec<u8> = [gzip(&plain[..1000]), gzip(&plain[1000..])].concat();
    for bytes in [plain.clone(), gzip(&plain), doubled] {
        let opened = open(&bytes, &Limits::default()).unwrap();
        let taken = Arc::new(AtomicU64::new(0));
        let mut read = Vec::new();
        opened.reader(&Limits::default(), taken.clone()).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == plain, "the same bytes");
        assert_eq!(taken.load(Ordering::Relaxed), bytes.len() as u64);
    }
}

#[test]
fn an_inspection_tells_files_apart() {
    let plain = rows(10);
    let one = inspect(&plain, &Limits::default()).unwrap();
    assert_eq!(one.head, plain);
    assert_eq!(one.fingerprint.len(), 64);
    assert_eq!(one, inspect(&plain, &Limits::default()).unwrap());
    assert_ne!(one.fingerprint, inspect(&rows(11), &Limits::default()).unwrap().fingerprint);
    assert_eq!(inspect(&rows(20_000), &Limits::default()).unwrap().head.len(), HEAD_BYTES);
}

#[test]
fn a_broken_gzip_is_one_clear_error() {
    let whole = gzip(&rows(5000));
    let mut flipped = whole.clone();
    let middle = whole.len() / 2;
    flipped[middle] ^= 0xff;
    let mut bad_sum = whole.clone();
    let sum_at = whole.len() - 8;
    bad_sum[sum_at] ^= 0xff;
    let trailing = [whole.clone(), b"junk".to_vec()].concat();
    for broken in [&whole[..middle], &whole[..whole.len() - 3], &whole[..5], &flipped, &bad_sum, &trailing] {
        let error = inspect(broken, &Limits::default()).unwrap_err();
        assert_eq!(error.code(), "broken_gzip", "{error}");
    }
    let cut = inspect(&whole[..middle], &Limits::default()).unwrap_err();
    assert_eq!(cut.to_string(), "the gzip file is broken or cut short (it ends in the middle)");
}

#[test]
fn a_bomb_is_stopped_at_the_bound() {
    let bomb = gzip(&vec![b' '; 4 << 20]);
    let by_ratio = Limits { ratio_after_bytes: 1 << 20, max_ratio: 200, ..Limits::default() };
    let mut reader = open(&bomb, &by_ratio).unwrap().reader(&by_ratio, Arc::default()).unwrap();
    let mut given = Vec::new();
    let error = InputError::from_io("x", reader.read_to_end(&mut given).unwrap_err());
    assert_eq!(error.code(), "decompression_bomb", "{error}");
    assert!(given.len() <= (1 << 20) + CHUNK_BYTES, "it stopped at {}", given.len());

    let by_size = Limits { max_unpacked_bytes: 1 << 20, ..Limits::default() };
    let error = inspect(&bomb, &by_size).unwrap_err();
    assert_eq!(error.to_string(), "the file unpacks to more than 1048576 bytes, the most that is taken");
    assert!(inspect(&bomb, &Limits::default()).is_ok(), "4 MiB of blanks harm nobody");
    assert!(inspect(&gzip(&rows(200_000)), &by_ratio).is_ok(), "rows pack less than that");
}

#[test]
fn what_is_no_file_is_said() {
    let limits = Limits { max_input_bytes: 3, ..Limits::default() };
    assert_eq!(open(b"four", &limits).unwrap_err().code(), "input_too_large");
    let missing = Opened::file(Path::new("/no/such/file"), "/no/such/file", &limits).unwrap_err();
    assert_eq!(missing.to_string(), "/no/such/file is not there");
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Opened::file(folder.path(), "there", &limits).unwrap_err().code(), "input_not_a_file");
}

#[test]
fn a_database_that_was_fetched_or_unpacked_goes_again_with_what_lies_beside_it() {
    let (folder, database) = (tempfile::tempdir().unwrap(), b"SQLite format 3\0...");
    for fetched in [database.to_vec(), gzip(database)] {
        let opened = open(&fetched, &Limits::default()).unwrap();
        let (path, temp) = opened.unpacked(folder.path(), &Limits::default()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), database);
        std::fs::write(path.with_extension("wal"), "what it is to do").unwrap();
        drop(temp);
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    }
    let path = folder.path().join("films.db");
    std::fs::write(&path, database).unwrap();
    let local = Opened::file(&path, "films.db", &Limits::default()).unwrap();
    assert_eq!(local.unpacked(folder.path(), &Limits::default()).unwrap().0, path, "read where it lies");
}

#[test]
fn an_inspection_can_be_stopped() {
    let stop = CancellationToken::new();
    stop.cancel();
    let opened = open(&rows(10), &Limits::default()).unwrap();
    assert_eq!(opened.inspect(&Limits::default(), Arc::default(), &stop).unwrap_err().code(), "stopped");
}
