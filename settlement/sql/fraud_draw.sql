-- Draws the lines whose recipients are to be called: so many of a thousand by the line's own hash (the same whenever it
-- is drawn, and nobody can choose it), and the first ones of an outlet's first month. Reads line_by_statement.
INSERT INTO settlement_callback (county_code, line_id, station_id, period, drawn_at, answer)
SELECT %(county_code)s, l.id, l.station_id, l.period, %(at)s::timestamptz, ''
FROM (
    SELECT o.*, row_number() OVER (PARTITION BY o.station_id ORDER BY o.effective_at, o.id) AS place,
           NOT EXISTS (SELECT FROM settlement_line b
                       WHERE b.county_code = o.county_code AND b.station_id = o.station_id
                         AND b.period < %(month)s) AS first_month
    FROM settlement_line o
    WHERE o.county_code = %(county_code)s AND o.period = %(month)s AND o.turn %% 2 = 0
      AND o.service = 'outlet_delivery'
) l
WHERE ((get_byte(l.line_hash, 0) * 65536 + get_byte(l.line_hash, 1) * 256 + get_byte(l.line_hash, 2)) %% 1000
           < %(per_mille)s::numeric
       OR l.first_month AND l.place <= %(first)s::numeric)
ORDER BY l.id
ON CONFLICT (line_id) DO NOTHING
