-- owner: ingest
-- The accounts that sources are linked to: the token that lasts, and what was asked for and not yet answered, both sealed.
CREATE TABLE ingest_links (
    source TEXT PRIMARY KEY,
    token BYTEA,
    pending BYTEA,
    changed_at TIMESTAMPTZ NOT NULL
);
