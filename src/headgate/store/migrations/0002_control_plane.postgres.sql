-- Events are read in an order in which nothing appears below what was read: by the transaction that wrote them.

ALTER TABLE event ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();

CREATE INDEX event_in_order ON event (xid, id);
DROP INDEX event_by_run;
CREATE INDEX event_by_run ON event (run_id, xid, id) WHERE run_id IS NOT NULL
