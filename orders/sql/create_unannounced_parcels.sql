-- Parcels known from scans only. Sorted by the unique key parcel_once, whose index also settles who comes first.
INSERT INTO orders_parcel (county_code, carrier, waybill_no, leg_no, announced, created_at, damaged, fold_version,
                           folded_in)
SELECT %(county)s, k.carrier, k.waybill_no, 1, false, %(at)s, false, 1, pg_current_xact_id()
FROM unnest(%(carriers)s::varchar[], %(waybills)s::varchar[]) AS k (carrier, waybill_no)
ORDER BY k.carrier, k.waybill_no
ON CONFLICT (county_code, carrier, waybill_no, leg_no) DO NOTHING
