-- F13: numbers nobody saw upstream (a line below class A) that follow each other at one outlet, that fit no pattern of
-- their carrier, or that hardly vary. A parcel of class A was announced and scanned upstream: its number is real. The
-- carriers' patterns come from orders.codes; postal numbers with a wrong check digit come named. One row an outlet, week
-- (first number) and way. Reads fraud_work alone.
-- staging: CREATE TEMP TABLE fraud_work (line_id bigint, parcel_id bigint, station_id bigint, service varchar, evidence_class varchar, fresh boolean, at timestamptz, day date, carrier varchar, waybill_no varchar, announced boolean, from_here boolean, known_at timestamptz, event_id uuid, type varchar, device_id bigint, actor_id bigint, seq bigint, occurred_at timestamptz, untrusted boolean, skewed boolean, lng float8, lat float8, accuracy_m float8, arrived_at timestamptz, arrival_id uuid) ON COMMIT DROP
WITH patterns AS MATERIALIZED (
    SELECT * FROM unnest(%(carriers)s::varchar[], %(patterns)s::varchar[]) AS p (carrier, pattern)
), doubtful AS MATERIALIZED (
    SELECT w.*, date_trunc('week', w.day::timestamp)::date AS week,
           regexp_replace(w.waybill_no, '\d+$', '') AS head, substring(w.waybill_no FROM '(\d{1,18})$')::bigint AS tail
    FROM fraud_work w
    WHERE w.fresh AND w.service = 'outlet_delivery' AND w.evidence_class <> 'A'
), numbered AS (
    SELECT *, tail - dense_rank() OVER (PARTITION BY station_id, carrier, head, length(waybill_no) ORDER BY tail) AS island
    FROM doubtful WHERE tail IS NOT NULL
), faulty AS (
    SELECT d.* FROM doubtful d JOIN patterns p USING (carrier)
    CROSS JOIN LATERAL (  -- UPU S10: weights 8 6 4 2 3 5 9 7, modulo 11
        SELECT 11 - sum(digit::int * weight) %% 11 AS rest
        FROM unnest(string_to_array(substring(d.waybill_no FROM '^[A-Z]{2}(\d{8})'), NULL),
                    ARRAY[8, 6, 4, 2, 3, 5, 9, 7]) AS c (digit, weight)
    ) check_digit
    WHERE d.waybill_no !~ p.pattern
       OR d.carrier = 'EMS' AND d.waybill_no ~ '^[A-Z]{2}\d{9}[A-Z]{2}$' AND substring(d.waybill_no FROM 11 FOR 1)::int
          <> CASE WHEN check_digit.rest = 10 THEN 0 WHEN check_digit.rest = 11 THEN 5 ELSE check_digit.rest END
), flat AS (
    SELECT d.* FROM doubtful d
    CROSS JOIN LATERAL (
        SELECT -sum(share * log(2, share)) AS bits FROM (
            SELECT count(*)::numeric / sum(count(*)) OVER () AS share
            FROM regexp_split_to_table(substring(d.waybill_no FROM '(\d+)$'), '') AS digit GROUP BY digit
        ) shares
    ) entropy
    WHERE d.tail IS NOT NULL AND entropy.bits < %(bits)s::numeric
)
SELECT station_id, 'numbers ' || carrier || ' ' || min(waybill_no) AS subject,
       jsonb_build_object('code', 'consecutive', 'scans', count(*), 'first', min(waybill_no), 'last', max(waybill_no),
                          'limit', %(run)s::numeric, 'day', min(day)) AS numbers,
       (array_agg(event_id ORDER BY tail))[1:20] AS event_ids, array_agg(line_id) AS line_ids
FROM numbered
GROUP BY station_id, carrier, head, length(waybill_no), island
HAVING count(*) >= %(run)s::numeric
UNION ALL
SELECT station_id, 'week ' || week || ' pattern',
       jsonb_build_object('code', 'faulty', 'scans', count(*), 'first', min(waybill_no), 'limit', %(faulty)s::numeric,
                          'day', week),
       (array_agg(event_id ORDER BY at))[1:20], array_agg(line_id)
FROM faulty GROUP BY station_id, week HAVING count(*) > %(faulty)s::numeric
UNION ALL
SELECT station_id, 'week ' || week || ' digits',
       jsonb_build_object('code', 'flat', 'scans', count(*), 'first', min(waybill_no), 'limit', %(faulty)s::numeric,
                          'day', week),
       (array_agg(event_id ORDER BY at))[1:20], array_agg(line_id)
FROM flat GROUP BY station_id, week HAVING count(*) > %(faulty)s::numeric
