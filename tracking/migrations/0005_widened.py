"""The widened protocol: accuracy and photo of a scan, photos in pieces, an upload's numbers, verdicts and digest."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


EVENT = """
ALTER TABLE tracking_scanevent
    ADD COLUMN accuracy_m double precision CHECK (accuracy_m >= 0 AND accuracy_m <= 1000000),
    ADD COLUMN photo_sha256 bytea CHECK (octet_length(photo_sha256) = 32);
"""
BACK = "ALTER TABLE tracking_scanevent DROP COLUMN accuracy_m, DROP COLUMN photo_sha256;"


class Migration(migrations.Migration):

    dependencies = [
        ('stations', '0003_point_is_whole'),
        ('tracking', '0004_uploads_by_county'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(EVENT, BACK),
        migrations.CreateModel(
            name='Dismissal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('county_code', models.CharField(max_length=6)),
                ('kind', models.CharField(max_length=24)),
                ('event_id', models.UUIDField()),
                ('reason', models.CharField(max_length=200)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Photo',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('county_code', models.CharField(max_length=6)),
                ('sha256', models.BinaryField(max_length=32)),
                ('size', models.PositiveIntegerField()),
                ('received', models.PositiveIntegerField(default=0)),
                ('media_type', models.CharField(blank=True, max_length=40)),
                ('created_at', models.DateTimeField()),
                ('completed_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='setaside',
            name='device_now',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='upload',
            name='digest',
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='upload',
            name='duplicates',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='upload',
            name='exceptions',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='upload',
            name='first_seq',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='upload',
            name='last_seq',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='upload',
            name='refused',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(condition=models.Q(('batch_id__isnull', False)), fields=['device', 'batch_id'], name='upload_by_batch'),
        ),
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(condition=models.Q(('last_seq__isnull', False)), fields=['device', 'last_seq'], name='upload_by_seq'),
        ),
        migrations.AddField(
            model_name='dismissal',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='photo',
            name='device',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='stations.device'),
        ),
        migrations.AddField(
            model_name='photo',
            name='station',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='stations.station'),
        ),
        migrations.AddConstraint(
            model_name='dismissal',
            constraint=models.UniqueConstraint(fields=('county_code', 'kind', 'event_id'), name='dismissal_once'),
        ),
        migrations.AddIndex(
            model_name='photo',
            index=models.Index(condition=models.Q(('completed_at__isnull', True)), fields=['created_at'], name='photo_unfinished'),
        ),
        migrations.AddConstraint(
            model_name='photo',
            constraint=models.UniqueConstraint(fields=('county_code', 'sha256'), name='photo_once'),
        ),
    ]
