-- owner: catalog
-- The catalogue. `source_records` is the truth; every other table here is a projection of it, made by a pure fold, and
-- can be made again from it.

-- What each source last said of each of its records, in our vocabulary, and which title that is.
CREATE TABLE source_records (
    source TEXT NOT NULL,
    source_key TEXT NOT NULL,
    content_id BLOB NOT NULL,
    digest TEXT NOT NULL,
    record TEXT NOT NULL,
    evidence TEXT NOT NULL,
    entity_confidence REAL NOT NULL,
    ingested_at TEXT NOT NULL,
    PRIMARY KEY (source, source_key)
) STRICT;
CREATE INDEX source_records_by_content ON source_records (content_id);

-- Sources often know only the year, or nothing, so `release_date` and `release_year` may be null; and a title that no
-- source says to be available for money has no price. `title` and `overview` are those of the default language;
-- `countries` and `languages` are JSON arrays.
CREATE TABLE content (
    id BLOB NOT NULL PRIMARY KEY,
    content_type TEXT NOT NULL,
    title TEXT NOT NULL,
    original_title TEXT,
    overview TEXT,
    release_date TEXT,
    release_year INTEGER,
    runtime_minutes INTEGER,
    countries TEXT NOT NULL,
    languages TEXT NOT NULL,
    popularity_score REAL NOT NULL DEFAULT 0.5,
    average_rating REAL NOT NULL DEFAULT 0.0,
    vote_count INTEGER NOT NULL DEFAULT 0,
    last_updated TEXT NOT NULL
) STRICT;
CREATE INDEX idx_content_type ON content (content_type, id);
CREATE INDEX idx_release_year ON content (release_year);
CREATE INDEX idx_popularity ON content (popularity_score DESC);
CREATE INDEX idx_last_updated ON content (last_updated);

-- An id belongs to one title; a second title that claims it does not get it.
CREATE TABLE external_ids (
    content_id BLOB NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    id_type TEXT NOT NULL,
    id_value TEXT NOT NULL,
    PRIMARY KEY (id_type, id_value)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_external_ids_content ON external_ids (content_id);

-- `deep_link` is null where the platform's scheme is not known, `available_from` where the source does not say.
CREATE TABLE platform_availability (
    content_id BLOB NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    platform TEXT NOT NULL,
    region TEXT NOT NULL,
    availability_type TEXT NOT NULL,
    source TEXT NOT NULL,
    price_amount TEXT,
    price_currency TEXT,
    deep_link TEXT,
    web_url TEXT NOT NULL,
    available_from TEXT,
    expires_at TEXT,
    checked_at TEXT NOT NULL,
    confidence REAL NOT NULL,
    PRIMARY KEY (content_id, platform, region, availability_type, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_platform_content ON platform_availability (platform, content_id);
CREATE INDEX idx_region ON platform_availability (region);
CREATE INDEX idx_expires_at ON platform_availability (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE content_images (
    content_id BLOB NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    url TEXT NOT NULL,
    width INTEGER,
    height INTEGER,
    PRIMARY KEY (content_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE credits (
    content_id BLOB NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (content_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE genres (
    content_id BLOB NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    genre TEXT NOT NULL,
    PRIMARY KEY (content_id, genre)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_genre ON genres (genre);

CREATE TABLE content_translations (
    content_id BLOB NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    locale TEXT NOT NULL,
    title TEXT NOT NULL,
    overview TEXT,
    PRIMARY KEY (content_id, locale)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_translations_locale ON content_translations (locale);

-- `min_age` is null for a certificate that says nothing of age.
CREATE TABLE content_ratings (
    content_id BLOB NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    region TEXT NOT NULL,
    system TEXT NOT NULL,
    certificate TEXT NOT NULL,
    min_age INTEGER,
    PRIMARY KEY (content_id, region)
) STRICT, WITHOUT ROWID;

-- Where resolution looks for titles that may be the same. The year is 0 where no source gives one.
CREATE TABLE title_keys (
    content_type TEXT NOT NULL,
    title_key TEXT NOT NULL,
    release_year INTEGER NOT NULL,
    content_id BLOB NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    PRIMARY KEY (content_type, title_key, release_year, content_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX title_keys_by_content ON title_keys (content_id);

-- Why a record joined a title that others describe too ('joined'), or why it did not ('kept_apart'), and where the
-- sources of a title disagree ('note'). Only ever appended to.
CREATE TABLE merge_log (
    id BLOB NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    source_key TEXT NOT NULL,
    content_id BLOB NOT NULL,
    verdict TEXT NOT NULL,
    evidence TEXT NOT NULL,
    confidence REAL NOT NULL,
    logged_at TEXT NOT NULL
) STRICT;
CREATE INDEX merge_log_by_content ON merge_log (content_id);
CREATE INDEX merge_log_by_record ON merge_log (source, source_key);
