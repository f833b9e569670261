-- Staged parcels whose lines are not what their scans give now: a line that is missing or shouldn't stand, or one that
-- stands rightly at another price. `pending`: folded since the county was last settled, so simply not written yet.
-- Reads only the temporary table.
-- staging: CREATE TEMP TABLE settlement_verdict (parcel_id bigint, service text, station_id bigint, day date, folded_in xid8, stands boolean, last_line bigint, last_station bigint, last_rate numeric, last_amount numeric, last_reasons jsonb, rate numeric, amount numeric, due boolean, right_already boolean) ON COMMIT DROP
WITH compared AS (
    SELECT v.*, CASE WHEN stands THEN last_amount ELSE 0 END AS stood,
           CASE WHEN due OR right_already THEN amount ELSE 0 END AS wanted,
           NOT right_already AND (%(all_pending)s OR folded_in >= %(settled_below)s::xid8
                                  AND folded_in IS DISTINCT FROM pg_current_xact_id_if_assigned()) AS pending
    FROM settlement_verdict v
    WHERE %(since)s::date IS NULL OR day >= %(since)s::date
), off AS (
    SELECT * FROM compared
    WHERE CASE WHEN NOT right_already THEN due OR stands
               ELSE amount IS DISTINCT FROM last_amount
                    -- lines from before there were factors carry the terrain's rate, not the base
                    OR rate IS DISTINCT FROM last_rate AND last_reasons->0->>'code' = 'base' END
)
SELECT parcel_id, service, COALESCE(station_id, last_station) AS station_id, last_line AS line_id, stood, wanted, pending,
       count(*) FILTER (WHERE NOT pending) OVER () AS lines, count(*) FILTER (WHERE pending) OVER () AS waiting,
       COALESCE(sum(abs(wanted - stood)) FILTER (WHERE NOT pending) OVER (), 0) AS yuan
FROM off ORDER BY pending, parcel_id, service LIMIT %(most)s
