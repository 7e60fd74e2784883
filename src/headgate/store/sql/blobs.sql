-- Contents by their SHA-256.

-- name: known
-- Which of some digests are here, and when each was last put.
SELECT digest, used_at FROM blob WHERE digest IN ({digests})

-- name: touch
-- Keeps some blobs from being pruned, for those not touched of late.
UPDATE blob SET used_at = :now WHERE used_at < :stale AND digest IN ({digests})

-- name: put
-- One blob; nothing where it is here already.
INSERT INTO blob (digest, compressed, contents, used_at)
VALUES (:digest, :compressed, :contents, :now)
ON CONFLICT (digest) DO NOTHING

-- name: get
-- Some blobs.
SELECT digest, compressed, contents FROM blob WHERE digest IN ({digests})

-- name: unused
-- Old blobs that nothing names.
SELECT id FROM blob
WHERE used_at < :before
  AND id NOT IN (SELECT bound_blob_id FROM deployment_node)
  AND id NOT IN (SELECT step_blob_id FROM deployment_node WHERE step_blob_id IS NOT NULL)
  AND digest NOT IN (SELECT manifest_digest FROM deployment)
  AND digest NOT IN (SELECT manifest_digest FROM tag)
  AND digest NOT IN (SELECT digest FROM deployment_blob)

-- name: drop
-- One of them, where it is still old.
DELETE FROM blob WHERE id = :id AND used_at < :before
