-- Tokens: digests and what they may do. No text of a token is here.

-- name: columns
-- What is told about a token.
token.id, token.name, token.scopes, token.account_id, account.name, token.job_id, token.created_at,
token.created_by, token.expires_at, token.revoked_at, token.last_used_at

-- name: joined
-- With the user it belongs to.
token LEFT JOIN account ON account.id = token.account_id

-- name: add
-- A new token.
INSERT INTO token (digest, name, account_id, job_id, scopes, created_at, created_by, expires_at)
VALUES (:digest, :name, :account_id, :job_id, :scopes, :now, :created_by, :expires_at)
RETURNING id

-- name: get
-- One token.
SELECT {columns} FROM {joined} WHERE token.id = :id

-- name: find
-- The token of a digest.
SELECT {columns} FROM {joined} WHERE token.digest = :digest

-- name: list
-- Tokens by id, after one.
SELECT {columns} FROM {joined} WHERE token.id > :after_id ORDER BY token.id LIMIT :limit

-- name: list_valid
-- Those that still hold.
SELECT {columns} FROM {joined}
WHERE token.id > :after_id AND token.revoked_at IS NULL
  AND (token.expires_at IS NULL OR token.expires_at > :now)
ORDER BY token.id LIMIT :limit

-- name: valid_named
-- Those of a name that still hold.
SELECT {columns} FROM {joined}
WHERE token.name = :name AND token.revoked_at IS NULL
  AND (token.expires_at IS NULL OR token.expires_at > :now)
ORDER BY token.id

-- name: valid_admin
-- One that may do everything and still holds. Scopes are kept in one spelling, admin first.
SELECT {columns} FROM {joined}
WHERE (token.scopes = 'admin' OR token.scopes LIKE 'admin %') AND token.revoked_at IS NULL
  AND (token.expires_at IS NULL OR token.expires_at > :now)
ORDER BY token.id LIMIT 1

-- name: one_at_a_time
-- Two servers that start together make one first token.
SELECT 1 FROM meta WHERE key = 'uid' {for_update}

-- name: revoke
-- From now on it does not hold.
UPDATE token SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL

-- name: revoke_made_by
-- The same for all that one made, but one.
UPDATE token SET revoked_at = :now
WHERE created_by = :created_by AND digest <> :digest AND revoked_at IS NULL
RETURNING id

-- name: use
-- When it was used last, written at most once in a while.
UPDATE token SET last_used_at = :now WHERE id = :id AND (last_used_at IS NULL OR last_used_at <= :before)
