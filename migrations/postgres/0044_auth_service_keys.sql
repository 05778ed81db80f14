-- owner: auth
-- Keys of programs that stand for themselves. They are nobody's, and no organisation's: operators make and end them.
CREATE TABLE auth_service_keys (
    id UUID PRIMARY KEY,
    public_id TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL REFERENCES auth_clients (id),
    name TEXT NOT NULL,
    salt BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    scopes TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ
);
CREATE INDEX auth_service_keys_by_client ON auth_service_keys (client_id, created_at);
