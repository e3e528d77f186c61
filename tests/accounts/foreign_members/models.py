"""The user model of a project that has people who are not in the pool too."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from accounts.tokens.roles import Role


class Member(AbstractUser):
    """Somebody who signs in with Django's own password, or by the pool, which then calls them `subject`."""

    email = models.EmailField(unique=True, null=True)  # type: ignore[assignment]
    subject = models.CharField(max_length=255, unique=True, null=True)
    is_manager = models.BooleanField(default=False)

    class Meta:
        app_label = "foreign_members"

    def follow_roles(self, roles: frozenset[Role]) -> None:
        """Administrators of the pool are managers; who is staff the project decides."""
        self.is_manager = Role.ADMIN in roles
