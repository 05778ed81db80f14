-- owner: catalog
-- How many seasons a series has, where a source says so.
ALTER TABLE content ADD COLUMN season_count INTEGER;

-- A service offers a title in more than one quality, each at its price: the quality is part of an offer's key, and ''
-- where the source does not say. SQLite can't change a key in place.
CREATE TABLE offers_by_quality (
    content_id BLOB NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    platform TEXT NOT NULL,
    region TEXT NOT NULL,
    availability_type TEXT NOT NULL,
    quality TEXT NOT NULL DEFAULT '',
    source TEXT NOT NULL,
    price_amount TEXT,
    price_currency TEXT,
    deep_link TEXT,
    web_url TEXT NOT NULL,
    available_from TEXT,
    expires_at TEXT,
    checked_at TEXT NOT NULL,
    confidence REAL NOT NULL,
    PRIMARY KEY (content_id, platform, region, availability_type, quality, source)
) STRICT, WITHOUT ROWID;
INSERT INTO offers_by_quality (content_id, platform, region, availability_type, source, price_amount, price_currency,
    deep_link, web_url, available_from, expires_at, checked_at, confidence)
SELECT content_id, platform, region, availability_type, source, price_amount, price_currency, deep_link, web_url,
    available_from, expires_at, checked_at, confidence FROM platform_availability;
DROP TABLE platform_availability;
ALTER TABLE offers_by_quality RENAME TO platform_availability;
CREATE INDEX idx_platform_content ON platform_availability (platform, content_id);
CREATE INDEX idx_region ON platform_availability (region);
CREATE INDEX idx_expires_at ON platform_availability (expires_at) WHERE expires_at IS NOT NULL;

ALTER TABLE price_history ADD COLUMN quality TEXT NOT NULL DEFAULT '';

-- What a picture looks like before it is there, as a ThumbHash in Base64: known once the node has seen the picture.
CREATE TABLE image_placeholders (
    content_id BLOB NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    placeholder TEXT NOT NULL,
    PRIMARY KEY (content_id, url)
) STRICT, WITHOUT ROWID;
