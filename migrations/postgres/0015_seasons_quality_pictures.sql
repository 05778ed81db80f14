-- owner: catalog
-- How many seasons a series has, where a source says so.
ALTER TABLE content ADD COLUMN season_count BIGINT;

-- A service offers a title in more than one quality, each at its price: the quality is part of an offer's key, and ''
-- where the source does not say.
ALTER TABLE platform_availability ADD COLUMN quality TEXT NOT NULL DEFAULT '';
ALTER TABLE platform_availability DROP CONSTRAINT platform_availability_pkey;
ALTER TABLE platform_availability ADD PRIMARY KEY (content_id, platform, region, availability_type, quality, source);

ALTER TABLE price_history ADD COLUMN quality TEXT NOT NULL DEFAULT '';

-- What a picture looks like before it is there, as a ThumbHash in Base64: known once the node has seen the picture.
CREATE TABLE image_placeholders (
    content_id UUID NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    placeholder TEXT NOT NULL,
    PRIMARY KEY (content_id, url)
);
