-- Names for manifests; a name never moves.

-- name: add
-- A new tag; nothing where the name is taken.
INSERT INTO tag (project, name, manifest_digest, created_at)
VALUES (:project, :name, :manifest_digest, :now)
ON CONFLICT (project, name) DO NOTHING

-- name: get
-- One tag.
SELECT project, name, manifest_digest, created_at FROM tag WHERE project = :project AND name = :name

-- name: list
-- Tags of a project by name, after one.
SELECT project, name, manifest_digest, created_at FROM tag
WHERE project = :project AND name > :after_name ORDER BY name LIMIT :limit

-- name: names
-- All names of a project, for hints.
SELECT name FROM tag WHERE project = :project ORDER BY created_at DESC LIMIT 1000
