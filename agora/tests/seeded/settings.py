"""Agora's settings, with one bug planted in every process that runs with them. Never outside the sandbox."""

from django.core.exceptions import ImproperlyConfigured

from agora.settings import *  # noqa: F403 - all of them
from agora.settings import AGORA_MODE, INSTALLED_APPS, env

if AGORA_MODE != "sandbox":
    raise ImproperlyConfigured("agora.tests.seeded.settings plants a bug: AGORA_MODE=sandbox only.")
SEEDED_BUG = env.str("AGORA_SEEDED_BUG")
INSTALLED_APPS = [*INSTALLED_APPS, "agora.tests.seeded.apps.SeededConfig"]
