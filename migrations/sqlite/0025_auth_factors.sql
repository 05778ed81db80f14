-- owner: auth
-- Second factors: one authenticator a person (RFC 6238), whose secret is sealed under the person's own key. A step that
-- was used is not good again.
CREATE TABLE auth_factors (
    user_id BLOB PRIMARY KEY REFERENCES auth_users (id),
    secret_sealed BLOB NOT NULL,
    last_step INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    confirmed_at TEXT
) STRICT;

-- Codes for when the authenticator is lost, each good once.
CREATE TABLE auth_backup_codes (
    user_id BLOB NOT NULL REFERENCES auth_users (id),
    code_hash BLOB NOT NULL,
    used_at TEXT,
    PRIMARY KEY (user_id, code_hash)
) STRICT, WITHOUT ROWID;
