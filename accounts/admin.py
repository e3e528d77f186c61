"""People in the admin: who has written something or signed in here. Cognito keeps the rest; nothing is edited."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from accounts.models import User

if TYPE_CHECKING:
    UserModelAdmin = admin.ModelAdmin[User]
else:
    UserModelAdmin = admin.ModelAdmin  # generic for the type checker only


@admin.register(User)
class UserAdmin(UserModelAdmin):
    """Looks only: roles are granted in Cognito, and follow the token."""

    list_display = ("__str__", "sub", "is_staff", "is_machine", "created_at")
    list_filter = ("is_staff", "is_machine")
    search_fields = ("email", "username", "sub")
    fields = ("sub", "username", "email", "is_staff", "is_machine", "is_active", "created_at", "last_login")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: a row appears by itself."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Never: accounts are deleted in Cognito."""
        return False
