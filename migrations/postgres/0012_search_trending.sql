-- owner: search
-- How often a title was searched for by its name, by hours since 1970. Nothing here says by whom, or in which words.
CREATE TABLE title_searches (
    hour BIGINT NOT NULL,
    content_id UUID NOT NULL,
    searches BIGINT NOT NULL CHECK (searches > 0),
    PRIMARY KEY (hour, content_id)
);
