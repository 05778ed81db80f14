-- owner: stores
-- Which rows of tables with an organisation the transaction under way sees: `all`, `none` for those without one, or the
-- organisation's id. Nothing where the transaction does not say. Those without an organisation are seen by all who say.
CREATE FUNCTION row_scope_sees(org UUID) RETURNS BOOLEAN LANGUAGE SQL STABLE AS $$
    SELECT COALESCE(
        current_setting('media_gateway.rows', true) = 'all'
        OR (current_setting('media_gateway.rows', true) <> '' AND org IS NULL)
        OR current_setting('media_gateway.rows', true) = org::TEXT,
        false)
$$;
