-- Whether a parcel that was delivered before a month's end was folded since settlement last read the county; what this
-- very transaction folded it has read. Reads parcel_folded_in.
SELECT EXISTS (
    SELECT FROM orders_parcel p
    WHERE p.county_code = %(county_code)s AND p.t_at < %(end)s
      AND p.folded_in >= coalesce((SELECT c.upto FROM settlement_cursor c WHERE c.county_code = %(county_code)s), '0')
      AND p.folded_in IS DISTINCT FROM pg_current_xact_id_if_assigned()
)
