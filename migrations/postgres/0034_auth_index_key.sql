-- owner: auth
-- What blind indexes and stamps are made with. It never changes, so that people are found whichever secret seals.
CREATE TABLE auth_index_key (
    only_row BIGINT PRIMARY KEY CHECK (only_row = 1),
    key_sealed BYTEA NOT NULL
);
