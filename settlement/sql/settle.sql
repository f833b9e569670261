-- Writes the lines that bring the staged parcels from what they were paid to what they should be: an accrual, a
-- reversal, or both. A line that stands is replaced if its policy, outlet or time differs, or if a scan it names was
-- voided since; a late scan that only adds evidence changes nothing. Scans by scanevent_by_parcel, lines by line_once.
-- staging: CREATE TEMP TABLE settlement_work (county_code varchar, parcel_id bigint, carrier varchar, waybill_no varchar, t_k bytea, t_at timestamptz, station_id bigint, village varchar, terrain varchar, policy_id bigint, policy_number varchar, rate numeric, amount numeric, month date, last_turn int, stands boolean, last_policy bigint, last_station bigint, last_at timestamptz, last_period date, last_rate numeric, last_amount numeric, last_reasons jsonb, last_evidence uuid[]) ON COMMIT DROP
WITH scans AS (
    SELECT w.parcel_id, array_agg(e.event_id ORDER BY e.k) AS evidence
    FROM settlement_work w
    JOIN tracking_scanevent e
      ON e.county_code = w.county_code AND e.carrier = w.carrier AND e.waybill_no = w.waybill_no AND e.k <= w.t_k
    WHERE w.policy_id IS NOT NULL
      AND e.county_code = %(county_code)s
      AND (e.type IN ('COLLECTED', 'HUB_IN', 'LOADED', 'UNLOADED', 'OUTLET_IN', 'OUT_FOR_DELIVERY', 'CARRIER_OUT',
                      'SIGNED_SELF', 'SIGNED_AGENT', 'SIGNED_PICKUP')
           OR e.type = 'HANDOVER' AND e.side = 'take')
      AND NOT EXISTS (SELECT FROM tracking_voided v WHERE v.county_code = %(county_code)s AND v.event_id = e.event_id)
    GROUP BY w.parcel_id
), wanted AS (
    SELECT w.*, s.evidence, s.evidence IS NOT NULL AS due,
           COALESCE(w.stands AND w.last_policy = w.policy_id AND w.last_station = w.station_id AND w.last_at = w.t_at
                    AND w.last_evidence <@ s.evidence, false) AS right_already
    FROM settlement_work w LEFT JOIN scans s USING (parcel_id)
), months AS (  -- where a month's lines go: itself, or the first later one that isn't frozen
    SELECT asked.month, (
        SELECT n::date FROM generate_series(asked.month::timestamp, asked.month + interval '10 years', '1 month') n
        WHERE NOT EXISTS (SELECT FROM settlement_period f
                          WHERE f.county_code = %(county_code)s AND f.month = n::date AND f.state <> 'open')
        ORDER BY n LIMIT 1) AS open_month
    FROM (SELECT month FROM wanted WHERE due UNION SELECT last_period FROM wanted WHERE stands) asked
), written AS (
INSERT INTO settlement_line (county_code, policy_id, parcel_id, station_id, service, turn, period, effective_at, rate,
                             amount, reasons, evidence, created_at)
SELECT county_code, last_policy, parcel_id, last_station, 'outlet_delivery', last_turn + 1, m.open_month, last_at,
       last_rate, -last_amount, last_reasons, last_evidence, %(at)s::timestamptz
FROM wanted JOIN months m ON m.month = last_period
WHERE stands AND NOT right_already
UNION ALL
SELECT county_code, policy_id, parcel_id, station_id, 'outlet_delivery', last_turn + CASE WHEN stands THEN 2 ELSE 1 END,
       m.open_month, t_at, rate, amount,
       jsonb_build_array(jsonb_build_object('code', 'terrain', 'terrain', terrain, 'village', village,
                                            'rate', rate::numeric(6,4)::text, 'policy', policy_number)),
       evidence, %(at)s::timestamptz
FROM wanted JOIN months m USING (month)
WHERE due AND NOT right_already
RETURNING turn
)
SELECT count(*) FILTER (WHERE turn %% 2 = 0) AS accrued, count(*) FILTER (WHERE turn %% 2 = 1) AS reversed FROM written
