-- owner: catalog
-- How many titles each platform and each genre has: counting them anew takes seconds once there are a million. Written with
-- the titles; one that has none any more stays with zero.
CREATE TABLE platform_counts (
    platform TEXT NOT NULL PRIMARY KEY,
    titles BIGINT NOT NULL
);
INSERT INTO platform_counts (platform, titles)
SELECT platform, COUNT(DISTINCT content_id) FROM platform_availability GROUP BY platform;

CREATE TABLE genre_counts (
    genre TEXT NOT NULL,
    content_type TEXT NOT NULL,
    titles BIGINT NOT NULL,
    PRIMARY KEY (genre, content_type)
);
INSERT INTO genre_counts (genre, content_type, titles)
SELECT g.genre, c.content_type, COUNT(*) FROM genres g JOIN content c ON c.id = g.content_id
GROUP BY g.genre, c.content_type;
