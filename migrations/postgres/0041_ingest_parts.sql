-- owner: ingest
-- Rows that a run kept as seasons and episodes of the series they are part of.
ALTER TABLE ingest_runs ADD COLUMN parts BIGINT NOT NULL DEFAULT 0;
