-- owner: auth
-- People. What is personal is sealed under the person's own key, which is itself sealed under the deployment's; an
-- address is found by a keyed hash. Without the key of a person nothing of them can be read.
CREATE TABLE auth_users (
    id BLOB PRIMARY KEY,
    email_blind BLOB UNIQUE,
    email_sealed BLOB,
    subject_key BLOB,
    password_hash TEXT,
    role TEXT NOT NULL,
    email_verified_at TEXT,
    failed_attempts INTEGER NOT NULL DEFAULT 0,
    locked_until TEXT,
    created_at TEXT NOT NULL,
    disabled_at TEXT
) STRICT;

CREATE TABLE auth_orgs (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE auth_memberships (
    org_id BLOB NOT NULL REFERENCES auth_orgs (id),
    user_id BLOB NOT NULL REFERENCES auth_users (id),
    role TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (user_id, org_id)
) STRICT, WITHOUT ROWID;

-- Browsers that are signed in.
CREATE TABLE auth_sessions (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES auth_users (id),
    secret_hash BLOB NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    authenticated_at TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_seen_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked_at TEXT
) STRICT;
CREATE INDEX auth_sessions_by_user ON auth_sessions (user_id, created_at);

-- Lists are words with spaces between, as OAuth writes scopes; no address or scope has a space.
CREATE TABLE auth_clients (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    secret_hash BLOB,
    redirect_uris TEXT NOT NULL,
    grant_types TEXT NOT NULL,
    scopes TEXT NOT NULL,
    own INTEGER NOT NULL,
    bound INTEGER NOT NULL,
    role TEXT,
    refresh_in_cookie INTEGER NOT NULL,
    metadata_until TEXT,
    created_at TEXT NOT NULL,
    disabled_at TEXT
) STRICT;

CREATE TABLE auth_consents (
    user_id BLOB NOT NULL REFERENCES auth_users (id),
    client_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    granted_at TEXT NOT NULL,
    PRIMARY KEY (user_id, client_id)
) STRICT, WITHOUT ROWID;

-- Requests that were pushed (RFC 9126).
CREATE TABLE auth_requests (
    handle_hash BLOB PRIMARY KEY,
    client_id TEXT NOT NULL,
    parameters TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT
) STRICT;
CREATE INDEX auth_requests_by_expiry ON auth_requests (expires_at);

-- A family is every token that came out of one grant.
CREATE TABLE auth_families (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES auth_users (id),
    client_id TEXT NOT NULL,
    session_id BLOB,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    org_id BLOB,
    jkt TEXT,
    authenticated_at TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked_at TEXT,
    revoked_because TEXT
) STRICT;
CREATE INDEX auth_families_by_user ON auth_families (user_id, created_at);
CREATE INDEX auth_families_by_session ON auth_families (session_id);

CREATE TABLE auth_codes (
    code_hash BLOB PRIMARY KEY,
    family_id BLOB NOT NULL,
    client_id TEXT NOT NULL,
    user_id BLOB NOT NULL REFERENCES auth_users (id),
    session_id BLOB,
    redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    nonce TEXT,
    org_id BLOB,
    jkt TEXT,
    authenticated_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT
) STRICT;
CREATE INDEX auth_codes_by_expiry ON auth_codes (expires_at);

-- A used token keeps, for some seconds and sealed under itself, what it was answered: a lost reply is no theft.
CREATE TABLE auth_refresh_tokens (
    token_hash BLOB PRIMARY KEY,
    family_id BLOB NOT NULL REFERENCES auth_families (id),
    scopes TEXT NOT NULL,
    issued_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT,
    next_hash BLOB,
    reply_sealed BLOB
) STRICT;
CREATE INDEX auth_refresh_tokens_by_family ON auth_refresh_tokens (family_id);
CREATE INDEX auth_refresh_tokens_by_expiry ON auth_refresh_tokens (expires_at);

CREATE TABLE auth_device_codes (
    code_hash BLOB PRIMARY KEY,
    user_code_hash BLOB NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    agent TEXT NOT NULL,
    interval_seconds INTEGER NOT NULL,
    polled_at TEXT,
    state TEXT NOT NULL,
    user_id BLOB,
    session_id BLOB,
    org_id BLOB,
    authenticated_at TEXT,
    expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX auth_device_codes_by_expiry ON auth_device_codes (expires_at);

CREATE TABLE auth_signing_keys (
    id TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    private_sealed BLOB NOT NULL,
    public TEXT NOT NULL,
    created_at TEXT NOT NULL,
    signs_from TEXT NOT NULL,
    verifies_until TEXT
) STRICT;

CREATE TABLE auth_revocations (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    revoked_at TEXT NOT NULL,
    until TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_revocations_by_end ON auth_revocations (until);

CREATE TABLE auth_api_keys (
    id BLOB PRIMARY KEY,
    public_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    user_id BLOB NOT NULL REFERENCES auth_users (id),
    org_id BLOB,
    name TEXT NOT NULL,
    salt BLOB NOT NULL,
    hash BLOB NOT NULL,
    scopes TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT,
    last_used_at TEXT,
    revoked_at TEXT
) STRICT;
CREATE INDEX auth_api_keys_by_user ON auth_api_keys (user_id, created_at);

-- DPoP proofs that the token endpoint has taken.
CREATE TABLE auth_proofs (
    name BLOB PRIMARY KEY,
    expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_proofs_by_expiry ON auth_proofs (expires_at);

-- Each entry holds the hash of the one before it: none can be changed or left out unseen.
CREATE TABLE auth_audit_head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    position INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT;
INSERT INTO auth_audit_head (only_row, position, hash) VALUES (1, 0, zeroblob(32));

CREATE TABLE auth_audit (
    position INTEGER PRIMARY KEY,
    stated_at TEXT NOT NULL,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX auth_audit_by_time ON auth_audit (stated_at);
