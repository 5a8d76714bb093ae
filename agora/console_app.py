"""django.contrib.admin, with `agora.console.ConsoleSite` as the site that every `@admin.register` means.

Simple: the apps' admin modules are read by agora/urls.py, so that a process without pages never loads the console.
"""

from django.contrib.admin.apps import SimpleAdminConfig


class ConsoleConfig(SimpleAdminConfig):
    default_site = "agora.console.ConsoleSite"
