-- owner: stores
-- The event log. Appending to it inside a use-case's transaction is the outbox.
CREATE TABLE event_head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    position INTEGER NOT NULL
) STRICT;
INSERT INTO event_head (only_row, position) VALUES (1, 0);

CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    subject BLOB NOT NULL,
    source TEXT NOT NULL,
    stated_at TEXT NOT NULL,
    traceparent TEXT NOT NULL,
    data TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_partition ON events (topic, partition, position);
CREATE INDEX events_by_time ON events (stated_at);

-- How far a group of consumers has come in each partition. The rows also say which topics it follows.
CREATE TABLE event_offsets (
    consumer TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (consumer, topic, partition)
) STRICT, WITHOUT ROWID;

-- Which events had their effect, so that none has it twice.
CREATE TABLE event_inbox (
    consumer TEXT NOT NULL,
    event_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (consumer, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_inbox_by_position ON event_inbox (position);

-- Events that failed and are tried again later. They keep the event, which the log may have dropped by then.
CREATE TABLE event_redeliveries (
    consumer TEXT NOT NULL,
    event_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due_at TEXT NOT NULL,
    reason TEXT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (consumer, event_id)
) STRICT;
CREATE INDEX event_redeliveries_by_time ON event_redeliveries (consumer, due_at);

-- Events that failed too often; a person decides.
CREATE TABLE event_dead_letters (
    consumer TEXT NOT NULL,
    event_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    failed_at TEXT NOT NULL,
    reason TEXT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (consumer, event_id)
) STRICT;
