-- owner: catalog
-- What an offer cost, from when on: a line for each change. No amount means that the offer, or its price, went.
CREATE TABLE price_history (
    id BLOB NOT NULL PRIMARY KEY,
    content_id BLOB NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    platform TEXT NOT NULL,
    region TEXT NOT NULL,
    availability_type TEXT NOT NULL,
    source TEXT NOT NULL,
    price_amount TEXT,
    price_currency TEXT,
    observed_at TEXT NOT NULL
) STRICT;
CREATE INDEX price_history_by_content ON price_history (content_id, id);
-- For lists of what suits an age.
CREATE INDEX idx_ratings_age ON content_ratings (content_id, min_age);
