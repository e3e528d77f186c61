"""App configuration of Django's admin with the sign-in of the account pages."""

from django.contrib.admin.apps import AdminConfig


class CognitoAdminConfig(AdminConfig):
    """Django's admin, on CognitoAdminSite. Stands in INSTALLED_APPS in place of `django.contrib.admin`."""

    default_site = "accounts.browser.admin_site.CognitoAdminSite"

    def ready(self) -> None:
        """Discover the apps' admins, and unregister Django's Group with accounts.User: its roles come from Cognito."""
        super().ready()
        from django.contrib import admin
        from django.contrib.auth.models import Group

        from accounts.user_rows import is_ours

        if is_ours() and admin.site.is_registered(Group):
            admin.site.unregister(Group)
