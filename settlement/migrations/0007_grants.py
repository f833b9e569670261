"""Tables of grants and awards; a scheme in force is kept from change."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


FORWARD = """
-- A scheme in force stays as it is; only its draws are counted.
CREATE FUNCTION settlement_scheme_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'active' OR (TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'draws' = to_jsonb(OLD) - 'draws') THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    RAISE EXCEPTION 'a grant scheme in force is never changed: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER scheme_stays BEFORE UPDATE OR DELETE ON settlement_grantscheme
    FOR EACH ROW EXECUTE FUNCTION settlement_scheme_stays();
"""
BACK = """
DROP TRIGGER scheme_stays ON settlement_grantscheme;
DROP FUNCTION settlement_scheme_stays();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('settlement', '0006_bank_words'),
        ('stations', '0003_point_is_whole'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AwardRound',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('county_code', models.CharField(max_length=6)),
                ('year', models.PositiveSmallIntegerField()),
                ('level', models.CharField(choices=[('CENTRE', 'Township centre'), ('OUTLET', 'Village outlet')], max_length=6)),
                ('pot', models.DecimalField(decimal_places=2, max_digits=14, null=True)),
                ('yuan_per_point', models.DecimalField(decimal_places=2, max_digits=8, null=True)),
                ('weights', models.JSONField()),
                ('a_limit', models.DecimalField(decimal_places=4, max_digits=5)),
                ('grade_from', django.contrib.postgres.fields.ArrayField(base_field=models.DecimalField(decimal_places=2, max_digits=5), size=3)),
                ('shares', django.contrib.postgres.fields.ArrayField(base_field=models.DecimalField(decimal_places=4, max_digits=5), size=4)),
                ('first_day', models.DateField()),
                ('last_day', models.DateField()),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('checked', 'Checked'), ('approved', 'Approved')], default='draft', max_length=9)),
                ('created_at', models.DateTimeField()),
                ('computed_at', models.DateTimeField(null=True)),
                ('published_at', models.DateTimeField(null=True)),
                ('approved_at', models.DateTimeField(null=True)),
                ('approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('checked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('fund', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='settlement.fund', verbose_name='fund')),
            ],
        ),
        migrations.CreateModel(
            name='AwardScore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('county_code', models.CharField(max_length=6)),
                ('indicators', models.JSONField()),
                ('points', models.DecimalField(decimal_places=2, max_digits=5)),
                ('rank', models.PositiveIntegerField()),
                ('grade', models.CharField(choices=[('A', 'A'), ('B', 'B'), ('C', 'C'), ('D', 'D')], max_length=1)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14)),
                ('adjustment', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='settlement.adjustment')),
                ('round', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='scores', to='settlement.awardround')),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='stations.station')),
            ],
            options={
                'ordering': ['rank', 'station_id'],
            },
        ),
        migrations.CreateModel(
            name='GrantClaim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('county_code', models.CharField(max_length=6)),
                ('note', models.CharField(max_length=300, verbose_name='what was built or bought')),
                ('investment', models.DecimalField(decimal_places=2, max_digits=14)),
                ('state', models.CharField(choices=[('applied', 'Applied for'), ('sampled', 'Drawn for inspection'), ('rectifying', 'To be put right'), ('accepted', 'Acceptance passed'), ('audited', 'Amount audited'), ('approved', 'Grant approved'), ('paying', 'Paid by instalments'), ('paid', 'Paid'), ('rejected', 'Rejected')], default='applied', max_length=10)),
                ('applied_at', models.DateTimeField()),
                ('draw', models.PositiveSmallIntegerField(null=True)),
                ('drawn', models.BooleanField(default=False)),
                ('rectify_until', models.DateField(null=True)),
                ('grade', models.CharField(blank=True, choices=[('A', 'A'), ('B', 'B'), ('C', 'C'), ('D', 'D')], max_length=1)),
                ('finding', models.CharField(blank=True, max_length=300)),
                ('accepted_at', models.DateTimeField(null=True)),
                ('eligible', models.DecimalField(decimal_places=2, max_digits=14, null=True)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14, null=True)),
                ('audit_note', models.CharField(blank=True, max_length=300)),
                ('audited_at', models.DateTimeField(null=True)),
                ('approved_at', models.DateTimeField(null=True)),
                ('accepted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('applied_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('audited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='stations.station')),
            ],
        ),
        migrations.CreateModel(
            name='GrantInstalment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('county_code', models.CharField(max_length=6)),
                ('number', models.PositiveSmallIntegerField()),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14)),
                ('due_on', models.DateField()),
                ('note', models.CharField(blank=True, max_length=300)),
                ('prepared_at', models.DateTimeField(null=True)),
                ('released_at', models.DateTimeField(null=True)),
                ('adjustment', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='settlement.adjustment')),
                ('claim', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='instalments', to='settlement.grantclaim')),
                ('prepared_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('released_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['number'],
            },
        ),
        migrations.CreateModel(
            name='GrantProof',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('county_code', models.CharField(max_length=6)),
                ('kind', models.CharField(choices=[('invoice', 'Invoice'), ('serial', 'Serial number')], max_length=8)),
                ('number', models.CharField(max_length=40)),
                ('what', models.CharField(blank=True, max_length=120)),
                ('yuan', models.DecimalField(decimal_places=2, max_digits=14, null=True)),
                ('counts', models.BooleanField(default=True)),
                ('finding', models.CharField(blank=True, choices=[('found', 'In order'), ('faulty', 'To be put right'), ('missing', 'Not there: not paid for')], max_length=8)),
                ('remark', models.CharField(blank=True, max_length=200)),
                ('claim', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='proofs', to='settlement.grantclaim')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='GrantScheme',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('county_code', models.CharField(max_length=6)),
                ('document', models.CharField(max_length=60, verbose_name='document number')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('kind', models.CharField(choices=[('hub_new', 'County hub, new'), ('hub_renovation', 'County hub, renovated'), ('centre_whole_township', 'Township centre for the whole township'), ('centre_town_only', 'Township centre for the town only'), ('outlet', 'Village outlet'), ('equipment', 'Equipment')], max_length=24, verbose_name='kind')),
                ('share', models.DecimalField(decimal_places=4, max_digits=5, verbose_name='share of the investment')),
                ('cap', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='cap per station, yuan')),
                ('bonus', models.DecimalField(decimal_places=4, default=0, max_digits=5, verbose_name='bonus')),
                ('bonus_townships', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=9), default=list, size=None)),
                ('grade_shares', django.contrib.postgres.fields.ArrayField(base_field=models.DecimalField(decimal_places=4, max_digits=5), size=4)),
                ('instalments', django.contrib.postgres.fields.ArrayField(base_field=models.DecimalField(decimal_places=4, max_digits=5), size=12)),
                ('instalment_months', models.PositiveSmallIntegerField(default=12)),
                ('sample_shares', django.contrib.postgres.fields.ArrayField(base_field=models.DecimalField(decimal_places=4, max_digits=5), size=3)),
                ('rectify_months', models.PositiveSmallIntegerField(default=3)),
                ('valid_from', models.DateField(verbose_name='first day')),
                ('valid_until', models.DateField(verbose_name='last day')),
                ('draws', models.PositiveSmallIntegerField(default=0)),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('active', 'In force')], default='draft', max_length=6)),
                ('created_at', models.DateTimeField()),
                ('activated_at', models.DateTimeField(null=True)),
                ('activated_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('fund', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='settlement.fund', verbose_name='fund')),
            ],
        ),
        migrations.AddField(
            model_name='grantclaim',
            name='scheme',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='settlement.grantscheme'),
        ),
        migrations.AddConstraint(
            model_name='awardround',
            constraint=models.UniqueConstraint(fields=('county_code', 'year', 'level'), name='award_once_a_year'),
        ),
        migrations.AddConstraint(
            model_name='awardround',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'published', 'checked', 'approved'])), name='award_state_known'),
        ),
        migrations.AddConstraint(
            model_name='awardround',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('pot__gt', 0), ('pot__isnull', False), ('pot__lte', 10000000), ('yuan_per_point__isnull', True)), models.Q(('pot__isnull', True), ('yuan_per_point__gt', 0), ('yuan_per_point__isnull', False), ('yuan_per_point__lte', 10000)), _connector='OR'), name='award_pot_or_yuan_per_point'),
        ),
        migrations.AddConstraint(
            model_name='awardround',
            constraint=models.CheckConstraint(condition=models.Q(('a_limit__gte', 0), ('a_limit__lte', 1)), name='award_limit_in_bounds'),
        ),
        migrations.AddConstraint(
            model_name='awardround',
            constraint=models.CheckConstraint(condition=models.Q(('last_day__gte', models.F('first_day'))), name='award_span'),
        ),
        migrations.AddConstraint(
            model_name='awardround',
            constraint=models.CheckConstraint(condition=models.Q(('checked_by__isnull', True), models.Q(('checked_by', models.F('created_by')), _negated=True), _connector='OR'), name='award_checked_by_another'),
        ),
        migrations.AddConstraint(
            model_name='awardround',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by__isnull', True), models.Q(('checked_by__isnull', False), models.Q(('approved_by', models.F('checked_by')), _negated=True), models.Q(('approved_by', models.F('created_by')), _negated=True)), _connector='OR'), name='award_approved_by_another'),
        ),
        migrations.AddConstraint(
            model_name='awardscore',
            constraint=models.UniqueConstraint(fields=('round', 'station'), name='awardscore_once'),
        ),
        migrations.AddConstraint(
            model_name='awardscore',
            constraint=models.CheckConstraint(condition=models.Q(('points__gte', 0), ('points__lte', 100)), name='awardscore_points'),
        ),
        migrations.AddConstraint(
            model_name='awardscore',
            constraint=models.CheckConstraint(condition=models.Q(('grade__in', ['A', 'B', 'C', 'D'])), name='awardscore_grade_known'),
        ),
        migrations.AddConstraint(
            model_name='awardscore',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gte', 0), ('amount__lte', 10000000)), name='awardscore_in_bounds'),
        ),
        migrations.AddConstraint(
            model_name='grantinstalment',
            constraint=models.UniqueConstraint(fields=('claim', 'number'), name='instalment_once'),
        ),
        migrations.AddConstraint(
            model_name='grantinstalment',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('amount__lte', 10000000)), name='instalment_in_bounds'),
        ),
        migrations.AddConstraint(
            model_name='grantinstalment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('adjustment__isnull', True), ('released_by__isnull', True)), models.Q(('adjustment__isnull', False), ('prepared_by__isnull', False), ('released_by__isnull', False), models.Q(('released_by', models.F('prepared_by')), _negated=True)), _connector='OR'), name='instalment_takes_two_people'),
        ),
        migrations.AddConstraint(
            model_name='grantproof',
            constraint=models.UniqueConstraint(condition=models.Q(('counts', True)), fields=('county_code', 'kind', 'number'), name='proof_once_a_county'),
        ),
        migrations.AddConstraint(
            model_name='grantproof',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'invoice'), ('yuan__gt', 0), ('yuan__isnull', False), ('yuan__lte', 1000000000)), models.Q(('kind', 'serial'), ('yuan__isnull', True)), _connector='OR'), name='proof_invoice_has_yuan'),
        ),
        migrations.AddConstraint(
            model_name='grantproof',
            constraint=models.CheckConstraint(condition=models.Q(('finding__in', ['', 'found', 'faulty', 'missing'])), name='proof_finding_known'),
        ),
        migrations.AddConstraint(
            model_name='grantscheme',
            constraint=models.UniqueConstraint(fields=('county_code', 'document', 'kind'), name='scheme_document_once'),
        ),
        migrations.AddConstraint(
            model_name='grantscheme',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['hub_new', 'hub_renovation', 'centre_whole_township', 'centre_town_only', 'outlet', 'equipment'])), name='scheme_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='grantscheme',
            constraint=models.CheckConstraint(condition=models.Q(('bonus__gte', 0), ('bonus__lte', 1), ('cap__gt', 0), ('cap__lte', 100000000), ('share__gt', 0), ('share__lte', 1)), name='scheme_in_bounds'),
        ),
        migrations.AddConstraint(
            model_name='grantscheme',
            constraint=models.CheckConstraint(condition=models.Q(('instalment_months__lte', 36), ('rectify_months__gte', 1), ('rectify_months__lte', 12)), name='scheme_months_in_bounds'),
        ),
        migrations.AddConstraint(
            model_name='grantscheme',
            constraint=models.CheckConstraint(condition=models.Q(('valid_until__gte', models.F('valid_from'))), name='scheme_valid_span'),
        ),
        migrations.AddConstraint(
            model_name='grantscheme',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('activated_at__isnull', True), ('activated_by__isnull', True), ('state', 'draft')), models.Q(('activated_at__isnull', False), ('activated_by__isnull', False), ('state', 'active'), models.Q(('activated_by', models.F('created_by')), _negated=True)), _connector='OR'), name='scheme_takes_two_people'),
        ),
        migrations.AddIndex(
            model_name='grantclaim',
            index=models.Index(fields=['county_code', 'state'], name='grant_by_state'),
        ),
        migrations.AddConstraint(
            model_name='grantclaim',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('rejected',)), _negated=True), fields=('scheme', 'station'), name='grant_once_a_station'),
        ),
        migrations.AddConstraint(
            model_name='grantclaim',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['applied', 'sampled', 'rectifying', 'accepted', 'audited', 'approved', 'paying', 'paid', 'rejected'])), name='grant_state_known'),
        ),
        migrations.AddConstraint(
            model_name='grantclaim',
            constraint=models.CheckConstraint(condition=models.Q(('investment__gt', 0), ('investment__lte', 1000000000)), name='grant_in_bounds'),
        ),
        migrations.AddConstraint(
            model_name='grantclaim',
            constraint=models.CheckConstraint(condition=models.Q(('amount__isnull', True), models.Q(('amount__gt', 0), ('amount__lte', models.F('eligible')), ('eligible__isnull', False), ('eligible__lte', models.F('investment'))), _connector='OR'), name='grant_at_most_the_investment'),
        ),
        migrations.AddConstraint(
            model_name='grantclaim',
            constraint=models.CheckConstraint(condition=models.Q(('accepted_by__isnull', True), models.Q(('accepted_by', models.F('applied_by')), _negated=True), _connector='OR'), name='grant_accepted_by_another'),
        ),
        migrations.AddConstraint(
            model_name='grantclaim',
            constraint=models.CheckConstraint(condition=models.Q(('audited_by__isnull', True), models.Q(models.Q(('audited_by', models.F('applied_by')), _negated=True), models.Q(('audited_by', models.F('accepted_by')), _negated=True)), _connector='OR'), name='grant_audited_by_another'),
        ),
        migrations.AddConstraint(
            model_name='grantclaim',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by__isnull', True), models.Q(('audited_by__isnull', False), models.Q(('approved_by', models.F('audited_by')), _negated=True), models.Q(('approved_by', models.F('applied_by')), _negated=True), models.Q(('approved_by', models.F('accepted_by')), _negated=True)), _connector='OR'), name='grant_approved_by_another'),
        ),
        migrations.RunSQL(FORWARD, BACK),
    ]
