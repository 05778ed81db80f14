-- owner: catalog
-- What resolution leaves to a person: a record that may describe another title too ('uncertain'), or that claims an id
-- which another title has ('id_conflict'). A pair is asked about once: a decision stays.
CREATE TABLE reviews (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    source_key TEXT NOT NULL,
    content_id BLOB NOT NULL,
    other_id BLOB NOT NULL,
    evidence TEXT NOT NULL,
    confidence REAL NOT NULL,
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    decided_at TEXT,
    UNIQUE (kind, source, source_key, other_id)
) STRICT;
CREATE INDEX reviews_by_status ON reviews (status, id);

-- Titles that became part of another one: their ids still lead somewhere.
CREATE TABLE merged_titles (
    content_id BLOB NOT NULL PRIMARY KEY,
    into_id BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX merged_titles_by_target ON merged_titles (into_id);
