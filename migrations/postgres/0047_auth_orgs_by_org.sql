-- owner: auth
-- A transaction sees the organisation that it names and who belongs to it, and none when it names none, as with API keys.
ALTER TABLE auth_orgs ENABLE ROW LEVEL SECURITY;
ALTER TABLE auth_orgs FORCE ROW LEVEL SECURITY;
CREATE POLICY auth_orgs_by_org ON auth_orgs
    USING (row_scope_sees(id)) WITH CHECK (row_scope_sees(id));

ALTER TABLE auth_memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE auth_memberships FORCE ROW LEVEL SECURITY;
CREATE POLICY auth_memberships_by_org ON auth_memberships
    USING (row_scope_sees(org_id)) WITH CHECK (row_scope_sees(org_id));
