-- What the scans say of each staged parcel and service: the ids that carry the claim in the fold's order, how well they
-- prove it, its price, and whether the line that stands is right already. A standing line is wrong if its policy, outlet
-- or time differs, if a scan it names was voided, or if it is held for want of proof and the proof is there now; a late
-- scan that only adds evidence changes nothing. A delivery rests on the custody scans up to the signature; a collection
-- on COLLECTED and the first scan that shows it passed on. First for all parcels by the scans that name them, then
-- (bags) again for those that were put into a bag, with its scans. Index: scanevent_by_parcel, scanevent_corrections;
-- for very many parcels the planner reads the month's partitions whole.
-- staging: CREATE TEMP TABLE settlement_work (county_code varchar, parcel_id bigint, carrier varchar, waybill_no varchar, announced boolean, folded_in xid8, service text, model text, claim_k bytea, claim_at timestamptz, station_id bigint, day date, last_line bigint, last_turn int, stands boolean, last_policy bigint, last_station bigint, last_at timestamptz, last_period date, last_rate numeric, last_amount numeric, last_reasons jsonb, last_evidence uuid[], last_class varchar) ON COMMIT DROP
-- staging: CREATE TEMP TABLE settlement_card (card_id int, policy_id bigint, fund_id bigint, eligible boolean, rate numeric, amount numeric, reasons jsonb) ON COMMIT DROP
-- staging: CREATE TEMP TABLE settlement_carded (station_id bigint, service text, model text, day date, card_id int) ON COMMIT DROP
-- staging: CREATE TEMP TABLE settlement_bag_scan (parcel_id bigint, event_id uuid, type varchar, side varchar, station_id bigint, method varchar, k bytea) ON COMMIT DROP
WITH scans AS (
    SELECT parcel_id, service, event_id, k,
           CASE WHEN service = 'outlet_delivery' THEN type <> 'BAGGED'
                ELSE k = claim_k OR type IN ('LOADED', 'HANDOVER') OR station_id <> outlet_id END AS counts,
           k = claim_k AS is_claim,
           k <> claim_k AND CASE WHEN service = 'outlet_delivery'
                THEN type IN ('OUTLET_IN', 'UNLOADED', 'HANDOVER') AND station_id = outlet_id
                ELSE type IN ('LOADED', 'HANDOVER') OR station_id <> outlet_id END AS supports,
           service <> 'outlet_delivery' OR type <> 'BAGGED' AND station_id <> outlet_id AS is_elsewhere,
           method = 'scan' AS is_scanned,
           type = 'BAGGED' AS is_bagging
    FROM (
        SELECT w.parcel_id, w.service, w.claim_k, w.station_id AS outlet_id,
               e.event_id, e.type, e.side, e.station_id, e.method, e.k
        FROM settlement_work w
        JOIN tracking_scanevent e ON e.carrier = w.carrier AND e.waybill_no = w.waybill_no
        WHERE w.station_id IS NOT NULL AND e.county_code = %(county_code)s
          AND (NOT %(bags)s OR w.parcel_id IN (SELECT b.parcel_id FROM settlement_bag_scan b))
          AND NOT EXISTS (
              SELECT FROM tracking_voided v WHERE v.county_code = %(county_code)s AND v.event_id = e.event_id
          )
        UNION ALL
        SELECT w.parcel_id, w.service, w.claim_k, w.station_id, b.event_id, b.type, b.side, b.station_id, b.method, b.k
        FROM settlement_work w JOIN settlement_bag_scan b ON b.parcel_id = w.parcel_id
        WHERE %(bags)s AND w.station_id IS NOT NULL
    ) e
    WHERE CASE WHEN service = 'outlet_delivery'
               THEN k <= claim_k
                    AND (type IN ('COLLECTED', 'HUB_IN', 'LOADED', 'UNLOADED', 'OUTLET_IN', 'OUT_FOR_DELIVERY',
                                  'CARRIER_OUT', 'SIGNED_SELF', 'SIGNED_AGENT', 'SIGNED_PICKUP', 'BAGGED')
                         OR type = 'HANDOVER' AND side = 'take')
               ELSE k >= claim_k
                    AND type NOT IN ('PREADVICE', 'COLLECT_FAILED', 'CANCELLED', 'SENSOR', 'DEPARTED', 'ARRIVED')
                    AND (k = claim_k OR type IN ('LOADED', 'HANDOVER', 'BAGGED') OR station_id <> outlet_id)
          END
    OFFSET 0  -- the sort below carries these few columns and not the parcel's
), proof AS (
    SELECT parcel_id, service,
           array_agg(event_id ORDER BY k) FILTER (WHERE counts) AS scans,
           bool_or(is_claim) AS claimed,
           bool_or(is_claim AND is_scanned) AS claim_scanned,
           bool_or(supports) AS supported,
           bool_or(supports AND is_scanned) AS support_scanned,
           bool_or(is_elsewhere) AS upstream,
           bool_or(is_bagging) AS bagged
    FROM scans GROUP BY parcel_id, service
), classed AS (
    SELECT *,
           CASE WHEN NOT supported OR NOT (claim_scanned OR support_scanned) THEN 'C'
                WHEN claim_scanned AND support_scanned AND upstream THEN 'A' ELSE 'B' END AS class
    FROM proof
), verdict AS (
    SELECT w.*, c.card_id, c.policy_id, c.fund_id, c.rate, c.amount, p.scans,
           COALESCE(p.claimed AND c.eligible, false) AS due,
           CASE WHEN p.class = 'A' AND NOT w.announced THEN 'B' ELSE p.class END AS class,
           CASE WHEN p.class <> 'C' THEN NULL WHEN p.supported THEN 'all_typed'
                WHEN w.service = 'outlet_delivery' THEN 'no_arrival' ELSE 'not_passed_on' END AS hold_reason,
           COALESCE(p.bagged, false) AS bagged
    FROM settlement_work w
    LEFT JOIN settlement_carded d USING (station_id, service, model, day)
    LEFT JOIN settlement_card c USING (card_id)
    LEFT JOIN classed p USING (parcel_id, service)
    WHERE NOT %(bags)s OR w.parcel_id IN (SELECT b.parcel_id FROM settlement_bag_scan b)
)
SELECT v.*,
       COALESCE(stands AND last_policy = policy_id AND last_station = station_id AND last_at = claim_at
                AND last_evidence <@ scans, false)
       AND NOT (last_class = 'C' AND class <> 'C' AND EXISTS (  -- held for want of proof, and nobody is asking yet
           SELECT FROM settlement_hold h
           WHERE h.line_id = v.last_line AND h.closed_at IS NULL AND h.reason <> 'fraud'
             AND NOT EXISTS (SELECT FROM settlement_caseline cl JOIN settlement_fraudcase f ON f.id = cl.case_id
                             WHERE cl.line_id = v.last_line AND f.decided_at IS NULL)
       )) AS right_already
FROM verdict v
