"""What "needs attention" is found by: small indexes over what is rare, so that the usual scan pays nothing for them.

Among the events: handovers, losses, corrections and scans of clocks that can't be trusted. Among the parcels, whose
registers already say it: scanned after its end, cancelled too late; first seen at an outlet, or signed for without
ever being shelved (rank bytes 46 to 50 hex are OUTLET_IN and OUT_FOR_DELIVERY); known from scans only, where nobody in
the county collected it (rank byte 0a). The predicates stand word for word in tracking/sql/attention_*.sql.
"""

from django.db import migrations

INDEXES = r"""
CREATE INDEX scanevent_odd ON tracking_scanevent (county_code, effective_at)
    WHERE untrusted OR type IN ('HANDOVER', 'LOST', 'CORRECTION');
CREATE INDEX parcel_odd_end ON orders_parcel (county_code, last_scan_at)
    WHERE l_k > t_k OR x_k > f_k;
CREATE INDEX parcel_unseen ON orders_parcel (county_code, last_scan_at)
    WHERE substring(f_k FROM 9 FOR 1) BETWEEN '\x46' AND '\x50'
       OR (t_state = 'delivered' AND (p_k IS NULL OR p_k > t_k)
           AND (s_k IS NULL OR substring(s_k FROM 9 FOR 1) <> '\x50'));
CREATE INDEX parcel_unannounced ON orders_parcel (county_code, created_at)
    WHERE NOT announced AND (f_k IS NULL OR substring(f_k FROM 9 FOR 1) <> '\x0a');
"""
BACK = """
DROP INDEX scanevent_odd;
DROP INDEX parcel_odd_end;
DROP INDEX parcel_unseen;
DROP INDEX parcel_unannounced;
"""


class Migration(migrations.Migration):
    dependencies = [("tracking", "0006_queue"), ("orders", "0003_known_carriers")]
    operations = [migrations.RunSQL(INDEXES, BACK)]
