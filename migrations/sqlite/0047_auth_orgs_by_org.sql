-- owner: auth
-- A transaction sees the organisation that it names and who belongs to it, and none when it names none, as with API keys.
ALTER TABLE auth_orgs RENAME TO auth_orgs_rows;

CREATE VIEW auth_orgs AS
    SELECT o.id, o.name, o.created_at FROM row_scope s CROSS JOIN auth_orgs_rows o
    WHERE s.sees = 'all' OR s.sees = lower(hex(o.id));

CREATE TRIGGER auth_orgs_insert INSTEAD OF INSERT ON auth_orgs BEGIN
    SELECT RAISE(ABORT, 'new row violates row security for auth_orgs') WHERE NOT EXISTS (
        SELECT 1 FROM row_scope s WHERE s.sees = 'all' OR s.sees = lower(hex(NEW.id)));
    INSERT INTO auth_orgs_rows (id, name, created_at) VALUES (NEW.id, NEW.name, NEW.created_at);
END;

ALTER TABLE auth_memberships RENAME TO auth_memberships_rows;

CREATE VIEW auth_memberships AS
    SELECT m.org_id, m.user_id, m.role, m.created_at FROM row_scope s CROSS JOIN auth_memberships_rows m
    WHERE s.sees = 'all' OR s.sees = lower(hex(m.org_id));

CREATE TRIGGER auth_memberships_insert INSTEAD OF INSERT ON auth_memberships BEGIN
    SELECT RAISE(ABORT, 'new row violates row security for auth_memberships') WHERE NOT EXISTS (
        SELECT 1 FROM row_scope s WHERE s.sees = 'all' OR s.sees = lower(hex(NEW.org_id)));
    INSERT INTO auth_memberships_rows (org_id, user_id, role, created_at)
    VALUES (NEW.org_id, NEW.user_id, NEW.role, NEW.created_at);
END;

CREATE TRIGGER auth_memberships_delete INSTEAD OF DELETE ON auth_memberships BEGIN
    DELETE FROM auth_memberships_rows WHERE user_id = OLD.user_id AND org_id = OLD.org_id;
END;
