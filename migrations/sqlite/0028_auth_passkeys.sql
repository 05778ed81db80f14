-- owner: auth
-- Passkeys: the public key as the authenticator wrote it, and how often it said that it was used.
CREATE TABLE auth_passkeys (
    credential_id BLOB PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    user_id BLOB NOT NULL REFERENCES auth_users (id),
    public_key BLOB NOT NULL,
    sign_count INTEGER NOT NULL,
    backed_up INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT
) STRICT;
CREATE INDEX auth_passkeys_by_user ON auth_passkeys (user_id, created_at);
