"""The shapes that an additive migration takes, on the tables that orders go through.

Each statement holds its lock for a moment only: a column with a constant default is a change of the catalogue, a
constraint is added NOT VALID and validated beside writers.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial"), ("minting", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE orders_order ADD COLUMN drill_note text NOT NULL DEFAULT ''",
            "ALTER TABLE orders_order DROP COLUMN drill_note",
        ),
        migrations.RunSQL(
            "ALTER TABLE minting_minttx ADD CONSTRAINT drill_gas CHECK (gas >= 0) NOT VALID",
            "ALTER TABLE minting_minttx DROP CONSTRAINT drill_gas",
        ),
        migrations.RunSQL(
            "CREATE TABLE drill_new (id bigint PRIMARY KEY, order_id uuid REFERENCES orders_order (id))",
            "DROP TABLE drill_new",
        ),
    ]
