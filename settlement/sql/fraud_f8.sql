-- F8: parcels handed out within seconds of their arrival, too large a share of a day. One row an outlet and day, with the
-- county's median share of that day beside it. Reads fraud_work alone.
-- staging: CREATE TEMP TABLE fraud_work (line_id bigint, parcel_id bigint, station_id bigint, service varchar, evidence_class varchar, fresh boolean, at timestamptz, day date, carrier varchar, waybill_no varchar, announced boolean, from_here boolean, known_at timestamptz, event_id uuid, type varchar, device_id bigint, actor_id bigint, seq bigint, occurred_at timestamptz, untrusted boolean, skewed boolean, lng float8, lat float8, accuracy_m float8, arrived_at timestamptz, arrival_id uuid) ON COMMIT DROP
WITH days AS MATERIALIZED (
    SELECT station_id, day, count(*) AS parcels,
           count(*) FILTER (WHERE at - arrived_at <= %(within_s)s::float8 * interval '1 s') AS quick,
           array_agg(line_id) FILTER (WHERE at - arrived_at <= %(within_s)s::float8 * interval '1 s') AS lines,
           (array_agg(event_id ORDER BY at) FILTER (
               WHERE at - arrived_at <= %(within_s)s::float8 * interval '1 s'))[1:20] AS ids
    FROM fraud_work
    WHERE fresh AND service = 'outlet_delivery'
    GROUP BY station_id, day
), usual AS (
    SELECT day, percentile_cont(0.5) WITHIN GROUP (ORDER BY 100.0 * quick / parcels) AS percent FROM days GROUP BY day
)
SELECT station_id, 'day ' || day AS subject,
       jsonb_build_object('code', 'in_out', 'scans', quick, 'of', parcels, 'percent', round(100.0 * quick / parcels, 1),
                          'within_s', %(within_s)s::numeric, 'limit', %(percent)s::numeric,
                          'median', round(usual.percent::numeric, 1), 'day', day) AS numbers,
       ids AS event_ids, lines AS line_ids
FROM days JOIN usual USING (day)
WHERE quick >= %(least)s::numeric AND 100.0 * quick / parcels > %(percent)s::numeric
