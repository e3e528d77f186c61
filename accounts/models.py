"""What do we keep about people? A row per subject, so that books can say who added them."""

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import PermissionsMixin
from django.db import models

from accounts.roles import Role

if TYPE_CHECKING:
    from accounts.cognito import Tokens


def no_password() -> str:
    """What is kept for somebody whose password only Cognito knows: no password matches it."""
    return make_password(None)


class UserManager(BaseUserManager["User"]):
    """Makes rows for people of the pool, and break-glass superusers who are not in it."""

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> "User":
        """A local administrator for the day Cognito is unreachable. Their subject never equals a Cognito one."""
        user = self.model(sub=f"local:{uuid4()}", username=username, is_staff=True, is_superuser=True, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who has written something or signed in with a browser. Cognito knows the rest.

    The primary key is the `sub` claim: it never changes and is never given to anybody else, as a user name or an
    e-mail address may be. Roles live in the token, not here; `is_staff` follows them at each browser sign-in.
    """

    sub = models.CharField("subject", max_length=255, primary_key=True)
    password = models.CharField(max_length=128, default=no_password, editable=False)
    username = models.CharField(max_length=255)
    email = models.EmailField("e-mail address", max_length=320, blank=True)
    is_machine = models.BooleanField(default=False, help_text="An app client of its own (client credentials).")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May use the admin: follows ROLE_ADMIN.")
    created_at = models.DateTimeField(auto_now_add=True)

    # The tokens of the sign-in that has just made this instance; never saved.
    cognito_tokens: "Tokens | None" = None

    USERNAME_FIELD: ClassVar[str] = "sub"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["username"]

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        ordering = ("-created_at", "sub")

    def __str__(self) -> str:
        return self.email or self.username

    def follow_roles(self, roles: frozenset[Role]) -> None:
        """Make staff rights what `roles` say: an administrator has them all, anybody else none."""
        self.is_staff = self.is_superuser = Role.ADMIN in roles
