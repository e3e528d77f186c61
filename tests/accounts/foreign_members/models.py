"""The user model of a project that has people who are not in the pool too."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Member(AbstractUser):
    """Somebody who signs in with Django's own password, or by the pool, which then calls them `subject`."""

    email = models.EmailField(unique=True, null=True)  # type: ignore[assignment]
    subject = models.CharField(max_length=255, unique=True, null=True)

    class Meta:
        app_label = "foreign_members"
