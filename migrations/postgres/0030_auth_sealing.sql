-- owner: auth
-- Which secret seals keys: the last one. Its head begins whatever it sealed.
CREATE TABLE auth_sealing_keys (
    generation BIGINT PRIMARY KEY,
    head BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

-- What a browser calls itself and what a person calls a key are sealed under the person's key too; the columns of before
-- are emptied once that is done.
ALTER TABLE auth_sessions ADD COLUMN agent_sealed BYTEA;
ALTER TABLE auth_api_keys ADD COLUMN name_sealed BYTEA;
CREATE INDEX auth_sessions_by_agent ON auth_sessions (id) WHERE agent <> '';
