-- owner: catalog
-- The seasons of series. Season 0 holds specials; `air_date` is null where only the year is known, or nothing.
CREATE TABLE seasons (
    content_id BLOB NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    season_number INTEGER NOT NULL,
    name TEXT,
    overview TEXT,
    air_date TEXT,
    air_year INTEGER,
    episode_count INTEGER,
    PRIMARY KEY (content_id, season_number)
) STRICT, WITHOUT ROWID;

CREATE TABLE episodes (
    content_id BLOB NOT NULL,
    season_number INTEGER NOT NULL,
    episode_number INTEGER NOT NULL,
    title TEXT,
    overview TEXT,
    air_date TEXT,
    runtime_minutes INTEGER,
    PRIMARY KEY (content_id, season_number, episode_number),
    FOREIGN KEY (content_id, season_number) REFERENCES seasons (content_id, season_number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
