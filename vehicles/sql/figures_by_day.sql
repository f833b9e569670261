-- What a county's trips came to, a row a service day: numerators and denominators as in vehicles/figures.py, loads in
-- 0.1 kg and litres. Trips of plans that were issued; of a version that was replaced, those that had left. Plans by
-- plan_newest's county, trips by their plan, stops by tripstop_once.
WITH counted AS (
    SELECT t.id, p.service_date, t.vehicle_id, t.departure_id, t.distance_m, t.cost, t.load_g, t.load_ml, t.load_pieces,
           p.estimated, v.payload_kg, v.volume_l, v.piece_capacity
    FROM vehicles_plan p
    JOIN vehicles_trip t ON t.plan_id = p.id
    LEFT JOIN vehicles_vehicle v ON v.id = t.vehicle_id
    WHERE p.county_code = %(county_code)s AND p.service_date BETWEEN %(first_on)s AND %(last_on)s
      AND p.issued_at IS NOT NULL AND t.state <> 'cancelled'
      AND (p.state IN ('issued', 'closed') OR t.departed_at IS NOT NULL)
), stops AS (
    SELECT s.trip_id, s.seq, s.distance_m, s.down_pieces + s.up_pieces AS pieces,
           lag(s.on_board_g, 1, 0) OVER trip AS on_g, lag(s.on_board_ml, 1, 0::bigint) OVER trip AS on_ml,
           lag(s.on_board_pieces, 1, 0) OVER trip AS on_pieces,
           COALESCE(max(s.seq) FILTER (WHERE s.down_pieces > 0) OVER (PARTITION BY s.trip_id),
                    max(s.seq) OVER (PARTITION BY s.trip_id) - 1) AS last_down
    FROM vehicles_tripstop s
    WHERE s.trip_id IN (SELECT id FROM counted)
    WINDOW trip AS (PARTITION BY s.trip_id ORDER BY s.seq)
), per_trip AS (
    SELECT trip_id, sum(pieces) AS pieces, sum(on_g::numeric * distance_m) AS g_m,
           sum(on_ml::numeric * distance_m) AS ml_m, sum(on_pieces::numeric * distance_m) AS pieces_m,
           sum(distance_m) FILTER (WHERE seq > last_down) AS homeward_m,
           sum(distance_m) FILTER (WHERE seq > last_down AND on_g = 0 AND on_ml = 0 AND on_pieces = 0) AS empty_m
    FROM stops GROUP BY trip_id
)
SELECT c.service_date,
       count(DISTINCT c.vehicle_id)::int AS vehicle_days,
       count(c.vehicle_id)::int AS trips,
       count(c.departure_id)::int AS buses,
       COALESCE(sum(s.pieces), 0)::bigint AS pieces,
       COALESCE(sum(s.pieces) FILTER (WHERE c.departure_id IS NOT NULL), 0)::bigint AS bus_pieces,
       COALESCE(sum(c.distance_m) FILTER (WHERE c.vehicle_id IS NOT NULL), 0)::bigint AS metres,
       COALESCE(sum(s.empty_m) FILTER (WHERE c.vehicle_id IS NOT NULL), 0)::bigint AS empty_m,
       COALESCE(sum(s.homeward_m) FILTER (WHERE c.vehicle_id IS NOT NULL), 0)::bigint AS homeward_m,
       round(sum(c.cost) * 10000)::bigint AS cost,
       COALESCE(round(sum(c.cost) FILTER (WHERE c.departure_id IS NOT NULL) * 10000), 0)::bigint AS tariff,
       COALESCE(round(sum(c.load_g) FILTER (WHERE c.vehicle_id IS NOT NULL) / 100.0), 0)::bigint AS weight,
       COALESCE(sum(c.payload_kg) * 10, 0)::bigint AS weight_of,
       COALESCE(round(sum(c.load_ml) FILTER (WHERE c.vehicle_id IS NOT NULL) / 1000.0), 0)::bigint AS volume,
       COALESCE(sum(c.volume_l), 0)::bigint AS volume_of,
       COALESCE(sum(c.load_pieces) FILTER (WHERE c.vehicle_id IS NOT NULL), 0)::bigint AS load_pieces,
       COALESCE(sum(c.piece_capacity), 0)::bigint AS load_pieces_of,
       COALESCE(round(sum(s.g_m) FILTER (WHERE c.vehicle_id IS NOT NULL) / 100), 0)::numeric AS weight_m,
       COALESCE(sum(c.payload_kg::numeric * 10 * c.distance_m), 0) AS weight_m_of,
       COALESCE(round(sum(s.ml_m) FILTER (WHERE c.vehicle_id IS NOT NULL) / 1000), 0)::numeric AS volume_m,
       COALESCE(sum(c.volume_l::numeric * c.distance_m), 0) AS volume_m_of,
       COALESCE(sum(s.pieces_m) FILTER (WHERE c.vehicle_id IS NOT NULL), 0) AS load_pieces_m,
       COALESCE(sum(c.piece_capacity::numeric * c.distance_m), 0) AS load_pieces_m_of,
       bool_or(c.estimated) AS estimated
FROM counted c
LEFT JOIN per_trip s ON s.trip_id = c.id
GROUP BY c.service_date
ORDER BY c.service_date
