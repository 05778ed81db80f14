-- owner: auth
-- What a person allows, by purpose; nothing where there is no row. Each change is in the audit log.
CREATE TABLE auth_purposes (
    user_id UUID NOT NULL REFERENCES auth_users (id),
    purpose TEXT NOT NULL,
    granted BOOLEAN NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, purpose)
);

-- Since when a person's data may not be sold or shared, whatever else they allow (CCPA).
ALTER TABLE auth_users ADD COLUMN opted_out_at TIMESTAMPTZ;

-- Accounts that are to be erased, or were; the id is the receipt's. A row names nobody once the account is gone.
CREATE TABLE auth_erasures (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL,
    requested_at TIMESTAMPTZ NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    cancelled_at TIMESTAMPTZ,
    erased_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX auth_erasures_by_user ON auth_erasures (user_id) WHERE cancelled_at IS NULL;
CREATE INDEX auth_erasures_by_due ON auth_erasures (due_at) WHERE cancelled_at IS NULL AND erased_at IS NULL;

-- What each context answered to an erasure.
CREATE TABLE auth_erasure_answers (
    erasure_id UUID NOT NULL REFERENCES auth_erasures (id),
    context TEXT NOT NULL,
    rows_gone BIGINT NOT NULL,
    answered_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (erasure_id, context)
);

-- What was done by somebody and to them. Refreshes are many, and pay for nothing here.
CREATE INDEX auth_audit_by_actor ON auth_audit (actor, position) WHERE action <> 'token.refreshed';
CREATE INDEX auth_audit_by_target ON auth_audit (target, position) WHERE action <> 'token.refreshed';
CREATE INDEX auth_codes_by_user ON auth_codes (user_id);
CREATE INDEX auth_device_codes_by_user ON auth_device_codes (user_id);
CREATE INDEX auth_provider_states_by_user ON auth_provider_states (user_id);

-- What a person calls a passkey is sealed under their key too; the column of before is emptied once that is done.
ALTER TABLE auth_passkeys ADD COLUMN name_sealed BYTEA;
