-- Folds some parcels anew from all their stored events, those of the bags they were in included, and replaces their
-- registers. The caller holds the row locks. Indexes: scanevent_by_parcel, scanevent_by_bag, scanevent_corrections.
WITH parcel AS MATERIALIZED (
    SELECT id, ctid AS place, carrier, waybill_no FROM orders_parcel WHERE county_code = %(county)s AND id = ANY(%(parcels)s)
), named AS MATERIALIZED (
    SELECT p.id AS parcel_id, c.*
    FROM parcel p
    CROSS JOIN LATERAL (
        SELECT * FROM tracking_cell c
        WHERE c.county_code = %(county)s AND c.carrier = p.carrier AND c.waybill_no = p.waybill_no AND c.of_parcel
        OFFSET 0
    ) AS c
), of_bags AS MATERIALIZED (  -- scans of a whole bag, of every bag one of the parcels was ever put into
    SELECT c.*
    FROM (SELECT DISTINCT bag FROM named WHERE type = 'BAGGED') AS b
    CROSS JOIN LATERAL (
        SELECT * FROM tracking_cell c
        WHERE c.county_code = %(county)s AND c.bag = b.bag AND c.of_parcel AND c.waybill_no IS NULL
        OFFSET 0
    ) AS c
), voided AS MATERIALIZED (
    SELECT v.event_id FROM tracking_voided v
    WHERE v.county_code = %(county)s
      AND v.event_id = ANY(ARRAY(SELECT event_id FROM named UNION SELECT event_id FROM of_bags))
), valid AS MATERIALIZED (
    SELECT * FROM named n WHERE NOT EXISTS (SELECT FROM voided v WHERE v.event_id = n.event_id)
), inside AS (  -- from when to when a parcel was in which bag
    SELECT parcel_id, type, bag, k AS since, lead(k) OVER (PARTITION BY parcel_id ORDER BY k) AS until
    FROM valid
    WHERE type IN ('BAGGED', 'UNBAGGED')
), events AS MATERIALIZED (
    SELECT parcel_id, type, station_id, k, s, c, h, p, t, x FROM valid
    UNION ALL
    SELECT i.parcel_id, b.type, b.station_id, b.k, b.s, b.c, b.h, b.p, b.t, b.x
    FROM inside i
    JOIN of_bags b ON b.bag = i.bag AND b.k > i.since AND (i.until IS NULL OR b.k < i.until)
    WHERE i.type = 'BAGGED' AND NOT EXISTS (SELECT FROM voided v WHERE v.event_id = b.event_id)
), won AS MATERIALIZED (
    SELECT f.parcel_id,
           (array_agg(f.s ORDER BY f.k DESC) FILTER (WHERE (f.s).k IS NOT NULL))[1] AS s,
           (array_agg(f.c ORDER BY f.k DESC) FILTER (WHERE (f.c).k IS NOT NULL))[1] AS c,
           (array_agg(f.h ORDER BY f.k DESC) FILTER (WHERE (f.h).k IS NOT NULL))[1] AS h,
           (array_agg(f.p ORDER BY f.k DESC) FILTER (WHERE (f.p).k IS NOT NULL))[1] AS p,
           array_agg(f.t ORDER BY f.k DESC) FILTER (WHERE (f.t).k IS NOT NULL) AS ts,
           max(f.k) AS l, min(f.x) AS x, min((f.c).k) AS first_c,
           coalesce(bool_or(f.type = 'DAMAGED'), false) AS damaged,
           (array_agg(f.station_id ORDER BY f.k) FILTER (WHERE f.type = 'COLLECTED'))[1] AS origin,
           (array_agg(f.k ORDER BY f.k) FILTER (WHERE f.type = 'COLLECTED'))[1] AS o_k
    FROM events f
    GROUP BY f.parcel_id
), news AS MATERIALIZED (
    SELECT parcel.id, parcel.place, w.*, w.ts[cardinality(w.ts)] AS t
    FROM parcel LEFT JOIN won w ON w.parcel_id = parcel.id
)
UPDATE orders_parcel p
SET s_k = (n.s).k, s_state = (n.s).word, s_station_id = (n.s).ref,
    c_k = (n.c).k, c_kind = (n.c).word, c_ref = (n.c).ref, c_trip = (n.c).more,
    h_k = (n.h).k, h_node = (n.h).word, h_reason = (n.h).more,
    p_k = (n.p).k, pickup_code = (n.p).word,
    damaged = coalesce(n.damaged, false),
    l_k = n.l, last_scan_at = tracking_k_time(n.l),
    t_k = (n.t).k, t_state = (n.t).word, t_node = (n.t).more, t_station_id = (n.t).ref,
    t_at = tracking_k_time((n.t).k),
    x_k = n.x, f_k = n.first_c,
    station_id = CASE WHEN (n.t).k IS NOT NULL THEN (n.t).ref ELSE (n.s).ref END,
    o_k = n.o_k, origin_id = n.origin,
    fold_version = %(version)s,
    folded_in = pg_current_xact_id()
FROM news n
WHERE p.ctid = n.place AND p.id = n.id  -- by its place, which our lock holds still
