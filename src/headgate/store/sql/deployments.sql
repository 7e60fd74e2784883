-- Manifests put into environments, with the blobs of each node.

-- name: columns
-- What a row of a deployment holds.
id, environment_id, number, status, manifest_digest, created_at, run_id, version

-- name: begin
-- The next deployment of an environment.
INSERT INTO deployment (environment_id, number, status, manifest_digest, version, run_id, created_at)
VALUES (:environment_id,
  (SELECT coalesce(max(number), 0) + 1 FROM deployment WHERE environment_id = :environment_id),
  'applying', :manifest_digest, :version, :run_id, :now)
RETURNING {columns}

-- name: add_node
-- A node as bound, and its refresh step.
INSERT INTO deployment_node (deployment_id, node_id, bound_blob_id, step_blob_id)
VALUES (:deployment_id, :node_id, (SELECT id FROM blob WHERE digest = :bound_digest),
  (SELECT id FROM blob WHERE digest = :step_digest))

-- name: set_blob
-- A named blob of a deployment, over what stood there.
INSERT INTO deployment_blob (deployment_id, name, digest) VALUES (:deployment_id, :name, :digest)
ON CONFLICT (deployment_id, name) DO UPDATE SET digest = excluded.digest

-- name: blobs
-- The named blobs of some deployments.
SELECT deployment_id, name, digest FROM deployment_blob WHERE deployment_id IN ({ids}) ORDER BY name

-- name: finish
-- applying, or failed but unsettled -> deployed or failed.
UPDATE deployment SET status = :status, unsettled = 0, ended_at = :now WHERE id = :id AND (status = 'applying' OR unsettled = 1)
RETURNING {columns}

-- name: leave
-- The deployment that a run left unfinished.
UPDATE deployment SET status = 'failed', unsettled = :unsettled, ended_at = :now WHERE run_id = :run_id AND status = 'applying'
RETURNING {columns}

-- name: has_steps
-- Whether a run has written down its steps.
SELECT 1 FROM step WHERE run_id = :run_id LIMIT 1

-- name: stand
-- The environment's current deployment; its mark goes.
UPDATE environment SET current_deployment_id = :id, marked = 0 WHERE id = :environment_id

-- name: mark
-- The environment's last deploy failed.
UPDATE environment SET marked = 1 WHERE id = :environment_id

-- name: get
-- One deployment.
SELECT {columns} FROM deployment WHERE id = :id

-- name: of_run
-- The deployment that a run applies.
SELECT {columns} FROM deployment WHERE run_id = :run_id ORDER BY id DESC LIMIT 1

-- name: unsettled
-- The newest deployment of which only the warehouse knows whether it was committed.
SELECT {columns} FROM deployment AS d WHERE environment_id = :environment_id AND unsettled = 1
  AND NOT EXISTS (SELECT 1 FROM deployment AS later WHERE later.environment_id = d.environment_id
    AND later.number > d.number AND later.status = 'deployed')
ORDER BY number DESC LIMIT 1

-- name: by_number
-- One deployment by its number in its environment.
SELECT {columns} FROM deployment WHERE environment_id = :environment_id AND number = :number

-- name: current
-- The deployment that stands.
SELECT {columns} FROM deployment
WHERE id = (SELECT current_deployment_id FROM environment WHERE id = :environment_id)

-- name: list
-- Deployments of an environment, newest first, below one number.
SELECT {columns} FROM deployment WHERE environment_id = :environment_id AND number < :before_number
ORDER BY number DESC LIMIT :limit

-- name: bound_digests
-- The bound nodes of a deployment.
SELECT node_id, digest FROM deployment_node JOIN blob ON blob.id = bound_blob_id
WHERE deployment_id = :deployment_id {only}

-- name: step_digests
-- The refresh steps of a deployment.
SELECT node_id, digest FROM deployment_node JOIN blob ON blob.id = step_blob_id
WHERE deployment_id = :deployment_id {only}
