-- F9: very many parcels of one person in a week, or of somebody who works at the outlet (their phone and name as masked
-- in both places: seven digits and a family name). The subject tells persons apart by a digest, the numbers name nobody.
-- One row an outlet, person and week. Parcels of fraud_work by the recipients' key.
-- staging: CREATE TEMP TABLE fraud_work (line_id bigint, parcel_id bigint, station_id bigint, service varchar, evidence_class varchar, fresh boolean, at timestamptz, day date, carrier varchar, waybill_no varchar, announced boolean, from_here boolean, known_at timestamptz, event_id uuid, type varchar, device_id bigint, actor_id bigint, seq bigint, occurred_at timestamptz, untrusted boolean, skewed boolean, lng float8, lat float8, accuracy_m float8, arrived_at timestamptz, arrival_id uuid) ON COMMIT DROP
WITH staff AS MATERIALIZED (
    SELECT DISTINCT * FROM unnest(%(staff_stations)s::bigint[], %(staff_phones)s::varchar[]) AS s (station_id, phone)
), got AS (
    SELECT w.station_id, date_trunc('week', w.day::timestamp)::date AS week, r.phone_masked, r.name_masked,
           count(*) AS parcels, array_agg(w.line_id) AS lines, (array_agg(w.event_id ORDER BY w.at))[1:20] AS ids
    FROM fraud_work w JOIN orders_recipient r ON r.parcel_id = w.parcel_id
    WHERE w.fresh AND w.service = 'outlet_delivery' AND r.phone_masked <> ''
    GROUP BY 1, 2, 3, 4
    HAVING count(*) > least(%(a_week)s::numeric, %(staff_a_week)s::numeric)
)
SELECT g.station_id, 'week ' || g.week || ' ' || left(md5(g.station_id || g.phone_masked || g.name_masked), 8) AS subject,
       jsonb_build_object('code', CASE WHEN s.phone IS NULL THEN 'one_recipient' ELSE 'staff' END, 'scans', g.parcels,
                          'limit', CASE WHEN s.phone IS NULL THEN %(a_week)s::numeric ELSE %(staff_a_week)s::numeric END,
                          'day', g.week) AS numbers,
       g.ids AS event_ids, g.lines AS line_ids
FROM got g LEFT JOIN staff s ON s.station_id = g.station_id AND s.phone = g.phone_masked
WHERE g.parcels > CASE WHEN s.phone IS NULL THEN %(a_week)s::numeric ELSE %(staff_a_week)s::numeric END
