-- A month's real parcels at outlets, grouped by outlet, service and way of serving: how many, what they were settled at,
-- and one of each. Those with a line that stands in the month (line_by_statement), and those delivered (parcel_ended) or
-- collected (parcel_from) there that no policy paid for. The way of serving is read from the delivery's scan by its
-- key, and only if the draft asks for it.
WITH served AS (
    SELECT l.station_id, l.service, l.parcel_id, l.amount, l.evidence[array_upper(l.evidence, 1)] AS event_id
    FROM settlement_line l
    WHERE l.county_code = %(county_code)s AND l.period = %(month)s AND l.station_id = ANY(%(stations)s)
      AND l.reversed_turn IS NULL
      AND NOT EXISTS (SELECT FROM settlement_line r
                      WHERE r.county_code = l.county_code AND r.parcel_id = l.parcel_id AND r.service = l.service
                        AND r.turn = l.turn + 1)
    UNION ALL
    SELECT p.t_station_id, 'outlet_delivery', p.id, NULL, encode(substring(p.t_k FROM 10 FOR 16), 'hex')::uuid
    FROM orders_parcel p
    WHERE p.county_code = %(county_code)s AND p.t_station_id = ANY(%(stations)s)
      AND p.t_at >= %(from)s AND p.t_at < %(until)s AND p.state = 'delivered'
      AND NOT EXISTS (SELECT FROM settlement_line l
                      WHERE l.county_code = %(county_code)s AND l.parcel_id = p.id AND l.service = 'outlet_delivery')
    UNION ALL
    SELECT p.origin_id, 'outlet_collection', p.id, NULL, NULL::uuid
    FROM orders_parcel p
    WHERE p.county_code = %(county_code)s AND p.origin_id = ANY(%(stations)s)
      AND substring(p.o_k FROM 1 FOR 8) >= int8send(%(from_us)s::bigint)
      AND substring(p.o_k FROM 1 FOR 8) < int8send(%(until_us)s::bigint)
      AND NOT EXISTS (SELECT FROM settlement_line l
                      WHERE l.county_code = %(county_code)s AND l.parcel_id = p.id AND l.service = 'outlet_collection')
), told AS (
    SELECT s.*, CASE WHEN s.service = 'outlet_collection' THEN 'collection'
                     WHEN e.type IN ('SIGNED_SELF', 'SIGNED_AGENT') THEN 'to_door'
                     ELSE 'pickup' END AS model
    FROM served s
    LEFT JOIN tracking_scanevent e
      ON %(by_model)s AND e.county_code = %(county_code)s AND e.event_id = s.event_id
)
SELECT station_id, service, model, count(*) AS parcels, count(amount) AS paid_parcels,
       COALESCE(sum(amount), 0) AS paid, min(parcel_id) AS sample, (array_agg(amount ORDER BY parcel_id))[1] AS sample_paid
FROM told
GROUP BY station_id, service, model
ORDER BY station_id, service, model
