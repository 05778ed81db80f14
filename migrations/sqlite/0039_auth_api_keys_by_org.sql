-- owner: auth
-- A transaction sees the API keys of the organisation that it names, and none when it names none. The rows are behind a
-- view, and whoever writes goes through it as well.
ALTER TABLE auth_api_keys RENAME TO auth_api_keys_rows;

CREATE VIEW auth_api_keys AS
    SELECT k.id, k.public_id, k.kind, k.user_id, k.org_id, k.name, k.salt, k.hash, k.scopes, k.created_at, k.expires_at,
        k.last_used_at, k.revoked_at, k.name_sealed
    FROM row_scope s CROSS JOIN auth_api_keys_rows k
    WHERE s.sees = 'all' OR (s.sees IS NOT NULL AND k.org_id IS NULL) OR s.sees = lower(hex(k.org_id));

CREATE TRIGGER auth_api_keys_insert INSTEAD OF INSERT ON auth_api_keys BEGIN
    SELECT RAISE(ABORT, 'new row violates row security for auth_api_keys') WHERE NOT EXISTS (
        SELECT 1 FROM row_scope s WHERE s.sees = 'all' OR (s.sees IS NOT NULL AND NEW.org_id IS NULL)
            OR s.sees = lower(hex(NEW.org_id)));
    INSERT INTO auth_api_keys_rows (id, public_id, kind, user_id, org_id, name, salt, hash, scopes, created_at, expires_at,
        last_used_at, revoked_at, name_sealed)
    VALUES (NEW.id, NEW.public_id, NEW.kind, NEW.user_id, NEW.org_id, NEW.name, NEW.salt, NEW.hash, NEW.scopes,
        NEW.created_at, NEW.expires_at, NEW.last_used_at, NEW.revoked_at, NEW.name_sealed);
END;

-- What a key may do, whose it is and what it is do not change.
CREATE TRIGGER auth_api_keys_update INSTEAD OF UPDATE ON auth_api_keys BEGIN
    UPDATE auth_api_keys_rows SET name = NEW.name, name_sealed = NEW.name_sealed, last_used_at = NEW.last_used_at,
        revoked_at = NEW.revoked_at WHERE id = OLD.id;
END;

CREATE TRIGGER auth_api_keys_delete INSTEAD OF DELETE ON auth_api_keys BEGIN
    DELETE FROM auth_api_keys_rows WHERE id = OLD.id;
END;
