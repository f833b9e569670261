-- What the statements of a month take up, by outlet, fund and the month the line itself was booked in: the accrued
-- account is cleared month by month. The same two arms as statement_figures, by the same indexes.
SELECT s.station_id, p.fund_id, s.period, sum(s.amount) AS yuan
FROM (
    SELECT l.station_id, l.policy_id, l.period, l.amount
    FROM settlement_line l
    LEFT JOIN settlement_hold h ON h.county_code = l.county_code AND h.line_id = l.id
    WHERE l.county_code = %(county_code)s AND l.period = %(month)s AND h.id IS NULL
    UNION ALL
    SELECT l.station_id, l.policy_id, l.period, l.amount
    FROM settlement_hold h
    JOIN settlement_line l ON l.county_code = h.county_code AND l.id = h.line_id
    WHERE h.county_code = %(county_code)s AND h.stated_in = %(month)s
) s
JOIN settlement_policy p ON p.id = s.policy_id
GROUP BY s.station_id, p.fund_id, s.period
ORDER BY s.station_id, p.fund_id, s.period
