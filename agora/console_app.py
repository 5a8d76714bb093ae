"""django.contrib.admin, with `agora.console.ConsoleSite` as the site that every `@admin.register` means."""

from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    default_site = "agora.console.ConsoleSite"
