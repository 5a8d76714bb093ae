from django.db import migrations

NAME = "agora_queue_in_order"


class Migration(migrations.Migration):
    """The oldest tasks of a queue without reading the rest. A queue is empty when its statistics are taken, so by the
    key alone PostgreSQL expects a handful of rows, and sorts all that wait at each claim."""

    dependencies = [
        ("agora", "0001_rate_buckets"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]

    # Not CONCURRENTLY: the table is short, and `release` gives up a lock after a second and tries again.
    operations = [
        migrations.RunSQL(f"CREATE INDEX {NAME} ON django_q_ormq (key, id)", f"DROP INDEX {NAME}"),
    ]
