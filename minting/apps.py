from django.apps import AppConfig


class MintingConfig(AppConfig):
    name = "minting"
