import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_events_of_customers")]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="customer",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_moves",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."status", \':\', NEW."status") = ANY(\'{APPROVED:REJECTED,PENDING:APPROVED,PENDING:REJECTED,REJECTED:PENDING}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."status" IS DISTINCT FROM NEW."status") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "status" from "%" to "%" on table %\', OLD."status", NEW."status", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="4affa526293236c3814d641ad825ceb84c92c5e2",
                    operation="UPDATE",
                    pgid="pgtrigger_legal_moves_f8c36",
                    table="accounts_customer",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="customer",
            trigger=pgtrigger.compiler.Trigger(
                name="initial_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.\"status\" IS DISTINCT FROM 'PENDING')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;",
                    hash="6c79c24b3f444cca21e06f2dd6683d702fe7101e",
                    operation="INSERT",
                    pgid="pgtrigger_initial_status_feb41",
                    table="accounts_customer",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="customer",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="7046e169834d4317ddcfa2f8ef5c17a3180ecc87",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_215f9",
                    table="accounts_customer",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="customer",
            trigger=pgtrigger.compiler.Trigger(
                name="status_is_last_event",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    declare="DECLARE wrong BOOLEAN;",
                    func="\n                SELECT subject.status IS DISTINCT FROM (\n                    SELECT event.to_status FROM accounts_customerevent event\n                    WHERE event.customer_id = subject.id AND event.sequence = subject.version\n                ) INTO wrong\n                FROM accounts_customer subject WHERE subject.id = NEW.id;\n                IF wrong THEN\n                    RAISE EXCEPTION 'agora: the status of % % is not its last event''s', TG_TABLE_NAME, NEW.id;\n                END IF;\n                RETURN NULL;\n            ",
                    hash="63055015ad9c343a45fb4fa5c00d7c839109a8af",
                    operation='INSERT OR UPDATE OF "status", "version"',
                    pgid="pgtrigger_status_is_last_event_f5ba0",
                    table="accounts_customer",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("country__in", ["BR", "PY"]), models.Q(("country", ""), ("submitted_at", None)), _connector="OR"
                ),
                name="customer_country_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["PENDING", "APPROVED", "REJECTED"])), name="customer_status_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.UniqueConstraint(fields=("country", "tax_id_index"), name="customer_once_a_tax_id"),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("tax_id_index", None), ("tax_id_sealed", "")),
                    models.Q(
                        ("tax_id_index__regex", "^[0-9a-f]{64}$"),
                        ("tax_id_sealed__regex", "^v1\\.[a-z0-9-]+\\.[A-Za-z0-9_-]+=*$"),
                    ),
                    _connector="OR",
                ),
                name="customer_tax_id_sealed",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kyc_reject_kind__in", ["FINAL", "RETRY"]), ("status", "REJECTED")),
                    models.Q(models.Q(("status", "REJECTED"), _negated=True), ("kyc_reject_kind", "")),
                    _connector="OR",
                ),
                name="customer_reject_kind",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="customerevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="d7fef2b474257003be5c4d77475a9993fbe76afd",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_c0579",
                    table="accounts_customerevent",
                    when="BEFORE",
                ),
            ),
        ),
    ]
