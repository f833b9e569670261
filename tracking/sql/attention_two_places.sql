-- One parcel said to be at two stations within the same minute, of the arrivals at some stations.
-- Indexes: scanevent_by_station, scanevent_by_parcel, scanevent_corrections, dismissal_once.
WITH mine AS MATERIALIZED (
    SELECT e.event_id, e.carrier, e.waybill_no, e.station_id, e.effective_at, e.k
    FROM tracking_scanevent e
    WHERE e.county_code = %(county)s AND e.station_id = ANY(%(stations)s::bigint[])
      AND e.effective_at >= %(start)s AND e.effective_at < %(end)s
      AND e.type IN ('HUB_IN', 'UNLOADED', 'OUTLET_IN', 'COLLECTED') AND e.waybill_no IS NOT NULL
), pairs AS (
    SELECT DISTINCT
        CASE WHEN other.k > mine.k THEN other.event_id ELSE mine.event_id END AS event_id,
        CASE WHEN other.k > mine.k THEN mine.event_id ELSE other.event_id END AS other_id,
        greatest(mine.effective_at, other.effective_at) AS at
    FROM mine
    JOIN tracking_scanevent other
      ON other.county_code = %(county)s AND other.carrier = mine.carrier AND other.waybill_no = mine.waybill_no
     AND other.effective_at >= date_trunc('minute', mine.effective_at)
     AND other.effective_at < date_trunc('minute', mine.effective_at) + interval '1 minute'
    WHERE other.station_id <> mine.station_id AND other.type IN ('HUB_IN', 'UNLOADED', 'OUTLET_IN', 'COLLECTED')
)
SELECT pairs.event_id, pairs.other_id, pairs.at
FROM pairs
WHERE NOT EXISTS (
        SELECT FROM tracking_voided v
        WHERE v.county_code = %(county)s AND v.event_id IN (pairs.event_id, pairs.other_id)
    )
  AND NOT EXISTS (
      SELECT FROM tracking_dismissal d
      WHERE d.county_code = %(county)s AND d.kind = %(kind)s AND d.event_id = pairs.event_id
  )
ORDER BY pairs.at DESC, pairs.event_id DESC
LIMIT %(most)s
