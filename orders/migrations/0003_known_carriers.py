"""The carriers whose waybills orders/codes.py knows: no county can take a parcel or a scan without them."""

from django.db import migrations

from orders.codes import CARRIERS


def add(apps, schema_editor):
    organisation = apps.get_model("stations", "Organisation")
    for code, carrier in CARRIERS.items():
        kind = "post" if code == "EMS" else "carrier"
        organisation.objects.get_or_create(code=code, defaults={"name": carrier.name, "kind": kind})


class Migration(migrations.Migration):
    dependencies = [("orders", "0002_find_parcels"), ("stations", "0003_point_is_whole")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
