-- Environments as last applied, and what stands in them.

-- name: columns
-- What a row of an environment holds.
id, project, name, definition, current_deployment_id, marked, updated_at, root, created_at, created_by

-- name: apply
-- Writes an environment, unless its id belongs to another project.
INSERT INTO environment (id, project, name, definition, max_running, host, root, created_at, created_by, updated_at)
VALUES (:id, :project, :name, :definition, :max_running, :host, :root, :now, :by, :now)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, definition = excluded.definition,
  max_running = excluded.max_running, host = excluded.host, root = excluded.root, updated_at = excluded.updated_at
WHERE environment.project = excluded.project

-- name: unchanged
-- Whether an environment stands exactly so already.
SELECT 1 FROM environment WHERE id = :id AND project = :project AND definition = :definition
  AND coalesce(host, '') = coalesce(:host, '') AND coalesce(root, '') = coalesce(:root, '')

-- name: get
-- One environment by its id.
SELECT {columns} FROM environment WHERE id = :id

-- name: get_by_name
-- Environments of one name, of every project.
SELECT {columns} FROM environment WHERE name = :name ORDER BY id

-- name: get_in_project
-- The environment of one name in a project.
SELECT {columns} FROM environment WHERE project = :project AND name = :name

-- name: list
-- Environments after one id.
SELECT {columns} FROM environment WHERE id > :after_id ORDER BY id LIMIT :limit

-- name: names
-- Names, for hints.
SELECT DISTINCT name FROM environment ORDER BY name LIMIT 1000

-- name: in_use
-- Whether an environment has a history: runs or deployments.
SELECT 1 WHERE EXISTS (SELECT 1 FROM run WHERE environment_id = :id)
  OR EXISTS (SELECT 1 FROM deployment WHERE environment_id = :id)

-- name: delete_jobs
-- The jobs that live in an environment.
DELETE FROM job WHERE environment_id = :id

-- name: delete_inactive_jobs
-- What was said of jobs of files there.
DELETE FROM inactive_job WHERE environment_id = :id

-- name: delete
-- An environment without a history.
DELETE FROM environment WHERE id = :id
