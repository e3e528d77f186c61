"""The parts that make the service out of the apps: its checks and its admin site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ProductConfig(AppConfig):
    """Registers the checks of the environment."""

    name = "config"
    verbose_name = "Cognito Books"

    def ready(self) -> None:
        """Import what registers itself."""
        from config import checks, schema  # noqa: F401


class ProductAdminConfig(AdminConfig):
    """Django's admin, with the product's name on it."""

    default_site = "config.admin.ProductAdminSite"

    def ready(self) -> None:
        """Find the apps' admins, and drop Django's groups: roles are Cognito's."""
        super().ready()
        from django.contrib import admin
        from django.contrib.auth.models import Group

        admin.site.unregister(Group)
