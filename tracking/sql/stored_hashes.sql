-- What is stored under ids that an upload found taken: a second statement, so that it sees what a racing twin
-- committed meanwhile. Index: primary key (county_code, event_id).
SELECT event_id::text, encode(content_hash, 'hex') AS content_hash
FROM tracking_scanevent
WHERE county_code = %(county)s AND event_id = ANY(%(event_ids)s::uuid[])
