-- owner: ingest
-- The accounts that sources are linked to: the token that lasts, and what was asked for and not yet answered, both sealed.
CREATE TABLE ingest_links (
    source TEXT NOT NULL PRIMARY KEY,
    token BLOB,
    pending BLOB,
    changed_at TEXT NOT NULL
) STRICT;
