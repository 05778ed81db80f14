-- owner: auth
-- Passkeys: the public key as the authenticator wrote it, and how often it said that it was used.
CREATE TABLE auth_passkeys (
    credential_id BYTEA PRIMARY KEY,
    id UUID NOT NULL UNIQUE,
    user_id UUID NOT NULL REFERENCES auth_users (id),
    public_key BYTEA NOT NULL,
    sign_count BIGINT NOT NULL,
    backed_up BOOLEAN NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ
);
CREATE INDEX auth_passkeys_by_user ON auth_passkeys (user_id, created_at);
