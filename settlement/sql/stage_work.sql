-- Parcels of a county whose registers changed since the cursor, each with what it should be paid and what it was:
-- one row a parcel that is delivered or has a line. Reads parcel_folded_in (county_code, folded_in); the second arm
-- is what this very transaction folded (nothing else sees it yet; it is simply read again next time). The service
-- keeps the answer in the temporary table settlement_work. What was delivered or paid before `final_before` is left
-- alone: its scans may be in a detached month, and without them it would look undelivered.
SELECT p.county_code, p.id AS parcel_id, p.carrier, p.waybill_no, p.t_k, p.t_at,
       outlet.station_id, outlet.village, outlet.terrain,
       policy.id AS policy_id, policy.number AS policy_number, policy.rate, policy.rate AS amount,
       date_trunc('month', p.t_at AT TIME ZONE 'Asia/Shanghai')::date AS month,
       COALESCE(last.turn, -1) AS last_turn, COALESCE(last.turn %% 2 = 0, false) AS stands,
       last.policy_id AS last_policy, last.station_id AS last_station, last.effective_at AS last_at,
       last.period AS last_period, last.rate AS last_rate, last.amount AS last_amount, last.reasons AS last_reasons,
       last.evidence AS last_evidence
FROM orders_parcel p
LEFT JOIN LATERAL (
    SELECT s.id AS station_id, r.name AS village, r.terrain
    FROM stations_station s JOIN stations_region r ON r.code = s.region_id
    WHERE s.id = p.t_station_id AND s.level = 'OUTLET' AND p.state = 'delivered'
) outlet ON true
LEFT JOIN LATERAL (
    SELECT o.id, o.number,
           round(CASE outlet.terrain WHEN 'mountain' THEN o.rate_mountain WHEN 'hill' THEN o.rate_hill
                                     ELSE o.rate_plain END, 4) AS rate
    FROM settlement_policy o
    WHERE o.county_code = p.county_code AND o.state = 'active' AND outlet.station_id IS NOT NULL
      AND daterange(o.valid_from, o.valid_to) @> (p.t_at AT TIME ZONE 'Asia/Shanghai')::date
) policy ON true
LEFT JOIN LATERAL (
    SELECT l.* FROM settlement_line l
    WHERE l.county_code = p.county_code AND l.parcel_id = p.id AND l.service = 'outlet_delivery'
    ORDER BY l.turn DESC LIMIT 1
) last ON true
WHERE p.county_code = %(county_code)s
  AND (p.folded_in >= %(since)s::xid8 AND p.folded_in < %(upto)s::xid8
       OR p.folded_in = pg_current_xact_id_if_assigned())
  AND (outlet.station_id IS NOT NULL OR last.turn IS NOT NULL)
  AND (%(final_before)s::timestamptz IS NULL OR least(p.t_at, last.effective_at) >= %(final_before)s)
