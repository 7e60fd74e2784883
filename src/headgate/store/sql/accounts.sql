-- Users: people and programs that tokens belong to.

-- name: columns
-- What a user holds.
id, name, email, notify, created_at

-- name: add
-- A new user.
INSERT INTO account (name, email, notify, created_at) VALUES (:name, :email, :notify, :now) RETURNING {columns}

-- name: update
-- All that may change about one.
UPDATE account SET name = :name, email = :email, notify = :notify WHERE id = :id RETURNING {columns}

-- name: get
-- One user.
SELECT {columns} FROM account WHERE id = :id

-- name: hold
-- One user, until the change is made.
SELECT id FROM account WHERE id = :id {for_update}

-- name: get_by_name
-- One user, by name.
SELECT {columns} FROM account WHERE name = :name

-- name: list
-- Users by id, after one.
SELECT {columns} FROM account WHERE id > :after_id ORDER BY id LIMIT :limit

-- name: notified
-- All who are notified, with where, for a new key.
SELECT {columns} FROM account WHERE notify IS NOT NULL ORDER BY id {for_update}

-- name: any_notified
-- Whether anybody is.
SELECT 1 FROM account WHERE notify IS NOT NULL LIMIT 1

-- name: names
-- All names, for hints.
SELECT name FROM account ORDER BY id DESC LIMIT 1000
