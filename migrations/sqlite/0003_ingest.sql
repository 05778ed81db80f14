-- owner: ingest
-- The runs of ingest: what was read, how far, and what became of it.
CREATE TABLE ingest_runs (
    id BLOB PRIMARY KEY,
    location TEXT NOT NULL,
    options TEXT NOT NULL,
    format TEXT,
    fingerprint TEXT,
    as_of TEXT,
    status TEXT NOT NULL CHECK (status IN ('running', 'done', 'failed', 'interrupted')),
    rows_read INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    merged INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    error TEXT,
    started_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    finished_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX ingest_runs_by_location ON ingest_runs (location, options);
CREATE INDEX ingest_runs_by_fingerprint ON ingest_runs (fingerprint);
