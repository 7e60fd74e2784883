-- The log where writers write at the same time.
--
-- A transaction that began earlier may draw higher ids and commit later, so ids say nothing about what is still to
-- come. The log is therefore read by transaction, and only below the oldest transaction at work that may write events:
-- whatever that one writes stands after all that was read. Every writer takes its lock on `event` before it gets its
-- transaction's number (see `begin`). So a transaction without that lock, such as the long load of a warehouse on the
-- same server, holds nobody up.

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
-- number, and no lock on `event`. Locks are looked at once, so that one that ends meanwhile counts as a writer.
coalesce((
  WITH held AS MATERIALIZED (
    SELECT virtualtransaction, transactionid, relation FROM pg_locks
    WHERE pg_snapshot_xmin(pg_current_snapshot()) <> pg_snapshot_xmax(pg_current_snapshot()))
  SELECT began FROM pg_snapshot_xip(pg_current_snapshot()) AS began
  WHERE NOT EXISTS (SELECT 1 FROM held AS other WHERE other.transactionid = began::xid
    AND NOT EXISTS (SELECT 1 FROM held AS own
      WHERE own.virtualtransaction = other.virtualtransaction AND own.relation = 'event'::regclass))
  ORDER BY began LIMIT 1), pg_snapshot_xmax(pg_current_snapshot()))
