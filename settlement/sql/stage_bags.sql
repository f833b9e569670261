-- Scans that name only a bag, for each staged parcel that was in it at that moment (docs/fold.md, "Events of a parcel").
-- Run for the parcels that prove.sql saw put into a bag. Indexes: scanevent_by_parcel, scanevent_by_bag,
-- scanevent_corrections.
-- staging: CREATE TEMP TABLE settlement_verdict (parcel_id bigint, carrier varchar, waybill_no varchar, bagged boolean) ON COMMIT DROP
WITH parcel AS MATERIALIZED (
    SELECT DISTINCT parcel_id, carrier, waybill_no FROM settlement_verdict WHERE bagged
), inside AS MATERIALIZED (  -- from when to when a parcel was in which bag
    SELECT p.parcel_id, e.type, e.bag, e.k AS since, lead(e.k) OVER (PARTITION BY p.parcel_id ORDER BY e.k) AS until
    FROM parcel p
    JOIN tracking_scanevent e
      ON e.county_code = %(county_code)s AND e.carrier = p.carrier AND e.waybill_no = p.waybill_no
    WHERE e.type IN ('BAGGED', 'UNBAGGED')
      AND NOT EXISTS (SELECT FROM tracking_voided v WHERE v.county_code = %(county_code)s AND v.event_id = e.event_id)
)
SELECT i.parcel_id, b.event_id, b.type, b.side, b.station_id, b.method, b.k
FROM inside i
JOIN tracking_scanevent b
  ON b.county_code = %(county_code)s AND b.bag = i.bag AND b.k > i.since AND (i.until IS NULL OR b.k < i.until)
WHERE i.type = 'BAGGED' AND b.waybill_no IS NULL AND b.type NOT IN ('CORRECTION', 'DEPARTED', 'ARRIVED')
  AND NOT EXISTS (SELECT FROM tracking_voided v WHERE v.county_code = %(county_code)s AND v.event_id = b.event_id)
