"""App configurations of the product: system checks, OpenAPI extensions and the admin site."""

from django.apps import AppConfig

from accounts.browser.apps import CognitoAdminConfig


class ProductConfig(AppConfig):
    """Registers system checks and OpenAPI extensions."""

    name = "config"
    verbose_name = "Cognito Books"

    def ready(self) -> None:
        """Import the modules that register them."""
        from config import checks, schema  # noqa: F401


class ProductAdminConfig(CognitoAdminConfig):
    """Django's admin app with the product's admin site."""

    default_site = "config.admin.ProductAdminSite"
