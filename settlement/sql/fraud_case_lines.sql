-- The lines of cases just found, and a hold on each that may still be held: its month is open or frozen, and no hold was
-- ever put on it (one a line: a second case finds the first one's hold, a decided one is not opened again). Keys
-- caseline_once, settlement_hold_line_id_key.
WITH found AS MATERIALIZED (
    SELECT DISTINCT * FROM unnest(%(cases)s::bigint[], %(lines)s::bigint[]) AS f (case_id, line_id)
), named AS (
    INSERT INTO settlement_caseline (case_id, line_id)
    SELECT case_id, line_id FROM found ORDER BY line_id, case_id
    ON CONFLICT (case_id, line_id) DO NOTHING
)
INSERT INTO settlement_hold (county_code, line_id, station_id, reason, opened_at, outcome, close_reason)
SELECT DISTINCT l.county_code, l.id, l.station_id, 'fraud', %(at)s::timestamptz, '', ''
FROM found f JOIN settlement_line l ON l.id = f.line_id
WHERE %(holds)s AND l.county_code = %(county_code)s AND l.turn %% 2 = 0
  AND NOT EXISTS (SELECT FROM settlement_line r
                  WHERE r.county_code = l.county_code AND r.parcel_id = l.parcel_id AND r.service = l.service
                    AND r.turn = l.turn + 1)
  AND NOT EXISTS (SELECT FROM settlement_period m
                  WHERE m.county_code = l.county_code AND m.month = l.period AND m.state NOT IN ('open', 'frozen'))
ORDER BY l.id
ON CONFLICT (line_id) DO NOTHING
