-- owner: playback
-- What people watched, while they allow it to be kept: what, when and how much of it is sealed under the person's key. Ids are
-- random and the day is all that is told of when it was kept, so that a row without the key tells no time.
CREATE TABLE playback_history (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL,
    kept_on DATE NOT NULL,
    sealed BYTEA NOT NULL
);
CREATE INDEX playback_history_by_user ON playback_history (user_id, kept_on);
CREATE INDEX playback_history_by_day ON playback_history (kept_on);

-- What is left of it after 90 days: how often a title was watched in a month, and nobody's name.
CREATE TABLE playback_counts (
    content_id UUID NOT NULL,
    month DATE NOT NULL,
    watched BIGINT NOT NULL,
    PRIMARY KEY (content_id, month)
);

-- Of whoever was erased before there was a history, there is none.
INSERT INTO auth_erasure_answers (erasure_id, context, rows_gone, answered_at)
SELECT id, 'playback', 0, erased_at FROM auth_erasures WHERE erased_at IS NOT NULL;
