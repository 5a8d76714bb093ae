"""Staff's groups anew: stopping a token on-chain, and proposing that it starts again."""

from django.db import migrations


def sync(apps, schema_editor):
    """Groups and permissions are rows by name: no model of a later app needs to exist yet."""
    from accounts.services.people import sync_groups

    sync_groups()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0019_chain_groups")]

    operations = [migrations.RunPython(sync, migrations.RunPython.noop)]
