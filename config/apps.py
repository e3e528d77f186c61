"""App configurations of the product: system checks, OpenAPI extensions and the admin site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ProductConfig(AppConfig):
    """Registers system checks and OpenAPI extensions."""

    name = "config"
    verbose_name = "Cognito Books"

    def ready(self) -> None:
        """Import the modules that register them."""
        from config import checks, schema  # noqa: F401


class ProductAdminConfig(AdminConfig):
    """Django's admin app with the product's admin site."""

    default_site = "config.admin.ProductAdminSite"

    def ready(self) -> None:
        """Discover the apps' admins, and unregister Django's Group: roles come from Cognito."""
        super().ready()
        from django.contrib import admin
        from django.contrib.auth.models import Group

        admin.site.unregister(Group)
