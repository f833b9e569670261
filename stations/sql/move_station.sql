-- Moves one station from the state the caller saw to the next, and writes the step, in one statement: of two callers
-- who saw the same state one moves it, the other gets 0 rows. Index: stations_station_pkey.
WITH moved AS (
    UPDATE stations_station
    SET state = %(to_state)s
    WHERE id = %(station_id)s AND state = %(from_state)s
    RETURNING id
)
INSERT INTO stations_stationtransition (station_id, from_state, to_state, actor_id, reason, at)
SELECT id, %(from_state)s, %(to_state)s, %(actor_id)s, %(reason)s, %(at)s
FROM moved
