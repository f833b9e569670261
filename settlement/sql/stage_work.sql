-- Parcels of a county whose registers changed since the cursor, each with the delivery and the collection it should be
-- paid for and the line it has: one row a parcel and service that is due at an outlet or has a line. Reads
-- parcel_folded_in (county_code, folded_in) and line_once; the second arm is what this very transaction folded (nothing
-- else sees it yet; it is simply read again next time). The service keeps the answer in the temporary table
-- settlement_work. Left alone: what was served or paid before `final_before`, whose scans may be in a detached month and
-- would look missing, and what a person took back.
SELECT p.county_code, p.id AS parcel_id, p.carrier, p.waybill_no, p.announced, p.folded_in,
       claim.service, claim.model, claim.k AS claim_k, claim.at AS claim_at, outlet.id AS station_id,
       (claim.at AT TIME ZONE 'Asia/Shanghai')::date AS day,
       last.id AS last_line, COALESCE(last.turn, -1) AS last_turn, COALESCE(last.turn %% 2 = 0, false) AS stands,
       last.policy_id AS last_policy, last.station_id AS last_station, last.effective_at AS last_at,
       last.period AS last_period, last.rate AS last_rate, last.amount AS last_amount, last.reasons AS last_reasons,
       last.evidence AS last_evidence, last.evidence_class AS last_class
FROM orders_parcel p
CROSS JOIN LATERAL (VALUES
    ('outlet_delivery', CASE p.t_node WHEN 'SIGNED_PICKUP' THEN 'pickup' ELSE 'to_door' END,
     CASE WHEN p.t_state = 'delivered' THEN p.t_k END, p.t_at, p.t_station_id),
    ('outlet_collection', 'collection', p.o_k, tracking_k_time(p.o_k), p.origin_id)
) AS claim(service, model, k, at, station_id)
LEFT JOIN stations_station outlet ON outlet.id = claim.station_id AND outlet.level = 'OUTLET' AND claim.k IS NOT NULL
LEFT JOIN LATERAL (
    SELECT l.* FROM settlement_line l
    WHERE l.county_code = p.county_code AND l.parcel_id = p.id AND l.service = claim.service
    ORDER BY l.turn DESC LIMIT 1
) last ON true
WHERE p.county_code = %(county_code)s
  AND (p.folded_in >= %(since)s::xid8 AND p.folded_in < %(upto)s::xid8
       OR p.folded_in = pg_current_xact_id_if_assigned())
  AND (outlet.id IS NOT NULL OR last.turn %% 2 = 0)
  AND (last.turn %% 2 = 1 AND last.cause = 'decision') IS NOT TRUE
  AND (%(final_before)s::timestamptz IS NULL OR least(claim.at, last.effective_at) >= %(final_before)s)
