import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import agora.lib.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_customer_language"),
    ]

    operations = [
        migrations.CreateModel(
            name="DataExport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("actor", models.CharField(max_length=64)),
                ("sha256", models.CharField(max_length=64)),
                ("size_bytes", models.PositiveBigIntegerField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="DeletionEvent",
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
        migrations.CreateModel(
            name="DeletionRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(default=agora.lib.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("version", models.PositiveIntegerField(default=0)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("REQUESTED", "Requested"),
                            ("WITHDRAWN", "Withdrawn"),
                            ("REFUSED", "Refused"),
                            ("CLOSED", "Closed"),
                            ("ERASED", "Erased"),
                        ],
                        default="REQUESTED",
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("sentence", models.TextField(blank=True)),
                ("erase_after", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="customer",
            name="legal_moves",
        ),
        migrations.RemoveConstraint(
            model_name="customer",
            name="customer_status_known",
        ),
        migrations.AlterField(
            model_name="customer",
            name="status",
            field=models.CharField(
                choices=[
                    ("PENDING", "Pending"),
                    ("APPROVED", "Approved"),
                    ("REJECTED", "Rejected"),
                    ("CLOSED", "Closed"),
                ],
                default="PENDING",
                max_length=10,
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="customer",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_moves",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."status", \':\', NEW."status") = ANY(\'{APPROVED:CLOSED,APPROVED:REJECTED,PENDING:APPROVED,PENDING:CLOSED,PENDING:REJECTED,REJECTED:CLOSED,REJECTED:PENDING}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."status" IS DISTINCT FROM NEW."status") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "status" from "%" to "%" on table %\', OLD."status", NEW."status", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="72836aaf856d09e8a67567612588f98ca9dbda67",
                    operation="UPDATE",
                    pgid="pgtrigger_legal_moves_f8c36",
                    table="accounts_customer",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["PENDING", "APPROVED", "REJECTED", "CLOSED"])),
                name="customer_status_known",
            ),
        ),
        migrations.AddField(
            model_name="dataexport",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="data_exports", to="accounts.customer"
            ),
        ),
        migrations.AddField(
            model_name="deletionrequest",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="deletion_requests", to="accounts.customer"
            ),
        ),
        migrations.AddField(
            model_name="deletionevent",
            name="request",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="events", to="accounts.deletionrequest"
            ),
        ),
        migrations.AddConstraint(
            model_name="dataexport",
            constraint=models.CheckConstraint(
                condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="data_export_hash_shape"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="dataexport",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="f6343496331604fff5491f9be5f501463d25fba5",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_fb1be",
                    table="accounts_dataexport",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="deletionrequest",
            index=models.Index(
                condition=models.Q(("status", "CLOSED")), fields=["next_attempt_at"], name="deletion_to_erase"
            ),
        ),
        migrations.AddConstraint(
            model_name="deletionrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["REQUESTED", "CLOSED", "ERASED"])),
                fields=("customer",),
                name="deletion_one_a_customer",
            ),
        ),
        migrations.AddConstraint(
            model_name="deletionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["REQUESTED", "WITHDRAWN", "REFUSED", "CLOSED", "ERASED"])),
                name="deletion_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="deletionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "CLOSED"), _negated=True), ("erase_after__isnull", False), _connector="OR"
                ),
                name="deletion_closed_until",
            ),
        ),
        migrations.AddConstraint(
            model_name="deletionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["CLOSED", "ERASED"]), _negated=True), ("reason", ""), _connector="OR"
                ),
                name="deletion_done_keeps_no_words",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deletionrequest",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_moves",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."status", \':\', NEW."status") = ANY(\'{CLOSED:ERASED,REQUESTED:CLOSED,REQUESTED:ERASED,REQUESTED:REFUSED,REQUESTED:WITHDRAWN}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."status" IS DISTINCT FROM NEW."status") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "status" from "%" to "%" on table %\', OLD."status", NEW."status", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="9121b22cc5c4ba2f17fc9ebb181c9a7918b6cad7",
                    operation="UPDATE",
                    pgid="pgtrigger_legal_moves_38c4e",
                    table="accounts_deletionrequest",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deletionrequest",
            trigger=pgtrigger.compiler.Trigger(
                name="initial_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.\"status\" IS DISTINCT FROM 'REQUESTED')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;",
                    hash="48a45a9b0eb93895a7b91d8575dc3174c3cd6df5",
                    operation="INSERT",
                    pgid="pgtrigger_initial_status_b0873",
                    table="accounts_deletionrequest",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deletionrequest",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="ed5866e992142e05b77f8645eedcd3545313fc83",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_57390",
                    table="accounts_deletionrequest",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deletionrequest",
            trigger=pgtrigger.compiler.Trigger(
                name="status_is_last_event",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    declare="DECLARE wrong BOOLEAN;",
                    func="\n                SELECT subject.status IS DISTINCT FROM (\n                    SELECT event.to_status FROM accounts_deletionevent event\n                    WHERE event.request_id = subject.id AND event.sequence = subject.version\n                ) INTO wrong\n                FROM accounts_deletionrequest subject WHERE subject.id = NEW.id;\n                IF wrong THEN\n                    RAISE EXCEPTION 'agora: the status of % % is not its last event''s', TG_TABLE_NAME, NEW.id;\n                END IF;\n                RETURN NULL;\n            ",
                    hash="10728cac8b5292c67120ee3c8e84ec3b05073fd6",
                    operation='INSERT OR UPDATE OF "status", "version"',
                    pgid="pgtrigger_status_is_last_event_8d0ca",
                    table="accounts_deletionrequest",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deletionrequest",
            trigger=pgtrigger.compiler.Trigger(
                name="asker_is_fixed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."customer_id" IS DISTINCT FROM (NEW."customer_id"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="f9dccbbccd8d413faf4a06ba9799c9e4d68c284e",
                    operation="UPDATE",
                    pgid="pgtrigger_asker_is_fixed_e37fe",
                    table="accounts_deletionrequest",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="deletionevent",
            constraint=models.UniqueConstraint(fields=("request", "sequence"), name="deletion_event_sequence"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deletionevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="921bbcd80c4eb43a5ca80fd129abb5206ff268fc",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_1bb5f",
                    table="accounts_deletionevent",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deletionevent",
            trigger=pgtrigger.compiler.Trigger(
                name="event_is_a_move",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    declare="DECLARE wrong BOOLEAN;",
                    func="\n                SELECT subject.version < NEW.sequence INTO wrong\n                FROM accounts_deletionrequest subject WHERE subject.id = NEW.request_id;\n                IF wrong THEN\n                    RAISE EXCEPTION 'agora: event % of % is beyond its version', NEW.sequence, NEW.request_id;\n                END IF;\n                RETURN NULL;\n            ",
                    hash="7e7b50b218aaba5b00f680faa8b1840daa268ca9",
                    operation="INSERT",
                    pgid="pgtrigger_event_is_a_move_fd7d2",
                    table="accounts_deletionevent",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
    ]
