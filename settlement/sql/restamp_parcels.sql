-- After a restore: parcels stamped by a transaction this database has not reached yet get the current one. The stamp is
-- no register of the fold; a full scan, run once and by hand.
UPDATE orders_parcel SET folded_in = pg_current_xact_id() WHERE folded_in > pg_current_xact_id()
