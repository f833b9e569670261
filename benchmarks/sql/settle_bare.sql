-- The same lines by hand: one INSERT … SELECT into the same table with its constraints, triggers, indexes and seal.
-- It knows beforehand that nobody was paid yet, that nothing was corrected, that no parcel was in a bag and every month
-- is open, and finds its prices ready in bench_price; it writes no holds, books nothing and keeps no cursor.
WITH claims AS (
    SELECT p.id AS parcel_id, p.carrier, p.waybill_no, p.announced, 'outlet_delivery' AS service, p.t_k AS claim_k,
           p.t_at AS claim_at, p.t_station_id AS outlet_id,
           CASE p.t_node WHEN 'SIGNED_PICKUP' THEN 'pickup' ELSE 'to_door' END AS model
    FROM orders_parcel p WHERE p.county_code = '500230' AND p.t_state = 'delivered'
    UNION ALL
    SELECT p.id, p.carrier, p.waybill_no, p.announced, 'outlet_collection', p.o_k, tracking_k_time(p.o_k), p.origin_id,
           'collection'
    FROM orders_parcel p WHERE p.county_code = '500230' AND p.o_k IS NOT NULL
), scans AS (
    SELECT c.parcel_id, c.service, e.event_id, e.k, e.k = c.claim_k AS claims, e.method = 'scan' AS scanned,
           e.k <> c.claim_k AND (c.service = 'outlet_collection'
               OR e.type IN ('OUTLET_IN', 'UNLOADED') AND e.station_id = c.outlet_id) AS supports,
           c.service = 'outlet_collection' OR e.station_id <> c.outlet_id AS elsewhere
    FROM claims c
    JOIN tracking_scanevent e
      ON e.county_code = '500230' AND e.carrier = c.carrier AND e.waybill_no = c.waybill_no
    WHERE CASE WHEN c.service = 'outlet_delivery'
               THEN e.k <= c.claim_k AND e.type IN ('HUB_IN', 'LOADED', 'UNLOADED', 'OUTLET_IN', 'SIGNED_SELF',
                                                    'SIGNED_AGENT', 'SIGNED_PICKUP')
               ELSE e.k = c.claim_k OR e.k > c.claim_k AND (e.type = 'LOADED' OR e.station_id <> c.outlet_id) END
    OFFSET 0  -- the sort carries these few columns
), proof AS (
    SELECT parcel_id, service, array_agg(event_id ORDER BY k) AS scans, bool_or(supports) AS supported,
           bool_or(supports AND scanned) AS support_scanned, bool_or(claims AND scanned) AS claim_scanned,
           bool_or(elsewhere) AS upstream
    FROM scans GROUP BY parcel_id, service
)
INSERT INTO settlement_line (county_code, policy_id, parcel_id, station_id, service, turn, period, effective_at, rate,
                             amount, evidence_class, cause, reasons, evidence, entry_id, created_at)
SELECT '500230', b.policy_id, c.parcel_id, c.outlet_id, c.service, 0, date_trunc('month', b.day)::date, c.claim_at, b.rate,
       b.amount,
       CASE WHEN NOT p.supported OR NOT (p.claim_scanned OR p.support_scanned) THEN 'C'
            WHEN p.claim_scanned AND p.support_scanned AND p.upstream AND c.announced THEN 'A' ELSE 'B' END,
       'scans', b.reasons, CASE c.service WHEN 'outlet_delivery' THEN p.scans ELSE p.scans[1:2] END, 0, %(at)s
FROM claims c
JOIN proof p USING (parcel_id, service)
JOIN bench_price b
  ON b.station_id = c.outlet_id AND b.service = c.service AND b.model = c.model
 AND b.day = (c.claim_at AT TIME ZONE 'Asia/Shanghai')::date
