-- owner: auth
-- What ended long ago is found by when it ended, and goes.
CREATE INDEX auth_sessions_by_expiry ON auth_sessions (expires_at);
CREATE INDEX auth_families_by_expiry ON auth_families (expires_at);

-- Entries of the audit log that are no longer at hand; their chain goes on in `auth_audit`.
CREATE TABLE auth_audit_cold (
    position BIGINT PRIMARY KEY,
    stated_at TIMESTAMPTZ NOT NULL,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash BYTEA NOT NULL
);
CREATE INDEX auth_audit_cold_by_actor ON auth_audit_cold (actor, position) WHERE action <> 'token.refreshed';
CREATE INDEX auth_audit_cold_by_target ON auth_audit_cold (target, position) WHERE action <> 'token.refreshed';

-- The last entry that was forgotten: the chain of those that are kept begins with its hash.
CREATE TABLE auth_audit_anchor (
    only_row BIGINT PRIMARY KEY CHECK (only_row = 1),
    position BIGINT NOT NULL,
    hash BYTEA NOT NULL
);
INSERT INTO auth_audit_anchor (only_row, position, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));

-- The migrations that the audit log has told of.
CREATE TABLE auth_schema_entries (
    version BIGINT PRIMARY KEY
);
