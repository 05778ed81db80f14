-- owner: auth
-- Mail that was asked for: a line for each kind and address, of which only the keyed hash is kept. Whose address it is, if
-- anybody's, is looked up when the mail is written, so that asking is the same for every address. A line that is done
-- holds the next one off for a while.
CREATE TABLE auth_mail (
    kind TEXT NOT NULL,
    email_blind BLOB NOT NULL,
    asked_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    done_at TEXT,
    PRIMARY KEY (kind, email_blind)
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_mail_by_due ON auth_mail (due_at) WHERE done_at IS NULL;

-- Codes that went out by mail, each good once and for its purpose.
CREATE TABLE auth_mail_codes (
    code_hash BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES auth_users (id),
    purpose TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT
) STRICT;
CREATE INDEX auth_mail_codes_by_user ON auth_mail_codes (user_id);
CREATE INDEX auth_mail_codes_by_expiry ON auth_mail_codes (expires_at);
