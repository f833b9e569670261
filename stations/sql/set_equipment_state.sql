-- Sets the state of one piece of equipment at one station; 0 rows where it has that state already or stands elsewhere.
-- Index: stations_equipment_pkey.
UPDATE stations_equipment
SET state = %(state)s
WHERE id = %(equipment_id)s AND station_id = %(station_id)s AND state <> %(state)s
