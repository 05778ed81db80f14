-- owner: gateway
-- Writes that carry an Idempotency-Key: who works on them, and what was answered. A status means that it is done.
CREATE TABLE idempotency_keys (
    scope TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    owner TEXT NOT NULL,
    locked_until TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    status BIGINT,
    content_type TEXT,
    location TEXT,
    body BYTEA
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
