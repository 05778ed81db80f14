-- owner: ingest
-- Rows that a run passed by on purpose, and why it failed in words for programs.
ALTER TABLE ingest_runs ADD COLUMN passed_by INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ingest_runs ADD COLUMN error_code TEXT;
ALTER TABLE ingest_runs ADD COLUMN error_status INTEGER;
