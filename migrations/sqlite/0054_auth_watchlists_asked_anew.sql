-- owner: auth
-- What these scopes reach has grown by what somebody watched: whoever gave them is asked again.
UPDATE auth_consents
SET scopes = TRIM(REPLACE(REPLACE(' ' || scopes || ' ', ' read:watchlist ', ' '), ' write:watchlist ', ' '))
WHERE scopes LIKE '%:watchlist%';
UPDATE auth_families
SET scopes = TRIM(REPLACE(REPLACE(' ' || scopes || ' ', ' read:watchlist ', ' '), ' write:watchlist ', ' '))
WHERE scopes LIKE '%:watchlist%';
UPDATE auth_refresh_tokens
SET scopes = TRIM(REPLACE(REPLACE(' ' || scopes || ' ', ' read:watchlist ', ' '), ' write:watchlist ', ' '))
WHERE scopes LIKE '%:watchlist%';
