-- Where a county's books don't agree with what they book: (code, station, fund, month, number, expected, found), none if
-- all is well. Each sum is taken from its own table. Reads the county's postings, lines (line_by_statement) and
-- statements once; run by night.
WITH booked AS (
    SELECT p.station_id, p.fund_id, p.period, -sum(p.amount) AS yuan
    FROM settlement_posting p
    JOIN settlement_journalentry e ON e.id = p.entry_id
    WHERE p.county_code = %(county_code)s AND p.account = 'accrued' AND e.kind <> 'statement'
    GROUP BY p.station_id, p.fund_id, p.period
), earned AS (
    SELECT station_id, fund_id, period, sum(yuan) AS yuan
    FROM (
        SELECT l.station_id, y.fund_id, l.period, sum(l.amount) AS yuan
        FROM settlement_line l JOIN settlement_policy y ON y.id = l.policy_id
        WHERE l.county_code = %(county_code)s
        GROUP BY l.station_id, y.fund_id, l.period
        UNION ALL
        SELECT a.station_id, a.fund_id, a.period, sum(a.amount)
        FROM settlement_adjustment a
        WHERE a.county_code = %(county_code)s
        GROUP BY a.station_id, a.fund_id, a.period
    ) parts
    GROUP BY station_id, fund_id, period
), stated AS (
    SELECT s.station_id, y.fund_id, s.month, sum(s.amount) AS yuan
    FROM (
        SELECT l.station_id, l.policy_id, l.period AS month, l.amount
        FROM settlement_line l
        LEFT JOIN settlement_hold h ON h.county_code = l.county_code AND h.line_id = l.id
        WHERE l.county_code = %(county_code)s AND h.id IS NULL
        UNION ALL
        SELECT l.station_id, l.policy_id, h.stated_in, l.amount
        FROM settlement_hold h
        JOIN settlement_line l ON l.county_code = h.county_code AND l.id = h.line_id
        WHERE h.county_code = %(county_code)s AND h.stated_in IS NOT NULL
    ) s
    JOIN settlement_policy y ON y.id = s.policy_id
    GROUP BY s.station_id, y.fund_id, s.month
), adjusted AS (
    SELECT a.station_id, a.fund_id, a.period, sum(a.amount) AS yuan
    FROM settlement_adjustment a
    WHERE a.county_code = %(county_code)s
    GROUP BY a.station_id, a.fund_id, a.period
), per_payment AS (
    SELECT p.id, p.station_id, b.fund_id, p.number, p.amount, p.state,
           (SELECT coalesce(sum(s.payable_yuan), 0)
            FROM settlement_paymentitem i JOIN settlement_statement s ON s.id = i.statement_id
            WHERE i.payment_id = p.id) AS stated
    FROM settlement_payment p JOIN settlement_paymentbatch b ON b.id = p.batch_id
    WHERE p.county_code = %(county_code)s AND p.state NOT IN ('failed', 'cancelled')
)
SELECT 'unbalanced' AS code, NULL::bigint AS station_id, p.fund_id, NULL::date AS month, '' AS number,
       0::numeric AS expected, sum(p.amount) AS found
FROM settlement_posting p
WHERE p.county_code = %(county_code)s
GROUP BY p.fund_id
HAVING sum(p.amount) <> 0
UNION ALL
SELECT 'accrued', station_id, fund_id, period, '', coalesce(e.yuan, 0), coalesce(b.yuan, 0)
FROM earned e FULL JOIN booked b USING (station_id, fund_id, period)
WHERE coalesce(e.yuan, 0) <> coalesce(b.yuan, 0)
UNION ALL
SELECT 'statement', t.station_id, t.fund_id, t.period, t.id::text,
       coalesce(s.yuan, 0) + coalesce(a.yuan, 0), t.lines_yuan + t.adjusted_yuan
FROM settlement_statement t
LEFT JOIN stated s ON s.station_id = t.station_id AND s.fund_id = t.fund_id AND s.month = t.period
LEFT JOIN adjusted a ON a.station_id = t.station_id AND a.fund_id = t.fund_id AND a.period = t.period
WHERE t.county_code = %(county_code)s
  AND coalesce(s.yuan, 0) + coalesce(a.yuan, 0) <> t.lines_yuan + t.adjusted_yuan
UNION ALL
SELECT 'approved', t.station_id, t.fund_id, t.period, t.id::text, t.payable_yuan, coalesce(-p.yuan, 0)
FROM settlement_statement t
LEFT JOIN LATERAL (
    SELECT sum(p.amount) AS yuan
    FROM settlement_journalentry e
    JOIN settlement_posting p ON p.entry_id = e.id AND p.account = 'payable'
    WHERE e.county_code = t.county_code AND e.source_key = 'statement:' || t.id
) p ON true
WHERE t.county_code = %(county_code)s AND t.state IN ('approved', 'in_batch', 'paid', 'failed')
  AND t.payable_yuan <> coalesce(-p.yuan, 0)
UNION ALL
SELECT 'payment', station_id, fund_id, NULL, number, stated, amount
FROM per_payment
WHERE amount <> stated
UNION ALL
SELECT 'overpaid', station_id, fund_id, NULL, '',
       (SELECT coalesce(sum(greatest(s.payable_yuan, 0)), 0)
        FROM settlement_statement s
        WHERE s.county_code = %(county_code)s AND s.station_id = y.station_id AND s.fund_id = y.fund_id
          AND s.state IN ('approved', 'in_batch', 'paid', 'failed')),
       sum(y.amount)
FROM per_payment y
WHERE y.state = 'paid'
GROUP BY y.station_id, y.fund_id
HAVING sum(y.amount) > (SELECT coalesce(sum(greatest(s.payable_yuan, 0)), 0)
        FROM settlement_statement s
        WHERE s.county_code = %(county_code)s AND s.station_id = y.station_id AND s.fund_id = y.fund_id
          AND s.state IN ('approved', 'in_batch', 'paid', 'failed'))
ORDER BY code, station_id, fund_id, month
