"""Signs of life: when the sweep, the drain and the heartbeat last ran."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('common', '0002_delete_jobrun'),
    ]

    operations = [
        migrations.CreateModel(
            name='Pulse',
            fields=[
                ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
            ],
        ),
    ]
