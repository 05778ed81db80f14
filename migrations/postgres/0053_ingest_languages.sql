-- owner: ingest
-- Languages that the rows of a run named and that can't be read: how many, and the first of them as they are spelt.
ALTER TABLE ingest_runs ADD COLUMN unread_languages TEXT NOT NULL DEFAULT '{"count":0,"spellings":[]}';
