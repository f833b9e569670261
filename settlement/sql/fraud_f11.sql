-- F11: several days in a row with far more parcels than usual. Usual is the median of the 28 days before, days without a
-- parcel counted as 0 once the outlet has begun; the spread is their median absolute deviation, at least a tenth of the
-- median and one parcel. What all outlets have on a day (a shopping festival, the median outlet's share of its usual) is
-- taken out first; a market day is no row of days. One row an outlet and row of days. Reads fraud_work alone.
-- staging: CREATE TEMP TABLE fraud_work (line_id bigint, parcel_id bigint, station_id bigint, service varchar, evidence_class varchar, fresh boolean, at timestamptz, day date, carrier varchar, waybill_no varchar, announced boolean, from_here boolean, known_at timestamptz, event_id uuid, type varchar, device_id bigint, actor_id bigint, seq bigint, occurred_at timestamptz, untrusted boolean, skewed boolean, lng float8, lat float8, accuracy_m float8, arrived_at timestamptz, arrival_id uuid) ON COMMIT DROP
WITH counted AS (
    SELECT station_id, day, count(*) AS parcels, bool_or(fresh) AS fresh FROM fraud_work
    WHERE service = 'outlet_delivery' GROUP BY station_id, day
), begun AS (
    SELECT station_id, min(day) AS first_day FROM counted GROUP BY station_id
), days AS MATERIALIZED (
    SELECT b.station_id, d::date AS day, coalesce(c.parcels, 0) AS parcels, coalesce(c.fresh, false) AS fresh
    FROM begun b
    CROSS JOIN LATERAL generate_series(b.first_day::timestamp, (SELECT max(day) FROM counted)::timestamp, '1 day') d
    LEFT JOIN counted c ON c.station_id = b.station_id AND c.day = d::date
), pasts AS MATERIALIZED (
    SELECT d.*, past.usual, past.known, past.counts
    FROM (SELECT *, array_agg(parcels) OVER before AS earlier FROM days
          WINDOW before AS (PARTITION BY station_id ORDER BY day ROWS BETWEEN 28 PRECEDING AND 1 PRECEDING)) d
    CROSS JOIN LATERAL (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n) AS usual, count(*) AS known, d.earlier AS counts
        FROM unnest(d.earlier) n
    ) past
    WHERE past.known >= 14
), everywhere AS (
    SELECT day, greatest(percentile_cont(0.5) WITHIN GROUP (ORDER BY parcels / greatest(usual, 1)), 1) AS factor
    FROM pasts GROUP BY day HAVING count(*) >= 5
), scored AS (
    SELECT p.*, (p.parcels / coalesce(e.factor, 1) - p.usual) / spread.mad AS z
    FROM pasts p
    LEFT JOIN everywhere e USING (day)
    CROSS JOIN LATERAL (
        SELECT 1.4826 * greatest(percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(n - p.usual)), p.usual / 10, 1) AS mad
        FROM unnest(p.counts) n
    ) spread
), high AS (
    SELECT *, day - (row_number() OVER (PARTITION BY station_id ORDER BY day))::int AS island
    FROM scored WHERE z > %(z)s::float8
), rows_of_days AS (
    SELECT station_id, min(day) AS first_day, max(day) AS last_day, count(*) AS days, max(parcels) AS most,
           min(usual) AS usual, max(z) AS z
    FROM high GROUP BY station_id, island
    HAVING count(*) >= %(days)s::numeric AND bool_or(fresh)
)
SELECT r.station_id, 'from ' || r.first_day AS subject,
       jsonb_build_object('code', 'volume', 'days', r.days, 'most', r.most, 'usual', round(r.usual::numeric, 1),
                          'z', round(r.z::numeric, 1), 'limit', %(z)s::numeric, 'day', r.first_day,
                          'chart', (SELECT jsonb_agg(jsonb_build_array(d.day, d.parcels) ORDER BY d.day) FROM days d
                                    WHERE d.station_id = r.station_id
                                      AND d.day BETWEEN r.first_day - 28 AND r.last_day)) AS numbers,
       (array_agg(w.event_id ORDER BY w.at))[1:20] AS event_ids, array_agg(w.line_id) AS line_ids
FROM rows_of_days r
JOIN fraud_work w ON w.station_id = r.station_id AND w.day BETWEEN r.first_day AND r.last_day AND w.fresh
                 AND w.service = 'outlet_delivery'
GROUP BY r.station_id, r.first_day, r.last_day, r.days, r.most, r.usual, r.z
