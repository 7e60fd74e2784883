-- lock (stage)
LOCK TABLE stg.orders IN SHARE ROW EXCLUSIVE MODE;

-- clear (stage)
DELETE FROM stg.orders;

-- fill (stage)
INSERT INTO stg.orders SELECT * FROM raw.orders;
