-- owner: auth
-- A transaction sees the API keys of the organisation that it names, and none when it names none: also for who owns the
-- table. (A superuser, and a role with BYPASSRLS, is above that: `doctor` says so.)
ALTER TABLE auth_api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE auth_api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY auth_api_keys_by_org ON auth_api_keys
    USING (row_scope_sees(org_id)) WITH CHECK (row_scope_sees(org_id));
