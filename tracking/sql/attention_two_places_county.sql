-- The same for a whole county: all its arrivals of some days, read in parallel, grouped by one number a parcel and
-- minute (a hash of both: half the time of grouping by text; what collides falls out where the scans are compared).
-- The answer is kept a while: what was taken back or let stand is left out by whoever reads it.
-- Indexes: scanevent_by_station as a bitmap, scanevent_by_parcel.
WITH doubled AS MATERIALIZED (
    SELECT min(e.carrier) AS carrier, min(e.waybill_no) AS waybill_no,
           date_trunc('minute', min(e.effective_at)) AS minute
    FROM tracking_scanevent e
    WHERE e.county_code = %(county)s AND e.effective_at >= %(start)s AND e.effective_at < %(end)s
      AND e.type IN ('HUB_IN', 'UNLOADED', 'OUTLET_IN', 'COLLECTED') AND e.waybill_no IS NOT NULL
    GROUP BY hashtextextended(
        e.carrier || ' ' || e.waybill_no, extract(epoch FROM date_trunc('minute', e.effective_at))::bigint)
    HAVING min(e.station_id) <> max(e.station_id)
), pairs AS (
    SELECT DISTINCT late.event_id, early.event_id AS other_id, late.effective_at AS at,
           late.station_id, early.station_id AS other_station_id
    FROM doubled
    JOIN tracking_scanevent early
      ON early.county_code = %(county)s AND early.carrier = doubled.carrier AND early.waybill_no = doubled.waybill_no
     AND early.effective_at >= doubled.minute AND early.effective_at < doubled.minute + interval '1 minute'
    JOIN tracking_scanevent late
      ON late.county_code = %(county)s AND late.carrier = doubled.carrier AND late.waybill_no = doubled.waybill_no
     AND late.effective_at >= doubled.minute AND late.effective_at < doubled.minute + interval '1 minute'
    WHERE early.k < late.k AND early.station_id <> late.station_id
      AND early.type IN ('HUB_IN', 'UNLOADED', 'OUTLET_IN', 'COLLECTED')
      AND late.type IN ('HUB_IN', 'UNLOADED', 'OUTLET_IN', 'COLLECTED')
)
SELECT pairs.event_id, pairs.other_id, pairs.at, pairs.station_id, pairs.other_station_id
FROM pairs
ORDER BY pairs.at DESC, pairs.event_id DESC
LIMIT %(most)s
