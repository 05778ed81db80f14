-- owner: auth
-- Second factors: one authenticator a person (RFC 6238), whose secret is sealed under the person's own key. A step that
-- was used is not good again.
CREATE TABLE auth_factors (
    user_id UUID PRIMARY KEY REFERENCES auth_users (id),
    secret_sealed BYTEA NOT NULL,
    last_step BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    confirmed_at TIMESTAMPTZ
);

-- Codes for when the authenticator is lost, each good once.
CREATE TABLE auth_backup_codes (
    user_id UUID NOT NULL REFERENCES auth_users (id),
    code_hash BYTEA NOT NULL,
    used_at TIMESTAMPTZ,
    PRIMARY KEY (user_id, code_hash)
);
