-- Who did what, append-only.

-- name: columns
-- What an entry holds.
id, at, actor, action, subject, request_id, data

-- name: narrowed
-- The rest of every list's condition; '' stands for any.
id < :before_id AND (:actor = '' OR actor = :actor) AND (:action = '' OR action = :action)

-- name: add
-- One entry.
INSERT INTO audit (at, actor, action, subject, request_id, data)
VALUES (:at, :actor, :action, :subject, :request_id, :data)

-- name: list
-- Entries, newest first.
SELECT {columns} FROM audit WHERE {narrowed} ORDER BY id DESC LIMIT :limit

-- name: list_of_subject
-- Entries about one thing, newest first.
SELECT {columns} FROM audit WHERE subject = :subject AND {narrowed} ORDER BY id DESC LIMIT :limit

-- name: list_of_actor
-- Entries of one who did, newest first; the columns tell the index.
SELECT {columns} FROM audit WHERE actor = :actor AND {narrowed} ORDER BY id DESC LIMIT :limit
