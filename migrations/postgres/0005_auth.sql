-- owner: auth
-- People. What is personal is sealed under the person's own key, which is itself sealed under the deployment's; an
-- address is found by a keyed hash. Without the key of a person nothing of them can be read.
CREATE TABLE auth_users (
    id UUID PRIMARY KEY,
    email_blind BYTEA UNIQUE,
    email_sealed BYTEA,
    subject_key BYTEA,
    password_hash TEXT,
    role TEXT NOT NULL,
    email_verified_at TIMESTAMPTZ,
    failed_attempts BIGINT NOT NULL DEFAULT 0,
    locked_until TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    disabled_at TIMESTAMPTZ
);

CREATE TABLE auth_orgs (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE auth_memberships (
    org_id UUID NOT NULL REFERENCES auth_orgs (id),
    user_id UUID NOT NULL REFERENCES auth_users (id),
    role TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, org_id)
);

-- Browsers that are signed in.
CREATE TABLE auth_sessions (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES auth_users (id),
    secret_hash BYTEA NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    authenticated_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);
CREATE INDEX auth_sessions_by_user ON auth_sessions (user_id, created_at);

-- Lists are words with spaces between, as OAuth writes scopes; no address or scope has a space.
CREATE TABLE auth_clients (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    secret_hash BYTEA,
    redirect_uris TEXT NOT NULL,
    grant_types TEXT NOT NULL,
    scopes TEXT NOT NULL,
    own BOOLEAN NOT NULL,
    bound BOOLEAN NOT NULL,
    role TEXT,
    refresh_in_cookie BOOLEAN NOT NULL,
    metadata_until TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    disabled_at TIMESTAMPTZ
);

CREATE TABLE auth_consents (
    user_id UUID NOT NULL REFERENCES auth_users (id),
    client_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    granted_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, client_id)
);

-- Requests that were pushed (RFC 9126).
CREATE TABLE auth_requests (
    handle_hash BYTEA PRIMARY KEY,
    client_id TEXT NOT NULL,
    parameters TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ
);
CREATE INDEX auth_requests_by_expiry ON auth_requests (expires_at);

-- A family is every token that came out of one grant.
CREATE TABLE auth_families (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES auth_users (id),
    client_id TEXT NOT NULL,
    session_id UUID,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    org_id UUID,
    jkt TEXT,
    authenticated_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ,
    revoked_because TEXT
);
CREATE INDEX auth_families_by_user ON auth_families (user_id, created_at);
CREATE INDEX auth_families_by_session ON auth_families (session_id);

CREATE TABLE auth_codes (
    code_hash BYTEA PRIMARY KEY,
    family_id UUID NOT NULL,
    client_id TEXT NOT NULL,
    user_id UUID NOT NULL REFERENCES auth_users (id),
    session_id UUID,
    redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    nonce TEXT,
    org_id UUID,
    jkt TEXT,
    authenticated_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ
);
CREATE INDEX auth_codes_by_expiry ON auth_codes (expires_at);

-- A used token keeps, for some seconds and sealed under itself, what it was answered: a lost reply is no theft.
CREATE TABLE auth_refresh_tokens (
    token_hash BYTEA PRIMARY KEY,
    family_id UUID NOT NULL REFERENCES auth_families (id),
    scopes TEXT NOT NULL,
    issued_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ,
    next_hash BYTEA,
    reply_sealed BYTEA
);
CREATE INDEX auth_refresh_tokens_by_family ON auth_refresh_tokens (family_id);
CREATE INDEX auth_refresh_tokens_by_expiry ON auth_refresh_tokens (expires_at);

CREATE TABLE auth_device_codes (
    code_hash BYTEA PRIMARY KEY,
    user_code_hash BYTEA NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    agent TEXT NOT NULL,
    interval_seconds BIGINT NOT NULL,
    polled_at TIMESTAMPTZ,
    state TEXT NOT NULL,
    user_id UUID,
    session_id UUID,
    org_id UUID,
    authenticated_at TIMESTAMPTZ,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX auth_device_codes_by_expiry ON auth_device_codes (expires_at);

CREATE TABLE auth_signing_keys (
    id TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    private_sealed BYTEA NOT NULL,
    public TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    signs_from TIMESTAMPTZ NOT NULL,
    verifies_until TIMESTAMPTZ
);

CREATE TABLE auth_revocations (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    revoked_at TIMESTAMPTZ NOT NULL,
    until TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX auth_revocations_by_end ON auth_revocations (until);

CREATE TABLE auth_api_keys (
    id UUID PRIMARY KEY,
    public_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    user_id UUID NOT NULL REFERENCES auth_users (id),
    org_id UUID,
    name TEXT NOT NULL,
    salt BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    scopes TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ
);
CREATE INDEX auth_api_keys_by_user ON auth_api_keys (user_id, created_at);

-- DPoP proofs that the token endpoint has taken.
CREATE TABLE auth_proofs (
    name BYTEA PRIMARY KEY,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX auth_proofs_by_expiry ON auth_proofs (expires_at);

-- Each entry holds the hash of the one before it: none can be changed or left out unseen.
CREATE TABLE auth_audit_head (
    only_row BIGINT PRIMARY KEY CHECK (only_row = 1),
    position BIGINT NOT NULL,
    hash BYTEA NOT NULL
);
INSERT INTO auth_audit_head (only_row, position, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));

CREATE TABLE auth_audit (
    position BIGINT PRIMARY KEY,
    stated_at TIMESTAMPTZ NOT NULL,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash BYTEA NOT NULL
);
CREATE INDEX auth_audit_by_time ON auth_audit (stated_at);
