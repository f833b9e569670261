-- F3: parcels that no carrier announced within some days after they were first scanned, and that were not collected in
-- the county itself. One row an outlet and month. Reads fraud_work alone.
-- staging: CREATE TEMP TABLE fraud_work (line_id bigint, parcel_id bigint, station_id bigint, service varchar, evidence_class varchar, fresh boolean, at timestamptz, day date, carrier varchar, waybill_no varchar, announced boolean, from_here boolean, known_at timestamptz, event_id uuid, type varchar, device_id bigint, actor_id bigint, seq bigint, occurred_at timestamptz, untrusted boolean, skewed boolean, lng float8, lat float8, accuracy_m float8, arrived_at timestamptz, arrival_id uuid) ON COMMIT DROP
SELECT station_id, 'month ' || to_char(day, 'YYYY-MM') AS subject,
       jsonb_build_object('code', 'unannounced', 'scans', count(*), 'limit', %(days)s::numeric,
                          'first', min(waybill_no), 'day', min(day)) AS numbers,
       (array_agg(event_id ORDER BY at))[1:20] AS event_ids, array_agg(line_id) AS line_ids
FROM fraud_work
WHERE fresh AND service = 'outlet_delivery' AND NOT announced AND NOT from_here
  AND least(known_at, at) < %(upto)s::timestamptz - %(days)s::numeric * interval '1 day'
GROUP BY station_id, to_char(day, 'YYYY-MM')
