-- owner: auth
-- Since when a passkey signs nobody in: its count went back, so that another may have its key.
ALTER TABLE auth_passkeys ADD COLUMN suspended_at TEXT;
