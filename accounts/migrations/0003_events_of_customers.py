"""Each customer's status gets the events that lead to it."""

from django.db import migrations

WALK = """
    UPDATE accounts_customer SET updated_at = created_at, version = CASE status WHEN 'PENDING' THEN 1 ELSE 2 END;
    UPDATE accounts_customer SET kyc_reject_kind = 'RETRY' WHERE status = 'REJECTED';
    INSERT INTO accounts_customerevent (customer_id, sequence, from_status, to_status, actor, reason, data, at)
    SELECT id, 1, '', 'PENDING', 'migration', '', '{}'::jsonb, created_at FROM accounts_customer
    UNION ALL
    SELECT id, 2, 'PENDING', status, 'migration', 'decided before events were kept', '{}'::jsonb, created_at
    FROM accounts_customer WHERE status <> 'PENDING';
"""
BACK = "DELETE FROM accounts_customerevent"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_customer_status_and_events")]

    operations = [migrations.RunSQL(WALK, BACK)]
