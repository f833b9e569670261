-- Of some scans, the corrections that void them. Indexes: scanevent_corrections, primary key.
SELECT v.event_id, v.by_event_id, v.since
FROM tracking_voided v
WHERE v.county_code = %(county)s AND v.event_id = ANY(%(event_ids)s::uuid[])
