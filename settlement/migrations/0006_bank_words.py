"""What a bank writes for a failed payment, so that a word nobody knows books nothing; and whether it wants a last row
with the sum."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("settlement", "0005_books")]
    operations = [
        migrations.AddField(model_name="bankfileform", name="failed_words", field=models.JSONField(default=list)),
        migrations.AddField(model_name="bankfileform", name="totals_row", field=models.BooleanField(default=False)),
    ]
