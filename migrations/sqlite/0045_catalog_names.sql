-- owner: catalog
-- Titles are filed under their names without the spaces: "Air Waves" and "Airwaves" are one row where they were two, each of
-- which went to a place of its own in a tree that has no order. What a title is filed under with its year needs no row
-- without one.
CREATE TABLE names_without_spaces (
    content_type TEXT NOT NULL,
    title_key TEXT NOT NULL,
    release_year INTEGER NOT NULL,
    content_id BLOB NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    PRIMARY KEY (content_type, title_key, release_year, content_id)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO names_without_spaces (content_type, title_key, release_year, content_id)
SELECT content_type, REPLACE(title_key, ' ', ''), release_year, content_id FROM title_keys AS filed
WHERE release_year <> 0 OR NOT EXISTS (SELECT 1 FROM title_keys AS own WHERE own.content_type = filed.content_type
    AND own.title_key = filed.title_key AND own.release_year <> 0 AND own.content_id = filed.content_id);
DROP TABLE title_keys;
ALTER TABLE names_without_spaces RENAME TO title_keys;
CREATE INDEX title_keys_by_content ON title_keys (content_id);
