-- owner: catalog
-- The seasons of series. Season 0 holds specials; `air_date` is null where only the year is known, or nothing.
CREATE TABLE seasons (
    content_id UUID NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    season_number BIGINT NOT NULL,
    name TEXT,
    overview TEXT,
    air_date DATE,
    air_year BIGINT,
    episode_count BIGINT,
    PRIMARY KEY (content_id, season_number)
);

CREATE TABLE episodes (
    content_id UUID NOT NULL,
    season_number BIGINT NOT NULL,
    episode_number BIGINT NOT NULL,
    title TEXT,
    overview TEXT,
    air_date DATE,
    runtime_minutes BIGINT,
    PRIMARY KEY (content_id, season_number, episode_number),
    FOREIGN KEY (content_id, season_number) REFERENCES seasons (content_id, season_number) ON DELETE CASCADE
);
