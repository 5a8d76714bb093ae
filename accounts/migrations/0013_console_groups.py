"""Staff's groups and what they may do, as agora/roles.py says."""

from django.db import migrations


def sync(apps, schema_editor):
    """Groups and permissions are rows by name: no model of a later app needs to exist yet."""
    from accounts.services.people import sync_groups

    sync_groups()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0012_console"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(sync, migrations.RunPython.noop)]
