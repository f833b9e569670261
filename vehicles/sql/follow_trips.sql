-- Moves a county's running trips on by what their scans say: when they left, where they were, when they were back.
-- Corrected scans are left out. Run again it changes nothing; scans that come late set the times of trips that ended
-- within the last days, too. `came`: ARRIVED, UNLOADED, HANDOVER and DEPARTED show that the vehicle was somewhere;
-- LOADED doesn't (parcels are loaded by the station's own people as well). A second stop at one station is its second
-- visit. Who left and has no such scan any more is put back. Returns the trips whose state moved.
-- Indexes: trip_running, trip_ended, scanevent_of_trip, scanevent_corrections, tripstop_once, the keys of planparcel and departurecheck.
WITH followed AS MATERIALIZED (
    SELECT t.id, t.code, t.state, t.driver_id, t.live, t.departed_at, t.completed_at
    FROM vehicles_trip t
    WHERE t.county_code = %(county)s AND t.live AND t.state IN ('planned', 'assigned', 'checked', 'departed')
    UNION ALL
    SELECT t.id, t.code, t.state, t.driver_id, t.live, t.departed_at, t.completed_at
    FROM vehicles_trip t
    WHERE t.county_code = %(county)s AND t.completed_at > %(at)s::timestamptz - interval '3 days'
      AND t.state = 'completed'
),
stop AS MATERIALIZED (
    SELECT s.id, s.trip_id, s.seq, s.station_id,
           s.seq = min(s.seq) OVER trip AS first, s.seq = max(s.seq) OVER trip AS last,
           first_value(s.station_id) OVER (PARTITION BY s.trip_id ORDER BY s.seq) AS home
    FROM vehicles_tripstop s
    JOIN followed f ON f.id = s.trip_id
    WINDOW trip AS (PARTITION BY s.trip_id)
),
came AS MATERIALIZED (
    SELECT f.id AS trip_id, e.type, e.station_id, e.effective_at AS at, e.k, e.station_id = h.home AS at_home
    FROM followed f
    JOIN stop h ON h.trip_id = f.id AND h.first
    JOIN tracking_scanevent e ON e.county_code = %(county)s AND e.trip = f.code
    WHERE e.type IN ('ARRIVED', 'UNLOADED', 'HANDOVER', 'DEPARTED') AND e.station_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM tracking_voided v WHERE v.county_code = %(county)s AND v.event_id = e.event_id)
),
gone AS MATERIALIZED (  -- it left home: it said so, or was seen elsewhere
    SELECT c.trip_id, min(c.k) AS k, min(c.at) AS at
    FROM came c
    WHERE NOT c.at_home OR c.type = 'DEPARTED'
    GROUP BY c.trip_id
),
way AS MATERIALIZED (  -- what came after, each station's visits numbered
    SELECT n.*, sum(n.new) OVER (PARTITION BY n.trip_id, n.station_id ORDER BY n.k) AS visit
    FROM (
        SELECT c.*,
               (lag(c.station_id) OVER (PARTITION BY c.trip_id ORDER BY c.k) IS DISTINCT FROM c.station_id)::int AS new
        FROM came c
        JOIN gone g ON g.trip_id = c.trip_id
        WHERE NOT c.at_home OR (c.k > g.k AND c.type <> 'DEPARTED')
    ) n
),
called AS MATERIALIZED (
    SELECT s.id, s.trip_id, s.seq, s.first, s.last, min(w.at) AS arrived_at, max(w.k) AS last_k,
           max(w.at) FILTER (WHERE w.type = 'DEPARTED') AS left_at, max(w.at) AS last_at,
           bool_or(w.type = 'ARRIVED') AS said_so
    FROM (
        SELECT stop.*, row_number() OVER visits AS visit,
               count(*) OVER (PARTITION BY trip_id, station_id) AS visits
        FROM stop
        WHERE NOT stop.first
        WINDOW visits AS (PARTITION BY trip_id, station_id ORDER BY seq)
    ) s
    LEFT JOIN way w ON w.trip_id = s.trip_id AND w.station_id = s.station_id
                   AND (least(w.visit, s.visits) = s.visit)
    GROUP BY s.id, s.trip_id, s.seq, s.first, s.last
),
seen AS MATERIALIZED (  -- the last stop counts once the vehicle says it arrived, or was at the one before
    SELECT c.id, c.trip_id, c.seq, c.last, c.left_at, c.last_at, c.last_k,
           CASE WHEN NOT c.last OR c.said_so OR c.seq <= 1
                     OR lag(c.arrived_at) OVER (PARTITION BY c.trip_id ORDER BY c.seq) <= c.arrived_at
                THEN c.arrived_at END AS arrived_at
    FROM called c
),
told AS (
    SELECT s.id, s.trip_id, s.arrived_at, s.left_at,
           CASE
               WHEN s.arrived_at IS NOT NULL AND s.left_at IS NULL
                    AND s.last_k = max(s.last_k) OVER (PARTITION BY s.trip_id) THEN 'arrived'
               WHEN s.arrived_at IS NOT NULL THEN 'departed'
               WHEN max(s.seq) FILTER (WHERE s.arrived_at IS NOT NULL) OVER (PARTITION BY s.trip_id) > s.seq
                    THEN 'skipped'
               ELSE 'pending'
           END AS state
    FROM seen s
    UNION ALL
    SELECT s.id, s.trip_id, NULL, g.at, CASE WHEN g.at IS NULL THEN 'pending' ELSE 'departed' END
    FROM stop s
    LEFT JOIN gone g ON g.trip_id = s.trip_id
    WHERE s.first
),
stops_moved AS (
    UPDATE vehicles_tripstop s
    SET arrived_at = t.arrived_at, left_at = t.left_at, state = t.state
    FROM told t
    WHERE s.id = t.id AND (s.arrived_at, s.left_at, s.state) IS DISTINCT FROM (t.arrived_at, t.left_at, t.state)
),
due AS MATERIALIZED (
    SELECT f.id, f.state AS was, f.live, f.departed_at AS departed_was, f.completed_at AS completed_was,
           g.at AS departed_at,
           CASE
               WHEN f.state = 'completed' THEN 'completed'
               WHEN f.state <> 'departed' THEN CASE WHEN g.at IS NULL THEN f.state ELSE 'departed' END
               WHEN g.at IS NULL THEN CASE
                   WHEN (SELECT c.passed FROM vehicles_departurecheck c WHERE c.trip_id = f.id
                         ORDER BY c.at DESC, c.id DESC LIMIT 1) THEN 'checked'
                   WHEN f.driver_id IS NOT NULL THEN 'assigned'
                   ELSE 'planned' END
               WHEN b.arrived_at < %(at)s::timestamptz - %(unloading)s::interval
                    OR (b.arrived_at IS NOT NULL AND NOT EXISTS (
                        SELECT FROM vehicles_planparcel pp
                        JOIN orders_parcel p ON p.id = pp.parcel_id
                        WHERE pp.trip_id = f.id AND pp.live AND p.c_trip = f.code AND p.c_kind = 'actor'
                          AND p.t_k IS NULL))
                   THEN 'completed'
               ELSE 'departed'
           END AS state,
           b.last_at AS back_at
    FROM followed f
    LEFT JOIN gone g ON g.trip_id = f.id
    LEFT JOIN seen b ON b.trip_id = f.id AND b.last AND b.arrived_at IS NOT NULL
),
locked AS MATERIALIZED (
    SELECT t.id, t.state
    FROM vehicles_trip t
    JOIN due d ON d.id = t.id
    WHERE d.was <> d.state OR d.departed_at IS DISTINCT FROM d.departed_was
       OR (d.state = 'completed' AND d.back_at IS NOT NULL AND d.back_at IS DISTINCT FROM d.completed_was)
    ORDER BY t.id
    FOR UPDATE OF t
),
moved AS (
    UPDATE vehicles_trip t
    SET state = d.state,
        departed_at = d.departed_at,
        completed_at = CASE WHEN d.state = 'completed' THEN coalesce(d.back_at, t.completed_at) END,
        live = t.live AND d.state <> 'completed'
    FROM due d
    JOIN locked l ON l.id = d.id AND l.state = d.was
    WHERE t.id = d.id AND t.state = d.was
    RETURNING t.id, t.county_code, d.was, t.state, d.departed_at, d.back_at
),
freed AS (
    UPDATE vehicles_planparcel pp
    SET live = false
    FROM moved m
    WHERE pp.trip_id = m.id AND pp.live AND m.state = 'completed'
),
written AS (
    INSERT INTO vehicles_transition (county_code, entity, entity_id, from_state, to_state, by_id, reason, at)
    SELECT m.county_code, 'trip', m.id, m.was, m.state, NULL, '',
           CASE WHEN m.state = 'completed' THEN m.back_at ELSE coalesce(m.departed_at, %(at)s::timestamptz) END
    FROM moved m
    WHERE m.was <> m.state
)
SELECT m.id, m.was, m.state
FROM moved m
WHERE m.was <> m.state
ORDER BY m.id
