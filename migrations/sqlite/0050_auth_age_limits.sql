-- owner: auth
-- Up to which age a person sees titles, and whose certificates count first; no row: up to any.
CREATE TABLE auth_age_limits (
    user_id BLOB PRIMARY KEY REFERENCES auth_users (id),
    max_age INTEGER NOT NULL,
    region TEXT,
    changed_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
