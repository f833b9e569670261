from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("vehicles", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="trip",
            index=models.Index(
                condition=models.Q(("state", "completed")), fields=["county_code", "completed_at"], name="trip_ended"
            ),
        ),
        migrations.AddIndex(
            model_name="trip",
            index=models.Index(fields=["county_code", "departs_at"], name="trip_of_day"),
        ),
    ]
