-- The log where writers write at the same time.
--
-- A transaction that began earlier may draw higher ids and commit later, so ids say nothing about what is still to
-- come. The log is therefore read by transaction, and only below the oldest transaction at work that may write events:
-- whatever that one writes stands after all that was read. Every writer takes the writers' lock before it gets its
-- transaction's number (see `begin`). So a transaction without that lock, such as the long load of a warehouse on the
-- same server, holds nobody up. It is an advisory lock because those are let go last when a transaction ends, after its
-- number. A lock on the table goes before it, and a writer that is just ending would look like none.

-- name: read
-- What came after one event, in the order of the log.
SELECT id, at, kind, run_id, step_id, environment_id, data FROM event
WHERE (xid, id) > (coalesce((SELECT xid FROM event WHERE id <= :after_id ORDER BY id DESC LIMIT 1), '0'), :after_id)
  AND xid < {horizon}
ORDER BY xid, id LIMIT :limit

-- name: read_of_run
-- The same, of one run.
SELECT id, at, kind, run_id, step_id, environment_id, data FROM event
WHERE run_id = :run_id
  AND (xid, id) > (coalesce((SELECT xid FROM event WHERE id <= :after_id ORDER BY id DESC LIMIT 1), '0'), :after_id)
  AND xid < {horizon}
ORDER BY xid, id LIMIT :limit

-- name: last_id
-- The last event of the log.
SELECT id FROM event WHERE xid < {horizon} ORDER BY xid DESC, id DESC LIMIT 1

-- name: horizon
-- The oldest transaction that was at work when this statement began, and not for others: one that still holds its own
-- number, and not the writers' lock. Locks are looked at once, so that one that ends meanwhile counts as a writer. They
-- are matched by process: a transaction that ends loses its virtual number before its locks.
coalesce((
  WITH held AS MATERIALIZED (
    SELECT pid, transactionid, database, classid, objid, objsubid FROM pg_locks
    WHERE locktype IN ('transactionid', 'advisory')
      AND pg_snapshot_xmin(pg_current_snapshot()) <> pg_snapshot_xmax(pg_current_snapshot()))
  SELECT began FROM pg_snapshot_xip(pg_current_snapshot()) AS began
  WHERE NOT EXISTS (SELECT 1 FROM held AS other WHERE other.transactionid = began::xid
    AND NOT EXISTS (SELECT 1 FROM held AS own
      WHERE own.pid = other.pid
        AND (own.classid, own.objid, own.objsubid) = (521500, 148, 2)  -- an advisory lock of two keys
        AND own.database = (SELECT oid FROM pg_database WHERE datname = current_database())))
  ORDER BY began LIMIT 1), pg_snapshot_xmax(pg_current_snapshot()))
