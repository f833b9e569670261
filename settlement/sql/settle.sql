-- Writes the lines that bring the staged parcels from what they were paid to what they should be (an accrual, a
-- reversal, or both), all under one entry of the books, posted by fund, outlet and month; opens the holds of what is
-- not proved and closes those of what is reversed. No line, no entry. Indexes: line_once, period_once, hold by line.
-- staging: CREATE TEMP TABLE settlement_verdict (parcel_id bigint, service text, station_id bigint, day date, claim_at timestamptz, last_line bigint, last_turn int, stands boolean, last_policy bigint, last_station bigint, last_at timestamptz, last_period date, last_rate numeric, last_amount numeric, last_reasons jsonb, last_evidence uuid[], last_class varchar, card_id int, policy_id bigint, rate numeric, amount numeric, scans uuid[], due boolean, class text, hold_reason text, right_already boolean) ON COMMIT DROP
-- staging: CREATE TEMP TABLE settlement_card (card_id int, reasons jsonb) ON COMMIT DROP
WITH months AS (  -- where a month's lines go: itself, or the first later one that isn't frozen
    SELECT asked.month, (
        SELECT n::date FROM generate_series(asked.month::timestamp, asked.month + interval '10 years', '1 month') n
        WHERE NOT EXISTS (SELECT FROM settlement_period f
                          WHERE f.county_code = %(county_code)s AND f.month = n::date AND f.state <> 'open')
        ORDER BY n LIMIT 1) AS open_month
    FROM (SELECT date_trunc('month', days.day)::date AS month
          FROM (SELECT DISTINCT day FROM settlement_verdict WHERE due) days
          UNION SELECT last_period FROM settlement_verdict WHERE stands AND NOT right_already) asked
), number AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('settlement_journalentry', 'id')) AS id
    WHERE EXISTS (SELECT FROM settlement_verdict WHERE (due OR stands) AND NOT right_already)
), entry AS (
    INSERT INTO settlement_journalentry (id, county_code, source_key, kind, at, note)
    SELECT id, %(county_code)s, 'settle:' || id, 'settle', %(at)s::timestamptz, '' FROM number
    RETURNING id
), written AS (
    INSERT INTO settlement_line (county_code, policy_id, parcel_id, station_id, service, turn, period, effective_at,
                                 rate, amount, evidence_class, cause, reasons, evidence, entry_id, created_at)
    SELECT %(county_code)s, v.last_policy, v.parcel_id, v.last_station, v.service, v.last_turn + 1, m.open_month,
           v.last_at, v.last_rate, -v.last_amount, v.last_class, 'scans', v.last_reasons, v.last_evidence, entry.id,
           %(at)s::timestamptz
    FROM settlement_verdict v JOIN months m ON m.month = v.last_period CROSS JOIN entry
    WHERE v.stands AND NOT v.right_already
    UNION ALL
    SELECT %(county_code)s, v.policy_id, v.parcel_id, v.station_id, v.service,
           v.last_turn + CASE WHEN v.stands THEN 2 ELSE 1 END, m.open_month, v.claim_at, v.rate, v.amount, v.class,
           'scans', c.reasons, CASE v.service WHEN 'outlet_delivery' THEN v.scans ELSE v.scans[1:2] END, entry.id,
           %(at)s::timestamptz
    FROM settlement_verdict v
    JOIN settlement_card c USING (card_id)
    JOIN months m ON m.month = date_trunc('month', v.day)::date
    CROSS JOIN entry
    WHERE v.due AND NOT v.right_already
    RETURNING id, parcel_id, service, turn, policy_id, station_id, period, amount, evidence_class
), sums AS MATERIALIZED (
    SELECT p.fund_id, w.station_id, w.period, sum(w.yuan) AS yuan
    FROM (SELECT policy_id, station_id, period, sum(amount) AS yuan FROM written GROUP BY 1, 2, 3) w
    JOIN settlement_policy p ON p.id = w.policy_id
    GROUP BY 1, 2, 3
), posted AS (
    INSERT INTO settlement_posting (county_code, entry_id, account, fund_id, station_id, period, amount)
    SELECT %(county_code)s, entry.id, leg.account, leg.fund_id, leg.station_id, leg.period, leg.yuan
    FROM entry
    CROSS JOIN (
        SELECT 'accrued' AS account, fund_id, station_id, period, -yuan AS yuan FROM sums WHERE yuan <> 0
        UNION ALL
        SELECT 'subsidy', fund_id, NULL, NULL, sum(yuan) FROM sums GROUP BY fund_id HAVING sum(yuan) <> 0
    ) leg
), held AS (
    INSERT INTO settlement_hold (county_code, line_id, station_id, reason, opened_at, outcome, close_reason)
    SELECT %(county_code)s, w.id, w.station_id, v.hold_reason, %(at)s::timestamptz, '', ''
    FROM written w JOIN settlement_verdict v USING (parcel_id, service)
    WHERE w.turn %% 2 = 0 AND w.evidence_class = 'C'
      AND NOT (  -- another price of what a person released: nobody is asked again
          v.stands AND v.last_class = 'C' AND v.last_station = v.station_id AND v.last_at = v.claim_at
          AND v.last_evidence <@ v.scans
          AND NOT EXISTS (SELECT FROM settlement_hold h WHERE h.line_id = v.last_line AND h.closed_at IS NULL))
    RETURNING line_id
), released AS (  -- the hold of a line that is taken back: both are stated in the month of the reversal, and cancel
    UPDATE settlement_hold h
    SET closed_at = %(at)s::timestamptz, outcome = 'reversed', stated_in = w.period
    FROM written w JOIN settlement_verdict v USING (parcel_id, service)
    WHERE w.turn %% 2 = 1 AND h.line_id = v.last_line AND h.closed_at IS NULL
)
SELECT count(*) FILTER (WHERE turn %% 2 = 0) AS accrued, count(*) FILTER (WHERE turn %% 2 = 1) AS reversed,
       (SELECT count(*) FROM held) AS held
FROM written
