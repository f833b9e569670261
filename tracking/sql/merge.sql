-- Merges some uploads' events into the registers of the parcels they name: the largest key wins (the smallest for T,
-- X, F and O), so it may run twice and in any order. No other stored event is read: those a correction names (`named`) are
-- left to a refold. The caller holds the parcels' row locks. Indexes: scanevent_by_upload, parcel_once.
WITH fresh AS MATERIALIZED (
    SELECT c.*
    FROM tracking_cell c
    WHERE c.county_code = %(county)s AND c.upload_id = ANY(%(uploads)s) AND c.waybill_no IS NOT NULL AND c.of_parcel
      AND c.event_id BETWEEN %(low)s AND %(high)s AND NOT c.event_id = ANY(%(named)s::uuid[])
      AND (%(only)s::uuid[] IS NULL OR c.event_id = ANY(%(only)s::uuid[]))
), won AS MATERIALIZED (
    SELECT f.carrier, f.waybill_no,
           (array_agg(f.s ORDER BY f.k DESC) FILTER (WHERE (f.s).k IS NOT NULL))[1] AS s,
           (array_agg(f.c ORDER BY f.k DESC) FILTER (WHERE (f.c).k IS NOT NULL))[1] AS c,
           (array_agg(f.h ORDER BY f.k DESC) FILTER (WHERE (f.h).k IS NOT NULL))[1] AS h,
           (array_agg(f.p ORDER BY f.k DESC) FILTER (WHERE (f.p).k IS NOT NULL))[1] AS p,
           array_agg(f.t ORDER BY f.k DESC) FILTER (WHERE (f.t).k IS NOT NULL) AS ts,
           max(f.k) AS l, min(f.x) AS x, min((f.c).k) AS first_c,
           coalesce(bool_or(f.type = 'DAMAGED'), false) AS damaged,
           (array_agg(f.station_id ORDER BY f.k) FILTER (WHERE f.type = 'COLLECTED'))[1] AS origin,
           (array_agg(f.k ORDER BY f.k) FILTER (WHERE f.type = 'COLLECTED'))[1] AS o_k
    FROM fresh f
    GROUP BY f.carrier, f.waybill_no
), news AS MATERIALIZED (
    SELECT p.id, p.place, w.s, w.c, w.h, w.p, w.l, w.x, w.first_c, w.damaged, w.origin, w.o_k, w.ts[cardinality(w.ts)] AS t,
           coalesce((w.s).k > p.s_k OR p.s_k IS NULL, false) AND (w.s).k IS NOT NULL AS s_new,
           coalesce((w.c).k > p.c_k OR p.c_k IS NULL, false) AND (w.c).k IS NOT NULL AS c_new,
           coalesce((w.h).k > p.h_k OR p.h_k IS NULL, false) AND (w.h).k IS NOT NULL AS h_new,
           coalesce((w.p).k > p.p_k OR p.p_k IS NULL, false) AND (w.p).k IS NOT NULL AS p_new,
           coalesce((w.ts[cardinality(w.ts)]).k < p.t_k OR p.t_k IS NULL, false) AND w.ts IS NOT NULL AS t_new,
           coalesce(w.o_k < p.o_k OR p.o_k IS NULL, false) AND w.o_k IS NOT NULL AS o_new,
           coalesce(w.l > p.l_k, true) AS l_new
    FROM won w
    CROSS JOIN LATERAL (  -- OFFSET 0: one look-up a parcel, whatever the planner thinks of the table
        SELECT one.ctid AS place, one.* FROM orders_parcel one
        WHERE one.county_code = %(county)s AND one.carrier = w.carrier AND one.waybill_no = w.waybill_no
          AND one.leg_no = 1
        OFFSET 0
    ) AS p
)
UPDATE orders_parcel p
SET s_k = CASE WHEN n.s_new THEN (n.s).k ELSE p.s_k END,
    s_state = CASE WHEN n.s_new THEN (n.s).word ELSE p.s_state END,
    s_station_id = CASE WHEN n.s_new THEN (n.s).ref ELSE p.s_station_id END,
    c_k = CASE WHEN n.c_new THEN (n.c).k ELSE p.c_k END,
    c_kind = CASE WHEN n.c_new THEN (n.c).word ELSE p.c_kind END,
    c_ref = CASE WHEN n.c_new THEN (n.c).ref ELSE p.c_ref END,
    c_trip = CASE WHEN n.c_new THEN (n.c).more ELSE p.c_trip END,
    h_k = CASE WHEN n.h_new THEN (n.h).k ELSE p.h_k END,
    h_node = CASE WHEN n.h_new THEN (n.h).word ELSE p.h_node END,
    h_reason = CASE WHEN n.h_new THEN (n.h).more ELSE p.h_reason END,
    p_k = CASE WHEN n.p_new THEN (n.p).k ELSE p.p_k END,
    pickup_code = CASE WHEN n.p_new THEN (n.p).word ELSE p.pickup_code END,
    damaged = p.damaged OR n.damaged,
    l_k = CASE WHEN n.l_new THEN n.l ELSE p.l_k END,
    last_scan_at = CASE WHEN n.l_new THEN tracking_k_time(n.l) ELSE p.last_scan_at END,
    t_k = CASE WHEN n.t_new THEN (n.t).k ELSE p.t_k END,
    t_state = CASE WHEN n.t_new THEN (n.t).word ELSE p.t_state END,
    t_node = CASE WHEN n.t_new THEN (n.t).more ELSE p.t_node END,
    t_station_id = CASE WHEN n.t_new THEN (n.t).ref ELSE p.t_station_id END,
    t_at = CASE WHEN n.t_new THEN tracking_k_time((n.t).k) ELSE p.t_at END,
    x_k = least(p.x_k, n.x),
    f_k = least(p.f_k, n.first_c),
    station_id = CASE
        WHEN n.t_new THEN (n.t).ref
        WHEN p.t_k IS NOT NULL THEN p.t_station_id
        WHEN n.s_new THEN (n.s).ref
        ELSE p.s_station_id
    END,
    o_k = CASE WHEN n.o_new THEN n.o_k ELSE p.o_k END,
    origin_id = CASE WHEN n.o_new THEN n.origin ELSE p.origin_id END,
    fold_version = %(version)s,
    folded_in = pg_current_xact_id()
FROM news n
WHERE p.ctid = n.place AND p.id = n.id  -- by its place, which our lock holds still: one way, and the shortest
  AND (n.s_new OR n.c_new OR n.h_new OR n.p_new OR n.t_new OR n.l_new OR n.o_new
       OR least(p.x_k, n.x) IS DISTINCT FROM p.x_k OR least(p.f_k, n.first_c) IS DISTINCT FROM p.f_k
       OR (n.damaged AND NOT p.damaged))
