"""Who may do what in the database: strings only. `manage.py grant_roles` grants it, `manage.py audit` checks it.

A table that is not named here is the web's to write: name it when it is money, tokens, or what a worker acts on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.apps import apps

from agora.lib.grants import Role, allowed_by_triggers

OWNER = "agora_owner"  # owns everything; migrations only. The embedded server's owner is its superuser.

# A rule's last version is locked while the next one is written; FOR UPDATE wants the right to update some column.
_LOCKED: Mapping[str, tuple[str, ...]] = {"accounts_monitoringrule": ("id",)}

# What only a worker or a follower writes: fills, custody's vaults, tokens and mints, reports, prices, and schedules
# (whose functions a worker calls).
_NOT_THE_WEBS = frozenset(
    {
        "accounts_auditseal",
        "agora_heartbeat",
        "custody_vaultaccount",
        "django_q_schedule",
        "django_q_task",
        "minting_block",
        "minting_contractdeployment",
        "minting_finalblock",
        "minting_foreignmint",
        "minting_foreignnonce",
        "minting_holderbalance",
        "minting_holderscan",
        "minting_mintevent",
        "minting_minttx",
        "minting_reorg",
        "minting_rpcnode",
        "minting_signerbudget",
        "minting_token",
        "minting_txattempt",
        "orders_asset",
        "orders_assetprice",
        "orders_brokermessage",
        "orders_feedcursor",
        "orders_feedhealth",
        "orders_fill",
        "orders_fxrate",
        "orders_marketclock",
        "orders_pricepoint",
        "reserves_attestationoutcome",
        "reserves_liabilityleaf",
        "reserves_liabilitylevel",
        "reserves_reconciliationrun",
        "reserves_reserveattestation",
        "reserves_reserveline",
        "reserves_reservereport",
        "reserves_reportsetback",
        "reserves_reportsignature",
    }
)

APP = Role("agora_app", columns=_LOCKED)
WEB = Role(
    "agora_web",
    reads_only=_NOT_THE_WEBS,
    inserts_only=frozenset({"accounts_auditentry", "django_q_ormq", "minting_tokenswitch", "minting_tokenswitchevent"}),
    # Staff may have a mint looked at sooner (minting.services.steering).
    columns={**_LOCKED, "minting_minttx": ("next_attempt_at",)},
)
READONLY = Role("agora_readonly", writes=False)
ROLES: Sequence[Role] = (APP, WEB, READONLY)


def tables() -> dict[str, list[str]]:
    """Each model's table, and what its triggers let anybody do to it. Migrations are the owner's alone."""
    return {
        model._meta.db_table: allowed_by_triggers(trigger.name for trigger in getattr(model._meta, "triggers", []))
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    }
