-- Paid or approved deliveries that later scans speak against, within the policy's days: returned or lost after the
-- delivery, or signed for at a second outlet. One row a line, its first such scan; a line that ever had a clawback, or a
-- parcel with a decided one for that scan, is left alone: what a person waived or paid again isn't proposed anew. An
-- undecided one about a line that the scans have replaced (by a new price) can't be set off any more: the line in its
-- place gets its own. The registers name the parcels that were scanned after their end, which the planner takes for a
-- third of all: parcel_odd_end, then one look a parcel by line_once, statement_once and scanevent_by_parcel.
WITH ended AS MATERIALIZED (
    SELECT p.id, p.carrier, p.waybill_no, p.t_k, p.t_at
    FROM orders_parcel p
    WHERE p.county_code = %(county_code)s AND p.last_scan_at >= %(since)s AND p.l_k > p.t_k AND p.leg_no = 1
)
SELECT l.id AS line_id, l.station_id, later.event_id, later.type
FROM ended
CROSS JOIN LATERAL (
    SELECT n.id, n.station_id, n.policy_id, n.period, n.effective_at, n.turn
    FROM settlement_line n
    WHERE n.county_code = %(county_code)s AND n.parcel_id = ended.id AND n.service = 'outlet_delivery'
    ORDER BY n.turn DESC LIMIT 1
) l
JOIN settlement_policy o ON o.id = l.policy_id
CROSS JOIN LATERAL (
    SELECT e.event_id, e.type
    FROM tracking_scanevent e
    WHERE e.county_code = %(county_code)s AND e.carrier = ended.carrier AND e.waybill_no = ended.waybill_no
      AND e.effective_at >= ended.t_at
      AND e.effective_at < l.effective_at + o.clawback_days * interval '1 day'
      AND e.k > ended.t_k
      AND (e.type IN ('RETURNED', 'LOST')
           OR e.type IN ('SIGNED_SELF', 'SIGNED_AGENT', 'SIGNED_PICKUP')
              AND e.station_level = 'OUTLET' AND e.station_id <> l.station_id)
      AND NOT EXISTS (
          SELECT FROM tracking_voided v WHERE v.county_code = %(county_code)s AND v.event_id = e.event_id
      )
    ORDER BY e.k LIMIT 1
) later
LEFT JOIN settlement_hold h ON h.line_id = l.id
WHERE l.turn %% 2 = 0
  AND EXISTS (
      SELECT FROM settlement_statement s
      WHERE s.county_code = %(county_code)s AND s.station_id = l.station_id AND s.fund_id = o.fund_id
        AND s.period = CASE WHEN h.id IS NULL THEN l.period ELSE h.stated_in END
        AND s.state IN ('approved', 'in_batch', 'paid', 'failed')
  )
  AND NOT EXISTS (
      SELECT FROM settlement_line n JOIN settlement_clawback c ON c.line_id = n.id
      WHERE n.county_code = %(county_code)s AND n.parcel_id = ended.id AND n.service = 'outlet_delivery'
        AND (n.id = l.id OR c.state IN ('waived', 'netted') AND c.evidence @> to_jsonb(later.event_id::text))
  )
ORDER BY l.id
