-- owner: ingest
-- Who has a job or a run: an id of this one time that it runs, so that one which was taken over after silence can't be
-- ended, or moved on, by who had it before. A run says that it is alive in `beat_at`.
ALTER TABLE jobs ADD COLUMN holder BLOB;
ALTER TABLE ingest_runs ADD COLUMN holder BLOB;
ALTER TABLE ingest_runs ADD COLUMN beat_at TEXT;
