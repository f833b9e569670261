-- F1: the same parcel, kind, handheld and minute in two scans of one outlet and day. Each counts once already; shown
-- where it is many. All hand-overs of the span, scanevent_by_station as a bitmap or a parallel scan; fraud_work alone
-- says which lines these are. One row an outlet and day.
-- staging: CREATE TEMP TABLE fraud_work (line_id bigint, parcel_id bigint, station_id bigint, service varchar, evidence_class varchar, fresh boolean, at timestamptz, day date, carrier varchar, waybill_no varchar, announced boolean, from_here boolean, known_at timestamptz, event_id uuid, type varchar, device_id bigint, actor_id bigint, seq bigint, occurred_at timestamptz, untrusted boolean, skewed boolean, lng float8, lat float8, accuracy_m float8, arrived_at timestamptz, arrival_id uuid) ON COMMIT DROP
WITH again AS (
    SELECT e.station_id, (min(e.effective_at) AT TIME ZONE 'Asia/Shanghai')::date AS day, e.carrier, e.waybill_no,
           count(*) - 1 AS repeats, array_agg(e.event_id) AS ids
    FROM tracking_scanevent e
    WHERE e.county_code = %(county_code)s AND e.effective_at >= %(from)s AND e.effective_at < %(upto)s
      AND e.station_level = 'OUTLET' AND e.type IN ('SIGNED_PICKUP', 'SIGNED_SELF', 'SIGNED_AGENT')
      AND e.waybill_no IS NOT NULL
    GROUP BY e.station_id, e.carrier, e.waybill_no, e.type, e.device_id, date_trunc('minute', e.occurred_at)
    HAVING count(*) > 1
)
SELECT station_id, 'day ' || day AS subject,
       jsonb_build_object('code', 'repeats', 'scans', sum(repeats), 'limit', %(repeats)s::numeric, 'day', day) AS numbers,
       (array_agg(ids[2]))[1:20] AS event_ids,
       ARRAY(SELECT w.line_id FROM fraud_work w
             WHERE w.fresh AND w.station_id = again.station_id AND w.day = again.day
               AND w.waybill_no = ANY(array_agg(again.waybill_no))) AS line_ids
FROM again
GROUP BY station_id, day
HAVING sum(repeats) > %(repeats)s::numeric
