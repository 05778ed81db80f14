-- owner: auth
-- Keys of programs that stand for themselves. They are nobody's, and no organisation's: operators make and end them.
CREATE TABLE auth_service_keys (
    id BLOB PRIMARY KEY,
    public_id TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL REFERENCES auth_clients (id),
    name TEXT NOT NULL,
    salt BLOB NOT NULL,
    hash BLOB NOT NULL,
    scopes TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT,
    last_used_at TEXT,
    revoked_at TEXT
) STRICT;
CREATE INDEX auth_service_keys_by_client ON auth_service_keys (client_id, created_at);
