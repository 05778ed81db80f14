-- owner: auth
-- Accounts elsewhere that open one here: of the subject there only a keyed hash is kept.
CREATE TABLE auth_identities (
    provider TEXT NOT NULL,
    subject_tag TEXT NOT NULL,
    user_id BLOB NOT NULL REFERENCES auth_users (id),
    created_at TEXT NOT NULL,
    PRIMARY KEY (provider, subject_tag),
    UNIQUE (user_id, provider)
) STRICT, WITHOUT ROWID;

-- People who are at a provider at the moment; each comes back once. With a person it is to link, else to sign in.
CREATE TABLE auth_provider_states (
    state_hash BLOB PRIMARY KEY,
    provider TEXT NOT NULL,
    next TEXT NOT NULL,
    user_id BLOB REFERENCES auth_users (id),
    expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX auth_provider_states_by_expiry ON auth_provider_states (expires_at);
