-- owner: ingest
-- The runs of ingest: what was read, how far, and what became of it.
CREATE TABLE ingest_runs (
    id UUID PRIMARY KEY,
    location TEXT NOT NULL,
    options TEXT NOT NULL,
    format TEXT,
    fingerprint TEXT,
    as_of DATE,
    status TEXT NOT NULL CHECK (status IN ('running', 'done', 'failed', 'interrupted')),
    rows_read BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    merged BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    error TEXT,
    started_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ
);
CREATE INDEX ingest_runs_by_location ON ingest_runs (location, options);
CREATE INDEX ingest_runs_by_fingerprint ON ingest_runs (fingerprint);
