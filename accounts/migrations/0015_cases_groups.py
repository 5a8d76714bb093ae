"""Staff's groups may look into monitoring cases, as agora/roles.py says."""

from django.db import migrations


def sync(apps, schema_editor):
    from accounts.services.people import sync_groups

    sync_groups()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_monitoring_and_cases")]

    operations = [migrations.RunPython(sync, migrations.RunPython.noop)]
