"""Outside a transaction: what may take long, and lets writers go on meanwhile."""

from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("next_release", "0001_expand")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS drill_note_index ON orders_order (drill_note)",
            "DROP INDEX CONCURRENTLY drill_note_index",
        ),
        migrations.RunSQL("ALTER TABLE minting_minttx VALIDATE CONSTRAINT drill_gas", migrations.RunSQL.noop),
    ]
