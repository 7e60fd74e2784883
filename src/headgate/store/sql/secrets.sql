-- Secrets by name, sealed.

-- name: put
-- A secret, new or with another value.
INSERT INTO secret (name, sealed, updated_at, updated_by) VALUES (:name, :sealed, :now, :by)
ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at,
  updated_by = excluded.updated_by

-- name: put_again
-- The same value under another key.
UPDATE secret SET sealed = :sealed WHERE name = :name

-- name: delete
-- One secret.
DELETE FROM secret WHERE name = :name

-- name: get
-- What is sealed under a name.
SELECT sealed FROM secret WHERE name = :name

-- name: list
-- Names, with who set them when, after one.
SELECT name, updated_at, updated_by FROM secret WHERE name > :after_name ORDER BY name LIMIT :limit

-- name: all
-- Everything, for a new key.
SELECT name, sealed FROM secret ORDER BY name {for_update}

-- name: any
-- Whether there is one.
SELECT 1 FROM secret LIMIT 1

-- name: names
-- All names, for hints.
SELECT name FROM secret ORDER BY name LIMIT 1000
