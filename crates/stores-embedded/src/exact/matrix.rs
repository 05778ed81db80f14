//! The vectors in rows: in memory, or mapped from a file without a name, of which the system keeps in memory what is used
//! and what there is room for.
//!
//! The file is filled anew at every start, from the file of the index, and is gone with the process.

use std::{
    fs::File,
    io::{self, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use memmap2::MmapMut;

/// The least that a file grows by, in bytes.
const STEP: usize = 256 << 10;
/// Zeros that are written at a time.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
const NUMBER: usize = size_of::<f32>();

/// Numbers in a row, of which the last can be cut into vectors.
pub struct Matrix {
    len: usize,
    store: Store,
}

enum Store {
    Memory(Vec<f32>),
    Mapped(Mapped),
}

struct Mapped {
    file: File,
    map: Option<MmapMut>,
}

impl Matrix {
    /// One that is held in memory.
    pub fn in_memory() -> Self {
        Self { len: 0, store: Store::Memory(Vec::new()) }
    }

    /// One that is mapped from a file in the folder of `path`; held in memory where no file can be made.
    pub fn beside(path: &Path) -> Self {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match tempfile::tempfile_in(folder) {
            Ok(file) => Self::over(file),
            Err(error) => {
                tracing::warn!(%error, "the vectors are held in memory: no file can be made for them");
                Self::in_memory()
            }
        }
    }

    fn over(file: File) -> Self {
        Self { len: 0, store: Store::Mapped(Mapped { file, map: None }) }
    }

    /// All numbers.
    pub fn numbers(&self) -> &[f32] {
        match &self.store {
            Store::Memory(numbers) => &numbers[..self.len],
            Store::Mapped(mapped) => &mapped.numbers()[..self.len],
        }
    }

    /// Puts `vector` at `at`, which lies in the matrix or at its end.
    pub fn put(&mut self, at: usize, vector: &[f32]) {
        self.grow_to(at + vector.len());
        let numbers = match &mut self.store {
            Store::Memory(numbers) => &mut numbers[..],
            Store::Mapped(mapped) => mapped.numbers_mut(),
        };
        numbers[at..][..vector.len()].copy_from_slice(vector);
    }

    /// Makes it hold at least `len` numbers, the new ones zeros.
    pub fn grow_to(&mut self, len: usize) {
        if len <= self.len {
            return;
        }
        if let Store::Mapped(mapped) = &mut self.store
            && let Err(error) = mapped.grow_to(len)
        {
            tracing::warn!(%error, "the vectors are held in memory: there is no room to map them from");
            self.store = Store::Memory(mapped.numbers()[..self.len].to_vec());
        }
        if let Store::Memory(numbers) = &mut self.store {
            numbers.resize(len, 0.0);
        }
        self.len = len;
    }

    /// Forgets everything; what comes is held as before.
    pub fn clear(&mut self) {
        // Of a mapped file the room stays.
        self.len = 0;
        match &mut self.store {
            Store::Memory(numbers) => *numbers = Vec::new(),
            Store::Mapped(mapped) => mapped.numbers_mut().fill(0.0),
        }
    }
}

impl Mapped {
    fn numbers(&self) -> &[f32] {
        self.map.as_ref().map_or(&[], |map| bytemuck::cast_slice(map))
    }

    fn numbers_mut(&mut self) -> &mut [f32] {
        self.map.as_mut().map_or(&mut [], |map| bytemuck::cast_slice_mut(map))
    }

    /// Zeros are written rather than only room reserved: writing to a map must never want for room on the disk.
    fn grow_to(&mut self, numbers: usize) -> io::Result<()> {
        let (held, wanted) = (self.map.as_ref().map_or(0, |map| map.len()), numbers * NUMBER);
        if wanted <= held {
            return Ok(());
        }
        let size = wanted.max(held + held / 4).next_multiple_of(STEP);
        self.file.seek(SeekFrom::Start(held as u64))?;
        for from in (held..size).step_by(ZEROS.len()) {
            self.file.write_all(&ZEROS[..ZEROS.len().min(size - from)])?;
        }
        #[allow(unsafe_code, reason = "the file has no name, so that nobody else can change or cut it")]
        let map = unsafe { MmapMut::map_mut(&self.file)? };
        self.map = Some(map);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn mapped_or_held_it_is_the_same(puts in prop::collection::vec((0_usize..40, any::<i16>()), 0..60)) {
            let folder = tempfile::tempdir().unwrap();
            let (mut mapped, mut held) = (Matrix::beside(&folder.path().join("vectors")), Matrix::in_memory());
            prop_assert!(matches!(mapped.store, Store::Mapped(_)));
            for (row, number) in puts {
                // Rows of some length, so that the file grows a few times.
                let (at, vector) = (row * 5_000, vec![f32::from(number); 5_000]);
                for matrix in [&mut mapped, &mut held] {
                    matrix.grow_to(at);
                    matrix.put(at, &vector);
                }
            }
            prop_assert!(mapped.numbers() == held.numbers());
            mapped.clear();
            prop_assert!(mapped.numbers().is_empty());
            mapped.grow_to(7);
            prop_assert_eq!(mapped.numbers(), [0.0; 7]);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
        }
    }

    #[test]
    fn without_room_the_vectors_are_held_in_memory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut matrix = Matrix::over(file.reopen().unwrap());
        matrix.put(0, &[1.0, 2.0]);
        // Writing to it fails from now on, as on a full disk.
        if let Store::Mapped(mapped) = &mut matrix.store {
            mapped.file = File::open(file.path()).unwrap();
        }
        let many = vec![3.0; STEP];
        matrix.put(2, &many);
        assert!(matches!(matrix.store, Store::Memory(_)));
        assert_eq!(matrix.numbers()[..3], [1.0, 2.0, 3.0]);
        assert_eq!(matrix.numbers().len(), 2 + STEP);
    }

    #[test]
    fn where_no_file_can_be_made_the_vectors_are_held_in_memory() {
        let mut matrix = Matrix::beside(Path::new("/nowhere/at/all/vectors"));
        matrix.put(0, &[1.0]);
        assert_eq!(matrix.numbers(), [1.0]);
    }
}
