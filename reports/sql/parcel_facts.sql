-- One row a parcel that something happened to in the month, with what the indicators count: computing and the list
-- behind a number both wrap this. Only scans received by the watermark and not voided count; firsts are over a parcel's
-- whole life. Finds the month's parcels in one pass over the events, then reads theirs by scanevent_by_parcel.
WITH touched AS MATERIALIZED (
    SELECT DISTINCT e.carrier, e.waybill_no
    FROM tracking_scanevent e
    WHERE e.county_code = %(county_code)s AND e.waybill_no IS NOT NULL
      AND e.effective_at >= %(start)s::timestamptz AND e.effective_at < %(end)s::timestamptz
      AND e.received_at <= %(watermark)s::timestamptz
      AND e.type IN ('COLLECTED', 'HUB_IN', 'UNLOADED', 'OUTLET_IN', 'DAMAGED', 'LOST', 'SIGNED_SELF', 'SIGNED_AGENT',
                     'SIGNED_PICKUP')
), firsts AS (
    SELECT p.id,
           min(e.effective_at) FILTER (WHERE e.station_level = 'HUB' AND e.type IN ('HUB_IN', 'UNLOADED')) AS hub_at,
           min(e.effective_at) FILTER (WHERE e.station_level = 'OUTLET'
                                         AND e.type IN ('HUB_IN', 'UNLOADED', 'OUTLET_IN')) AS outlet_at,
           min(e.effective_at) FILTER (WHERE e.type = 'COLLECTED') AS collected_at,
           (array_agg(e.station_id ORDER BY e.k) FILTER (WHERE e.type = 'COLLECTED'))[1] AS collected_by,
           min(e.effective_at) FILTER (WHERE e.type LIKE 'SIGNED%%') AS signed_at,
           min(e.effective_at) FILTER (WHERE e.type = 'RETURNED') AS returned_at,
           min(e.effective_at) FILTER (WHERE e.type = 'DAMAGED') AS damaged_at,
           max(e.effective_at) FILTER (WHERE e.type = 'LOST') AS lost_at,
           max(e.effective_at) FILTER (WHERE e.type IN ('COLLECTED', 'HUB_IN', 'LOADED', 'UNLOADED', 'OUTLET_IN',
               'OUT_FOR_DELIVERY', 'RETURNING', 'FORWARDED', 'CARRIER_OUT', 'RETURNED') OR e.type LIKE 'SIGNED%%')
               AS seen_at
    FROM touched t
    JOIN orders_parcel p ON p.county_code = %(county_code)s AND p.carrier = t.carrier AND p.waybill_no = t.waybill_no
    JOIN tracking_scanevent e
      ON e.county_code = %(county_code)s AND e.carrier = t.carrier AND e.waybill_no = t.waybill_no
    WHERE e.received_at <= %(watermark)s::timestamptz
      AND NOT EXISTS (SELECT FROM tracking_voided v WHERE v.county_code = %(county_code)s AND v.event_id = e.event_id)
    GROUP BY p.id
), judged AS (
    SELECT f.*, COALESCE(p.collected_at, f.collected_at) AS set_out_at,
           CASE WHEN f.signed_at <= COALESCE(f.returned_at, 'infinity') THEN f.signed_at END AS delivered_at,
           COALESCE(left(p.village_id, 9), bound.township_code) AS township, origin.township_code AS township_out,
           p.village_id IS NOT NULL OR bound.level = 'OUTLET' AS to_village,
           f.hub_at >= %(start)s::timestamptz AND f.hub_at < %(end)s::timestamptz AS arrived
    FROM firsts f
    JOIN orders_parcel p ON p.id = f.id
    LEFT JOIN stations_station bound ON bound.id = p.destination_id
    LEFT JOIN stations_station origin ON origin.id = f.collected_by
)
SELECT id AS parcel_id, township, township_out,
       COALESCE(arrived, false) AS came_in,
       COALESCE(collected_at >= %(start)s::timestamptz AND collected_at < %(end)s::timestamptz, false) AS went_out,
       COALESCE(delivered_at >= %(start)s::timestamptz AND delivered_at < %(end)s::timestamptz, false)
           AS was_delivered,
       COALESCE(arrived AND to_village AND hub_at + interval '24 hours' <= %(watermark)s::timestamptz, false)
           AS due_24h,
       COALESCE(arrived AND to_village AND hub_at + interval '24 hours' <= %(watermark)s::timestamptz
                AND outlet_at <= hub_at + interval '24 hours', false) AS made_24h,
       COALESCE(arrived AND set_out_at IS NOT NULL
                AND (delivered_at IS NOT NULL OR set_out_at + interval '72 hours' <= %(watermark)s::timestamptz), false)
           AS due_72h,
       COALESCE(arrived AND delivered_at <= set_out_at + interval '72 hours', false) AS made_72h,
       COALESCE(arrived AND set_out_at IS NULL, false) AS unknown_72h,
       COALESCE(damaged_at >= %(start)s::timestamptz AND damaged_at < %(end)s::timestamptz, false) AS was_damaged,
       COALESCE(lost_at >= %(start)s::timestamptz AND lost_at < %(end)s::timestamptz
                AND (seen_at IS NULL OR seen_at < lost_at), false) AS was_lost
FROM judged
