-- clear (stage)
DELETE FROM stg.orders;

-- fill (stage)
INSERT INTO stg.orders SELECT * FROM raw.orders;
