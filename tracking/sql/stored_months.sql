-- The event table's months as they lie on the disk: its partitions, and what was detached from it and still stands.
-- Catalogue only (pg_class, pg_inherits); the number of rows is the planner's estimate, null before the first ANALYZE.
SELECT c.relname AS name, i.inhrelid IS NOT NULL AS attached,
       CASE WHEN c.reltuples > 0 OR pg_relation_size(c.oid) = 0 THEN greatest(c.reltuples, 0)::bigint END AS scans,
       pg_total_relation_size(c.oid) AS bytes,
       coalesce(pg_get_expr(c.relpartbound, c.oid) LIKE '%%(MINVALUE)%%', false) AS from_the_beginning
FROM pg_class c
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = 'tracking_scanevent'::regclass
WHERE c.relkind = 'r' AND c.relname ~ '^tracking_scanevent_([0-9]{6}|default)$' AND pg_table_is_visible(c.oid)
ORDER BY c.relname
