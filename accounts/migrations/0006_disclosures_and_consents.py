import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_sign_in_challenges")]

    operations = [
        migrations.CreateModel(
            name="Consent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64)),
                ("ip_digest", models.CharField(blank=True, max_length=64)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Disclosure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("PRIVACY", "Privacy"), ("RIGHTS", "Rights")], max_length=12)),
                ("version", models.CharField(max_length=20)),
                (
                    "language",
                    models.CharField(
                        choices=[("en", "English"), ("es", "Español"), ("pt-br", "Português")], max_length=5
                    ),
                ),
                ("text", models.TextField()),
                ("sha256", models.CharField(max_length=64)),
                ("published_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="KycMessage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider", models.CharField(max_length=16)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("event_type", models.CharField(max_length=60)),
                ("external_user_id", models.CharField(db_index=True, max_length=80)),
                ("body", models.TextField()),
                ("received_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="consent",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="consents", to="accounts.customer"
            ),
        ),
        migrations.AddField(
            model_name="consent",
            name="disclosure",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="consents", to="accounts.disclosure"
            ),
        ),
        migrations.AddConstraint(
            model_name="disclosure",
            constraint=models.UniqueConstraint(
                fields=("kind", "version", "language"), name="disclosure_once_a_version"
            ),
        ),
        migrations.AddConstraint(
            model_name="disclosure",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["PRIVACY", "RIGHTS"])), name="disclosure_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="disclosure",
            constraint=models.CheckConstraint(
                condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="disclosure_hash_shape"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="disclosure",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="c9681a21e01c980dc55b1f865045b6ca3fcd1eb9",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_1a972",
                    table="accounts_disclosure",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="kycmessage",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="b4ca2a70e3f622d30cf3fd82310756080d159662",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_c9c97",
                    table="accounts_kycmessage",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.UniqueConstraint(fields=("customer", "disclosure"), name="consent_once_a_text"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="consent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="605ae12046e39086d47000bb520c931ba024eddf",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_eb45e",
                    table="accounts_consent",
                    when="BEFORE",
                ),
            ),
        ),
    ]
