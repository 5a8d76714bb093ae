import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(
            model_name="customer",
            name="customer_country_known",
        ),
        migrations.RemoveConstraint(
            model_name="customer",
            name="customer_kyc_status_known",
        ),
        migrations.RenameField(
            model_name="customer",
            old_name="kyc_status",
            new_name="status",
        ),
        migrations.CreateModel(
            name="CustomerEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sequence", models.PositiveIntegerField()),
                ("from_status", models.CharField(blank=True, max_length=24)),
                ("to_status", models.CharField(max_length=24)),
                ("actor", models.CharField(max_length=64)),
                ("reason", models.TextField(blank=True)),
                ("data", models.JSONField(blank=True, default=dict)),
                ("at", models.DateTimeField()),
            ],
            options={
                "ordering": ("sequence",),
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="customer",
            name="attempts",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="customer",
            name="email",
            field=models.EmailField(blank=True, max_length=254),
        ),
        migrations.AddField(
            model_name="customer",
            name="email_confirmed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="kyc_applicant_id",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="customer",
            name="kyc_decided_attempt",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="customer",
            name="kyc_provider",
            field=models.CharField(blank=True, max_length=16),
        ),
        migrations.AddField(
            model_name="customer",
            name="kyc_reject_kind",
            field=models.CharField(blank=True, choices=[("FINAL", "Final"), ("RETRY", "Retry")], max_length=5),
        ),
        migrations.AddField(
            model_name="customer",
            name="kyc_sentence",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="next_attempt_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="submitted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="tax_id_index",
            field=models.CharField(blank=True, max_length=64, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="tax_id_sealed",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="tier_level",
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="customer",
            name="updated_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="customer",
            name="version",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="customer",
            name="country",
            field=models.CharField(blank=True, choices=[("BR", "Brazil"), ("PY", "Paraguay")], max_length=2),
        ),
        migrations.AlterField(
            model_name="customer",
            name="full_name",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="customerevent",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="events", to="accounts.customer"
            ),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                condition=models.Q(("status", "PENDING")), fields=["next_attempt_at"], name="customer_to_sweep"
            ),
        ),
        migrations.AddConstraint(
            model_name="customerevent",
            constraint=models.UniqueConstraint(fields=("customer", "sequence"), name="customer_event_sequence"),
        ),
    ]
