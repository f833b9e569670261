"""The lowest and highest event id of an upload: with them the drain's statements are planned over one or two partitions
instead of twenty-six."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracking", "0007_attention")]
    operations = [
        migrations.AddField("upload", "first_event", models.UUIDField(null=True)),
        migrations.AddField("upload", "last_event", models.UUIDField(null=True)),
    ]
