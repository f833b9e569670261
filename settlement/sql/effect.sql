-- A county's townships in a span of days: parcels delivered at outlets, villages with an outlet that delivered any, the
-- share of arrivals at the hub that reached the outlet within 24 h (as far as 24 h have passed), and the subsidy for the
-- span's deliveries and collections, whenever it was booked. Deliveries by parcel_ended, scans by scanevent_by_station,
-- lines by line_by_statement; both ends of a journey are read whole and hashed: the caller turns nested loops off.
WITH outlets AS (
    SELECT id, township_code, left(region_id, 12) AS village
    FROM stations_station WHERE county_code = %(county_code)s AND level = 'OUTLET'
), delivered AS (
    SELECT o.township_code AS township, o.village, count(*) AS parcels
    FROM outlets o
    JOIN orders_parcel p ON p.county_code = %(county_code)s AND p.t_station_id = o.id
     AND p.t_at >= %(start)s::timestamptz AND p.t_at < %(end)s::timestamptz AND p.t_state = 'delivered'
    GROUP BY o.township_code, o.village
), arrivals AS MATERIALIZED (
    SELECT e.carrier, e.waybill_no, min(e.effective_at) AS hub_at
    FROM tracking_scanevent e
    LEFT JOIN tracking_voided v ON v.county_code = %(county_code)s AND v.event_id = e.event_id
    WHERE e.county_code = %(county_code)s AND e.waybill_no IS NOT NULL AND e.type IN ('HUB_IN', 'UNLOADED')
      AND e.station_id = ANY (ARRAY(SELECT id FROM stations_station
                                    WHERE county_code = %(county_code)s AND level = 'HUB'))
      AND e.effective_at >= %(start)s::timestamptz AND e.effective_at < %(end)s::timestamptz
      AND e.effective_at + interval '24 hours' <= %(at)s::timestamptz AND v.event_id IS NULL
    GROUP BY e.carrier, e.waybill_no
), reached AS MATERIALIZED (
    SELECT e.carrier, e.waybill_no, array_agg(e.effective_at) AS outlet_at
    FROM tracking_scanevent e
    LEFT JOIN tracking_voided v ON v.county_code = %(county_code)s AND v.event_id = e.event_id
    WHERE e.county_code = %(county_code)s AND e.waybill_no IS NOT NULL
      AND e.type IN ('HUB_IN', 'UNLOADED', 'OUTLET_IN')
      AND e.station_id = ANY (ARRAY(SELECT id FROM outlets))
      AND e.effective_at >= %(start)s::timestamptz
      AND e.effective_at < %(end)s::timestamptz + interval '24 hours' AND v.event_id IS NULL
    GROUP BY e.carrier, e.waybill_no
), timely AS (
    SELECT coalesce(left(p.village_id, 9), bound.township_code) AS township, count(*) AS due,
           count(*) FILTER (WHERE EXISTS (
               SELECT FROM unnest(r.outlet_at) AS o(at)
               WHERE o.at >= a.hub_at AND o.at <= a.hub_at + interval '24 hours')) AS made
    FROM arrivals a
    JOIN orders_parcel p ON p.county_code = %(county_code)s AND p.carrier = a.carrier AND p.waybill_no = a.waybill_no
    LEFT JOIN reached r ON r.carrier = a.carrier AND r.waybill_no = a.waybill_no
    LEFT JOIN stations_station bound ON bound.id = p.destination_id
    WHERE p.village_id IS NOT NULL OR bound.level = 'OUTLET'
    GROUP BY 1
), paid AS (
    SELECT s.township_code AS township, sum(l.amount) AS yuan
    FROM settlement_line l JOIN stations_station s ON s.id = l.station_id
    WHERE l.county_code = %(county_code)s AND l.period >= %(month)s::date
      AND l.effective_at >= %(start)s::timestamptz AND l.effective_at < %(end)s::timestamptz
    GROUP BY s.township_code
), villages AS (
    SELECT left(code, 9) AS township, count(*) AS villages
    FROM stations_region WHERE county_code = %(county_code)s AND level = 'village' AND valid_to IS NULL
    GROUP BY left(code, 9)
), served AS (
    SELECT d.township, sum(d.parcels) AS parcels,
           count(*) FILTER (WHERE r.level = 'village' AND r.valid_to IS NULL) AS covered
    FROM delivered d LEFT JOIN stations_region r ON r.code = d.village
    GROUP BY d.township
)
SELECT left(t.code, 9) AS township, t.name, coalesce(v.villages, 0)::int AS villages,
       coalesce(s.covered, 0)::int AS covered, coalesce(s.parcels, 0)::int AS parcels, coalesce(x.due, 0)::int AS due,
       coalesce(x.made, 0)::int AS made, coalesce(p.yuan, 0) AS yuan
FROM stations_region t
LEFT JOIN villages v ON v.township = left(t.code, 9)
LEFT JOIN served s ON s.township = left(t.code, 9)
LEFT JOIN timely x ON x.township = left(t.code, 9)
LEFT JOIN paid p ON p.township = left(t.code, 9)
WHERE t.county_code = %(county_code)s AND t.level = 'township' AND t.valid_to IS NULL
ORDER BY t.code
