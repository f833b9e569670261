"""The origin becomes a register: the first collection by the fold's order, whatever order scans arrive in. Rows of before
get their key when they are refolded (fold version 2)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0004_redirect")]
    operations = [migrations.AddField("parcel", "o_k", models.BinaryField(editable=False, null=True))]
