-- The figures of a county's month, one row an outlet and fund: the lines its statement takes up (the month's own that
-- were never held, and held ones closed into it), what is held back, and what was adjusted. Lines by line_by_statement,
-- closed holds by hold_by_month; the two arms are apart because an OR over both tables would read every line.
WITH stated AS (
    SELECT l.station_id, l.policy_id, l.turn, l.amount, l.evidence_class
    FROM settlement_line l
    LEFT JOIN settlement_hold h ON h.county_code = l.county_code AND h.line_id = l.id
    WHERE l.county_code = %(county_code)s AND l.period = %(month)s AND h.id IS NULL
    UNION ALL
    SELECT l.station_id, l.policy_id, l.turn, l.amount, l.evidence_class
    FROM settlement_hold h
    JOIN settlement_line l ON l.county_code = h.county_code AND l.id = h.line_id
    WHERE h.county_code = %(county_code)s AND h.stated_in = %(month)s
), summed AS (
    SELECT s.station_id, p.fund_id,
           count(*) FILTER (WHERE s.turn %% 2 = 0) - count(*) FILTER (WHERE s.turn %% 2 = 1) AS parcels,
           count(*) FILTER (WHERE s.turn %% 2 = 0) AS accruals,
           count(*) FILTER (WHERE s.turn %% 2 = 0 AND s.evidence_class <> 'A') AS weaker,
           sum(s.amount) AS lines_yuan
    FROM stated s JOIN settlement_policy p ON p.id = s.policy_id
    GROUP BY s.station_id, p.fund_id
), held AS (
    SELECT l.station_id, p.fund_id, count(*) AS held_parcels, sum(l.amount) AS held_yuan
    FROM settlement_line l
    JOIN settlement_hold h ON h.county_code = l.county_code AND h.line_id = l.id
    JOIN settlement_policy p ON p.id = l.policy_id
    WHERE l.county_code = %(county_code)s AND l.period = %(month)s AND h.stated_in IS DISTINCT FROM %(month)s::date
    GROUP BY l.station_id, p.fund_id
), adjusted AS (
    SELECT a.station_id, a.fund_id,
           coalesce(sum(a.amount) FILTER (WHERE a.kind = 'cap'), 0) AS cap_yuan,
           coalesce(sum(a.amount) FILTER (WHERE a.kind = 'shortfall'), 0) AS shortfall_yuan,
           coalesce(sum(a.amount) FILTER (WHERE a.kind NOT IN ('cap', 'shortfall')), 0) AS other_yuan,
           count(*) FILTER (WHERE a.kind = 'cap') AS caps, count(*) FILTER (WHERE a.kind = 'shortfall') AS shortfalls
    FROM settlement_adjustment a
    WHERE a.county_code = %(county_code)s AND a.period = %(month)s
    GROUP BY a.station_id, a.fund_id
), named AS (
    SELECT station_id, fund_id FROM summed
    UNION SELECT station_id, fund_id FROM held
    UNION SELECT station_id, fund_id FROM adjusted
    UNION SELECT station_id, fund_id FROM settlement_statement
          WHERE county_code = %(county_code)s AND period = %(month)s
)
SELECT n.station_id, n.fund_id,
       coalesce(s.parcels, 0)::int AS parcels, coalesce(s.accruals, 0)::int AS accruals,
       coalesce(s.weaker, 0)::int AS weaker, coalesce(s.lines_yuan, 0) AS lines_yuan,
       coalesce(h.held_parcels, 0)::int AS held_parcels, coalesce(h.held_yuan, 0) AS held_yuan,
       coalesce(a.cap_yuan, 0) AS cap_yuan, coalesce(a.shortfall_yuan, 0) AS shortfall_yuan,
       coalesce(a.other_yuan, 0) AS other_yuan,
       coalesce(a.caps, 0)::int AS caps, coalesce(a.shortfalls, 0)::int AS shortfalls
FROM named n
LEFT JOIN summed s USING (station_id, fund_id)
LEFT JOIN held h USING (station_id, fund_id)
LEFT JOIN adjusted a USING (station_id, fund_id)
ORDER BY n.station_id, n.fund_id
