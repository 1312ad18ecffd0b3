-- When a user last showed a key. Written late and in bulk, outside the log, as a token's.
ALTER TABLE usr ADD COLUMN active_ms BIGINT;
