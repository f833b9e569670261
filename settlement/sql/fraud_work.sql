-- The lines that stand, each with the scan that earned it and its parcel's first arrival at the outlet: what the checks
-- read. `fresh` are those a check may find something in (months open or frozen), the older ones are their past. The
-- service keeps the answer in the temporary table fraud_work. Reads line_by_statement for the span of months; scans by
-- the event table's key where few lines are asked for, by a hash join where many are.
WITH due AS MATERIALIZED (
    SELECT l.id AS line_id, l.parcel_id, l.station_id, l.service, l.evidence_class, l.effective_at AS at,
           l.period = ANY(%(months)s::date[])
               AND (%(since)s::timestamptz IS NULL OR l.effective_at >= %(since)s) AS fresh,
           CASE WHEN l.service = 'outlet_delivery' THEN l.evidence[cardinality(l.evidence)]
                ELSE l.evidence[1] END AS event_id
    FROM settlement_line l
    WHERE l.county_code = %(county_code)s AND l.period >= %(first_month)s
      AND (l.effective_at >= %(history_from)s OR l.period = ANY(%(months)s::date[])) AND l.effective_at < %(upto)s
      AND l.turn %% 2 = 0
      AND NOT EXISTS (SELECT FROM settlement_line r
                      WHERE r.county_code = %(county_code)s AND r.parcel_id = l.parcel_id AND r.service = l.service
                        AND r.turn = l.turn + 1)
), arrivals AS (
    SELECT carrier, waybill_no, station_id, min(k) AS k, min(effective_at) AS at
    FROM tracking_scanevent
    WHERE county_code = %(county_code)s AND effective_at >= %(history_from)s - interval '60 days'
      AND effective_at < %(upto)s AND station_level = 'OUTLET' AND waybill_no IS NOT NULL
      AND (type IN ('OUTLET_IN', 'UNLOADED') OR type = 'HANDOVER' AND side = 'take')
    GROUP BY carrier, waybill_no, station_id
)
SELECT d.line_id, d.parcel_id, d.station_id, d.service, d.evidence_class, d.fresh, d.at,
       (d.at AT TIME ZONE 'Asia/Shanghai')::date AS day,
       p.carrier, p.waybill_no, p.announced,
       coalesce(p.f_k IS NOT NULL AND substring(p.f_k FROM 9 FOR 1) = '\x0a', false) AS from_here, p.created_at AS known_at,
       d.event_id, e.type, e.device_id, e.actor_id, e.seq, e.occurred_at, e.untrusted, e.skewed,
       e.lng, e.lat, coalesce(e.accuracy_m, 0) AS accuracy_m,
       a.at AS arrived_at, encode(substring(a.k FROM 10), 'hex')::uuid AS arrival_id
FROM due d
JOIN orders_parcel p ON p.county_code = %(county_code)s AND p.id = d.parcel_id
LEFT JOIN tracking_scanevent e ON e.county_code = %(county_code)s AND e.event_id = d.event_id
LEFT JOIN arrivals a ON a.carrier = p.carrier AND a.waybill_no = p.waybill_no AND a.station_id = d.station_id
                    AND a.at <= d.at
