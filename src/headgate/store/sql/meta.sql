-- Facts about the state itself: its uid, its schema version, the Headgate that wrote it.

-- name: get
-- One value.
SELECT value FROM meta WHERE key = :key

-- name: set
-- Writes one value over what stood there.
INSERT INTO meta (key, value) VALUES (:key, :value)
ON CONFLICT (key) DO UPDATE SET value = excluded.value

-- name: set_if_missing
-- Writes a value that is never changed again.
INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING
