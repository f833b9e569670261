"""What the fold's statements read (docs/fold.md): each event's cells, and which events a correction voids.

Views, so that merge, refold and the as-of queries share one definition of the table of nodes; they are flattened into
the statement that reads them and use the event table's indexes.
"""

from django.db import migrations

FOLD = r"""
CREATE TYPE tracking_register AS (k bytea, word text, ref bigint, more text);

-- The instant inside a key: its first eight bytes are microseconds since 1970.
CREATE FUNCTION tracking_k_time(k bytea) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT timestamptz '1970-01-01 00:00:00+00'
           + (('x' || encode(substring(k FROM 1 FOR 8), 'hex'))::bit(64)::bigint) * interval '1 microsecond'
$$;

CREATE VIEW tracking_cell AS
SELECT e.county_code, e.event_id, e.upload_id, e.type, e.carrier, e.waybill_no, e.bag, e.effective_at, e.k,
       e.station_id, e.device_id,
       CASE
           WHEN e.type IN ('HUB_IN', 'UNLOADED', 'OUTLET_IN')
               THEN ROW(e.k, 'at_' || lower(e.station_level), e.station_id, NULL)::tracking_register
           WHEN e.type IN ('LOADED', 'RETURNING', 'FORWARDED', 'CARRIER_OUT')
               THEN ROW(e.k, 'in_transit', e.station_id, NULL)::tracking_register
           WHEN e.type = 'OUT_FOR_DELIVERY' THEN ROW(e.k, 'out_for_delivery', e.station_id, NULL)::tracking_register
           WHEN e.type = 'COLLECTED' THEN ROW(e.k, 'in_network', e.station_id, NULL)::tracking_register
           WHEN e.type = 'LOST' THEN ROW(e.k, 'lost', NULL, NULL)::tracking_register
       END AS s,
       CASE
           WHEN e.type IN ('HUB_IN', 'UNLOADED', 'OUTLET_IN', 'COLLECTED')
               THEN ROW(e.k, 'station', e.station_id, NULL)::tracking_register
           WHEN e.type = 'LOADED' OR (e.type = 'HANDOVER' AND e.side = 'take')
               THEN ROW(e.k, 'actor', e.actor_id, e.trip)::tracking_register
           WHEN e.type = 'OUT_FOR_DELIVERY' THEN ROW(e.k, 'actor', e.actor_id, NULL)::tracking_register
           WHEN e.type = 'CARRIER_OUT' THEN ROW(e.k, 'carrier', NULL, NULL)::tracking_register
       END AS c,
       CASE
           WHEN e.type IN ('HUB_IN', 'UNLOADED', 'OUTLET_IN', 'LOADED', 'COLLECTED', 'OUT_FOR_DELIVERY', 'LOST',
                           'RETURNING', 'FORWARDED', 'CARRIER_OUT')
               THEN ROW(e.k, NULL, NULL, NULL)::tracking_register
           WHEN e.type IN ('ATTEMPT_FAILED', 'HELD', 'OVERDUE_PICKUP', 'REFUSED', 'COLLECT_FAILED')
               THEN ROW(e.k, e.type, NULL, e.reason)::tracking_register
       END AS h,
       CASE WHEN e.type = 'OUTLET_IN' THEN ROW(e.k, e.pickup_code, NULL, NULL)::tracking_register END AS p,
       CASE
           WHEN e.type IN ('SIGNED_SELF', 'SIGNED_AGENT', 'SIGNED_PICKUP')
               THEN ROW(e.k, 'delivered', e.station_id, e.type)::tracking_register
           WHEN e.type = 'RETURNED' THEN ROW(e.k, 'returned', e.station_id, e.type)::tracking_register
       END AS t,
       CASE WHEN e.type = 'CANCELLED' THEN e.k END AS x,
       -- A correction is an act on a scan and a vehicle's leaving is the vehicle's: neither is an event of a parcel.
       e.type NOT IN ('CORRECTION', 'DEPARTED', 'ARRIVED') AS of_parcel
FROM tracking_scanevent e;

-- A scan is void if a counting correction names it (level 1) that no counting correction undoes (level 2).
-- `since` is when that correction took effect. Index: scanevent_corrections.
CREATE VIEW tracking_voided AS
SELECT one.county_code, one.corrects AS event_id, one.event_id AS by_event_id, one.effective_at AS since
FROM tracking_scanevent one
JOIN tracking_scanevent target ON target.county_code = one.county_code AND target.event_id = one.corrects
WHERE one.corrects IS NOT NULL AND one.type = 'CORRECTION' AND target.type <> 'CORRECTION'
  AND (one.correction_counts OR one.device_id = target.device_id)
  AND NOT EXISTS (
      SELECT FROM tracking_scanevent two
      WHERE two.county_code = one.county_code AND two.corrects = one.event_id AND two.type = 'CORRECTION'
        AND (two.correction_counts OR two.device_id = one.device_id)
  );
"""
BACK = """
DROP VIEW tracking_voided;
DROP VIEW tracking_cell;
DROP FUNCTION tracking_k_time(bytea);
DROP TYPE tracking_register;
"""


class Migration(migrations.Migration):
    dependencies = [("tracking", "0002_scan_stream")]
    operations = [migrations.RunSQL(FOLD, BACK)]
