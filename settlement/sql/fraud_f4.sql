-- F4: a parcel whose line stands at one outlet and that another outlet says it handed out later. The fold gives the
-- first, so only that one is paid; the case is the later outlet's. Hand-overs of the span hashed against fraud_work;
-- scans taken back are left out. One row a parcel and later outlet.
-- staging: CREATE TEMP TABLE fraud_work (line_id bigint, parcel_id bigint, station_id bigint, service varchar, evidence_class varchar, fresh boolean, at timestamptz, day date, carrier varchar, waybill_no varchar, announced boolean, from_here boolean, known_at timestamptz, event_id uuid, type varchar, device_id bigint, actor_id bigint, seq bigint, occurred_at timestamptz, untrusted boolean, skewed boolean, lng float8, lat float8, accuracy_m float8, arrived_at timestamptz, arrival_id uuid) ON COMMIT DROP
SELECT e.station_id, 'parcel ' || w.carrier || ' ' || w.waybill_no AS subject,
       jsonb_build_object('code', 'two_stations', 'waybill', w.waybill_no, 'other', w.station_id,
                          'minutes', round(extract(epoch FROM min(e.effective_at) - min(w.at)) / 60),
                          'day', min(w.day)) AS numbers,
       ARRAY[(array_agg(w.event_id))[1]] || (array_agg(e.event_id ORDER BY e.k))[1:19] AS event_ids,
       ARRAY[]::bigint[] AS line_ids
FROM tracking_scanevent e
JOIN fraud_work w ON w.carrier = e.carrier AND w.waybill_no = e.waybill_no AND w.station_id <> e.station_id
                 AND w.event_id <> e.event_id
WHERE e.county_code = %(county_code)s AND e.effective_at >= %(from)s AND e.effective_at < %(upto)s
  AND e.station_level = 'OUTLET' AND e.type IN ('SIGNED_PICKUP', 'SIGNED_SELF', 'SIGNED_AGENT')
  AND w.service = 'outlet_delivery' AND e.effective_at >= w.at
  AND NOT EXISTS (SELECT FROM tracking_voided v WHERE v.county_code = %(county_code)s AND v.event_id = e.event_id)
GROUP BY e.station_id, w.station_id, w.carrier, w.waybill_no
