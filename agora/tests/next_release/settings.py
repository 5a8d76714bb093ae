"""The settings of the version that comes next."""

from agora.settings import *  # noqa: F403
from agora.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "agora.tests.next_release"]
