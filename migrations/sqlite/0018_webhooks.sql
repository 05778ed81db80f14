-- owner: ingest
-- Messages of sources that push, so that each is taken in once. One without an answer is being taken in.
CREATE TABLE webhook_messages (
    source TEXT NOT NULL,
    message_id TEXT NOT NULL,
    received_at TEXT NOT NULL,
    answer TEXT,
    PRIMARY KEY (source, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_messages_by_time ON webhook_messages (received_at);
