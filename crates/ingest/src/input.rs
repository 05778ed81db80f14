//! What a run reads: one file, or several that lie together, opened and read once before anything is taken over.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::{
    Context, Format, InputError, Inspection, Limits, Opened, Source,
    drive::Drive,
    formats::Shape,
    rows::{Database, Rows},
    run::{Phase, Progress, Run},
};

/// An input that was found to be whole.
pub(crate) struct Input {
    /// How it is read.
    pub format: Format,
    /// SHA-256 of the file; of the digests of all, where there are several.
    pub fingerprint: String,
    head: Vec<u8>,
    file: Arc<Opened>,
    /// Files that lie beside it, by their stems.
    beside: Vec<(&'static str, Arc<Opened>)>,
}

impl Input {
    /// Opens what `source` names, and what lies beside it where the format has more than one file.
    ///
    /// # Errors
    /// What is wrong with a file as a whole. One that is not there beside the first is none.
    pub async fn open(drive: &Drive<'_>, run: &Run, source: &Source, incoming: &Path) -> Result<Self, InputError> {
        let (file, inspection) = fetch(drive, run, source, incoming).await?;
        let Inspection { mut fingerprint, head } = inspection;
        let format = match (run.options.format, &run.options.mapping) {
            (None, Some(_)) => Format::Mapped,
            (None, None) => Format::detect(&head)?,
            (Some(format), _) => format,
        };
        let mut beside = Vec::new();
        if let Shape::Tables(joined) = format.spec().shape {
            let mut digest = Sha256::new().chain_update(&fingerprint);
            for other in joined.beside {
                for place in source.beside(joined.stem, other.stem) {
                    match fetch(drive, run, &place, incoming).await {
                        Ok((file, inspection)) => {
                            digest.update(other.stem);
                            digest.update(inspection.fingerprint);
                            beside.push((other.stem, file));
                            break;
                        }
                        Err(InputError::NotFound(_) | InputError::Status { status: 403 | 404, .. }) => {}
                        Err(error) => return Err(error.beside(&place.shown())),
                    }
                }
            }
            if !beside.is_empty() {
                fingerprint = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            }
            let found: Vec<_> = beside.iter().map(|(stem, _)| *stem).collect();
            tracing::info!(format = %format, beside = found.join(" "), "files that lie together are read together");
        }
        Ok(Self { format, fingerprint, head, file, beside })
    }

    /// The size of all files on the disk, in bytes.
    pub fn size(&self) -> u64 {
        self.file.size() + self.beside.iter().map(|(_, file)| file.size()).sum::<u64>()
    }

    /// The rows. What has to be unpacked for it goes with the folder that comes with them; `taken` counts bytes read.
    ///
    /// # Errors
    /// What shows before the first row: a wrong header, missing tables, damage.
    pub async fn rows(
        &self,
        context: &Context,
        incoming: &Path,
        limits: &Limits,
        taken: Arc<AtomicU64>,
    ) -> Result<(Rows, Option<TempDir>), InputError> {
        let (format, shape) = (self.format.as_str(), &self.format.spec().shape);
        let (file, folder, bounds) = (self.file.clone(), incoming.to_owned(), limits.clone());
        if let Shape::Database(query) = shape {
            let (path, temp) = apart(move || file.unpacked(&folder, &bounds)).await?;
            let database = Database::open(&path, format, query.tables).await?;
            return Ok((Rows::Database(database.rows(query.sql, query.columns, limits).await?), temp));
        }
        let (context, mapping) = (context.clone(), context.mapping.clone());
        let (head, beside) = (self.head.clone(), self.beside.clone());
        apart(move || match (shape, mapping) {
            (Shape::Mapped, Some(mapping)) if head.starts_with(b"PAR1") => {
                let (path, temp) = file.unpacked(&folder, &bounds)?;
                Ok((Rows::parquet(&mapping, &path, &bounds)?, temp))
            }
            (Shape::Mapped, Some(mapping)) => {
                let reader = file.reader(&bounds, taken)?;
                Ok((Rows::mapped(&mapping, &head, reader, file.location(), &bounds)?, None))
            }
            (Shape::Tables(joined), _) => {
                let open = |(stem, file): (&'static str, Arc<Opened>)| {
                    Ok((stem, file.reader(&bounds, taken.clone())?, file.location().to_owned()))
                };
                let twice = joined.twice_for.is_some_and(|stem| beside.iter().any(|own| own.0 == stem));
                let mut beside = beside.into_iter().map(open).collect::<Result<Vec<_>, InputError>>()?;
                if twice {
                    // Not counted: so far as anybody can see, a file is read once.
                    beside.push((joined.stem, file.reader(&bounds, Arc::default())?, file.location().to_owned()));
                }
                let first = (file.reader(&bounds, taken.clone())?, file.location());
                Ok((Rows::Joined(joined.open(format, first, beside, (folder.as_path(), &context), &bounds)?), None))
            }
            _ => Ok((Rows::text(format, shape, file.reader(&bounds, taken)?, file.location(), &bounds)?, None)),
        })
        .await
    }
}

/// Gets a file and reads all of it once.
async fn fetch(
    drive: &Drive<'_>,
    run: &Run,
    source: &Source,
    incoming: &Path,
) -> Result<(Arc<Opened>, Inspection), InputError> {
    let limits = &drive.ingest.config.limits;
    let counts = run.counts;
    let fetching = |bytes_read, bytes_total| {
        (drive.on_progress)(&Progress { phase: Phase::Fetching, counts, bytes_read, bytes_total });
    };
    let opened = Arc::new(source.open(incoming, limits, drive.stop, fetching).await?);
    let taken = Arc::new(AtomicU64::new(0));
    let (file, counter, limits, stop) = (opened.clone(), taken.clone(), limits.clone(), drive.stop.clone());
    let mut inspecting = tokio::task::spawn_blocking(move || file.inspect(&limits, counter, &stop));
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let inspection = loop {
        tokio::select! {
            done = &mut inspecting => break done.map_err(|error| broken_task(&error))??,
            _ = ticks.tick() => {
                let bytes_read = taken.load(Ordering::Relaxed);
                let bytes_total = Some(opened.size());
                (drive.on_progress)(&Progress { phase: Phase::Checking, counts, bytes_read, bytes_total });
            }
        }
    };
    Ok((opened, inspection))
}

/// Does what blocks on a thread of its own.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, InputError> + Send + 'static,
) -> Result<T, InputError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| broken_task(&error))?
}

fn broken_task(error: &tokio::task::JoinError) -> InputError {
    InputError::Unreadable { location: "the input".to_owned(), cause: error.to_string() }
}
