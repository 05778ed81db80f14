-- owner: ingest
-- Jobs that run on a schedule: when next, how the last run is or was, and where one that was stopped goes on.
CREATE TABLE jobs (
    name TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'running', 'failed', 'interrupted')),
    next_at TIMESTAMPTZ NOT NULL,
    started_at TIMESTAMPTZ,
    beat_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    done BIGINT NOT NULL DEFAULT 0,
    summary TEXT,
    error TEXT,
    position TEXT
);

-- Offers that were announced to leave, so that each is announced once.
CREATE TABLE expiry_warnings (
    content_id UUID NOT NULL,
    platform TEXT NOT NULL,
    region TEXT NOT NULL,
    availability_type TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    warned_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (content_id, platform, region, availability_type, expires_at)
);
CREATE INDEX expiry_warnings_by_end ON expiry_warnings (expires_at);
