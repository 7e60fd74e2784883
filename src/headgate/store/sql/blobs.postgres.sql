-- Contents by their SHA-256, where a list of millions of ids does not fit into memory.

-- name: unused
-- Old blobs that nothing names.
SELECT id FROM blob
WHERE used_at < :before
  AND NOT EXISTS (SELECT 1 FROM deployment_node WHERE bound_blob_id = blob.id)
  AND NOT EXISTS (SELECT 1 FROM deployment_node WHERE step_blob_id = blob.id)
  AND NOT EXISTS (SELECT 1 FROM deployment WHERE manifest_digest = blob.digest)
  AND NOT EXISTS (SELECT 1 FROM tag WHERE manifest_digest = blob.digest)
  AND NOT EXISTS (SELECT 1 FROM deployment_blob WHERE digest = blob.digest)
