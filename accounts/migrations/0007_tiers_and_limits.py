import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_disclosures_and_consents")]

    operations = [
        migrations.CreateModel(
            name="LimitDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("used_usd", models.DecimalField(decimal_places=2, max_digits=14)),
                ("limit_usd", models.DecimalField(decimal_places=2, max_digits=14)),
            ],
        ),
        migrations.CreateModel(
            name="LimitUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("order_id", models.UUIDField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("RESERVE", "Reserve"), ("RELEASE", "Release"), ("REINSTATE", "Reinstate")],
                        max_length=10,
                    ),
                ),
                ("day", models.DateField()),
                ("amount_usd", models.DecimalField(decimal_places=2, max_digits=14)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Tier",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("country", models.CharField(choices=[("BR", "Brazil"), ("PY", "Paraguay")], max_length=2)),
                ("level", models.PositiveSmallIntegerField()),
                ("daily_limit_usd", models.DecimalField(decimal_places=2, max_digits=14)),
                ("portfolio_cap_usd", models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True)),
                ("min_quantity", models.DecimalField(decimal_places=9, max_digits=18)),
            ],
        ),
        migrations.AddField(
            model_name="limitday",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="limit_days", to="accounts.customer"
            ),
        ),
        migrations.AddField(
            model_name="limituse",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="limit_uses", to="accounts.customer"
            ),
        ),
        migrations.AddConstraint(
            model_name="tier",
            constraint=models.UniqueConstraint(fields=("country", "level"), name="tier_once"),
        ),
        migrations.AddConstraint(
            model_name="tier",
            constraint=models.CheckConstraint(
                condition=models.Q(("daily_limit_usd__gt", 0), ("min_quantity__gt", 0), ("level__gt", 0)),
                name="tier_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="limitday",
            constraint=models.UniqueConstraint(fields=("customer", "day"), name="limit_day_once"),
        ),
        migrations.AddConstraint(
            model_name="limitday",
            constraint=models.CheckConstraint(
                condition=models.Q(("used_usd__gte", 0), ("used_usd__lte", models.F("limit_usd"))),
                name="limit_day_within",
            ),
        ),
        migrations.AddIndex(
            model_name="limituse",
            index=models.Index(fields=["customer", "day"], name="limit_use_of_day"),
        ),
        migrations.AddConstraint(
            model_name="limituse",
            constraint=models.UniqueConstraint(fields=("order_id", "kind"), name="limit_use_once_an_order"),
        ),
        migrations.AddConstraint(
            model_name="limituse",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount_usd__lt", 0), ("kind", "RELEASE")),
                    models.Q(("amount_usd__gt", 0), ("kind__in", ["REINSTATE", "RESERVE"])),
                    _connector="OR",
                ),
                name="limit_use_sign",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="limituse",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="dc8a95e5ad1976a21749ce4be614c51378065732",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_0c876",
                    table="accounts_limituse",
                    when="BEFORE",
                ),
            ),
        ),
    ]
