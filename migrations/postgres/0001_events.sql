-- owner: stores
-- The event log. Appending to it inside a use-case's transaction is the outbox.
CREATE TABLE event_head (
    only_row BIGINT PRIMARY KEY CHECK (only_row = 1),
    position BIGINT NOT NULL
);
INSERT INTO event_head (only_row, position) VALUES (1, 0);

CREATE TABLE events (
    position BIGINT PRIMARY KEY,
    id UUID NOT NULL UNIQUE,
    topic TEXT NOT NULL,
    partition BIGINT NOT NULL,
    subject UUID NOT NULL,
    source TEXT NOT NULL,
    stated_at TIMESTAMPTZ NOT NULL,
    traceparent TEXT NOT NULL,
    data JSONB NOT NULL
);
CREATE INDEX events_by_partition ON events (topic, partition, position);
CREATE INDEX events_by_time ON events (stated_at);

-- How far a group of consumers has come in each partition. The rows also say which topics it follows.
CREATE TABLE event_offsets (
    consumer TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (consumer, topic, partition)
);

-- Which events had their effect, so that none has it twice.
CREATE TABLE event_inbox (
    consumer TEXT NOT NULL,
    event_id UUID NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX event_inbox_by_position ON event_inbox (position);

-- Events that failed and are tried again later. They keep the event, which the log may have dropped by then.
CREATE TABLE event_redeliveries (
    consumer TEXT NOT NULL,
    event_id UUID NOT NULL,
    position BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    reason TEXT NOT NULL,
    event JSONB NOT NULL,
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX event_redeliveries_by_time ON event_redeliveries (consumer, due_at);

-- Events that failed too often; a person decides.
CREATE TABLE event_dead_letters (
    consumer TEXT NOT NULL,
    event_id UUID NOT NULL,
    position BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    failed_at TIMESTAMPTZ NOT NULL,
    reason TEXT NOT NULL,
    event JSONB NOT NULL,
    PRIMARY KEY (consumer, event_id)
);
