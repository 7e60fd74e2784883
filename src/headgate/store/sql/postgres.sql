-- What PostgreSQL is asked about itself.

-- name: session
-- How a connection behaves: our tables by their bare names; nobody waits for a lock, or keeps one while idle, for
-- longer than a worker may be silent; a statement ends with its client; and a client that a network swallowed in the
-- middle of a message, when no other limit counts, is noticed within half a minute. And the time.
SELECT set_config('search_path', 'headgate', false), set_config('lock_timeout', '10s', false),
  set_config('idle_in_transaction_session_timeout', '10s', false),
  set_config('client_connection_check_interval', '2s', false),
  set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),
  set_config('tcp_keepalives_count', '3', false),
  set_config('default_transaction_isolation', 'read committed', false),
  set_config('jit', 'off', false),
  (extract(epoch FROM clock_timestamp()) * 1000000)::bigint

-- name: begin
-- A transaction that may write events: it has the writers' lock before it has a number (see `horizon`). And the time.
BEGIN; SELECT pg_advisory_xact_lock_shared(521500, 148); SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint

-- name: begin_snapshot
-- A transaction in which every question sees the same.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY

-- name: begin_migration
-- A transaction that changes the schema, one at a time however long it takes.
BEGIN; SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(5215000147);
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint

-- name: tables
-- How many tables stand in our schema, whether ours is among them, and whether the schema is there.
SELECT count(*), count(*) FILTER (WHERE relname = 'meta'), to_regnamespace('headgate') IS NOT NULL
FROM pg_class WHERE relnamespace = to_regnamespace('headgate') AND relkind = 'r'

-- name: foreign_events
-- Whether the log was written by another server and restored here: this one has not given those numbers out yet.
SELECT 1 FROM event WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()) LIMIT 1

-- name: adopt_events
-- Lets what was restored come first, by its ids.
UPDATE event SET xid = '0' WHERE xid > '0'
