-- F14: an outlet whose recipients, called back, confirm too few of a month's parcels. Those not reached say nothing. One
-- row an outlet and month; the lines are those denied. Reads callback_by_month; it holds nothing.
-- staging: CREATE TEMP TABLE fraud_work (line_id bigint, parcel_id bigint, station_id bigint, service varchar, evidence_class varchar, fresh boolean, at timestamptz, day date, carrier varchar, waybill_no varchar, announced boolean, from_here boolean, known_at timestamptz, event_id uuid, type varchar, device_id bigint, actor_id bigint, seq bigint, occurred_at timestamptz, untrusted boolean, skewed boolean, lng float8, lat float8, accuracy_m float8, arrived_at timestamptz, arrival_id uuid) ON COMMIT DROP
SELECT c.station_id, 'calls ' || to_char(c.period, 'YYYY-MM') AS subject,
       jsonb_build_object('code', 'calls', 'scans', count(*) FILTER (WHERE c.answer = 'confirmed'), 'of', count(*),
                          'limit', %(confirmed)s::numeric, 'day', c.period) AS numbers,
       coalesce((array_agg(w.event_id ORDER BY w.at) FILTER (WHERE c.answer = 'denied' AND w.event_id IS NOT NULL))[1:20],
                ARRAY[]::uuid[]) AS event_ids,
       coalesce(array_agg(c.line_id) FILTER (WHERE c.answer = 'denied'), ARRAY[]::bigint[]) AS line_ids
FROM settlement_callback c
LEFT JOIN fraud_work w ON w.line_id = c.line_id
WHERE c.county_code = %(county_code)s AND c.period = ANY(%(months)s::date[]) AND c.answer IN ('confirmed', 'denied')
GROUP BY c.station_id, c.period
HAVING count(*) >= %(least_calls)s::numeric
   AND 100.0 * count(*) FILTER (WHERE c.answer = 'confirmed') / count(*) < %(confirmed)s::numeric
