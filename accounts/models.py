"""Tables of accounts: a row per subject, revocations, sessions, pending changes and sign-ups, audit records."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.tokens.roles import Role

# Prefix of the subjects of break-glass superusers; Cognito's subjects are plain UUIDs.
LOCAL_PREFIX = "local:"


def no_password() -> str:
    """An unusable password hash, for people whose password only Cognito has."""
    return make_password(None)


class UserManager(BaseUserManager["User"]):
    """Creates rows of users of the pool, and of local break-glass superusers."""

    def create_superuser(self, username: str, password: str | None = None, *, sub: str = "", **fields: Any) -> "User":
        """Create a local superuser, for when Cognito is unreachable.

        The subject begins with LOCAL_PREFIX, which no subject of Cognito does; it is random unless `sub` is given, as
        `manage.py createsuperuser` does. Raises IntegrityError when it is taken.
        """
        sub = LOCAL_PREFIX + (sub.removeprefix(LOCAL_PREFIX) or str(uuid4()))
        user = self.model(sub=sub, username=username, is_staff=True, is_superuser=True, **fields)
        user.set_password(password)
        user.save(using=self._db, force_insert=True)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A user who has written something or signed in with a browser. The other attributes are in Cognito.

    The primary key is the `sub` claim: unlike user names and e-mail addresses it never changes and is never reused.
    Roles are in the token; `is_staff` is updated from them at each browser sign-in and renewal of a browser's session.
    """

    sub = models.CharField("subject", max_length=255, primary_key=True)
    password = models.CharField(max_length=128, default=no_password, editable=False)
    username = models.CharField(max_length=255)
    email = models.EmailField("e-mail address", max_length=320, blank=True)
    is_machine = models.BooleanField(default=False, help_text="An app client of its own (client credentials).")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May use the admin: follows ROLE_ADMIN.")
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD: ClassVar[str] = "sub"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["username"]

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        swappable = "AUTH_USER_MODEL"
        verbose_name = "person"
        verbose_name_plural = "people"
        ordering = ("-created_at", "sub")

    def __str__(self) -> str:
        return self.email or self.username

    def follow_roles(self, roles: frozenset[Role]) -> None:
        """Set the staff rights: all of them with ROLE_ADMIN, none without."""
        self.is_staff = self.is_superuser = Role.ADMIN in roles


class Revocation(models.Model):
    """Revocation of tokens: those of one session, or those of a person issued before a time (cut-off).

    Rows are append-only, so that every worker reads new ones by their id; and deleted once all tokens concerned have
    expired. `accounts.tokens.revocation` alone reads and writes them.
    """

    origin_jti = models.CharField(max_length=255, null=True, help_text="The sign-in that a session's tokens share.")
    sub = models.CharField("subject", max_length=255, null=True)
    not_before = models.BigIntegerField(null=True, help_text="The person's tokens issued earlier: Unix seconds.")
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="revocation_of_a_session_or_a_person",
                condition=(
                    models.Q(origin_jti__isnull=False, sub__isnull=True, not_before__isnull=True)
                    | models.Q(origin_jti__isnull=True, sub__isnull=False, not_before__isnull=False)
                ),
            )
        ]

    def __str__(self) -> str:
        return f"session {self.origin_jti}" if self.sub is None else f"person {self.sub} before {self.not_before}"


class KnownSession(models.Model):
    """Session of an opaque refresh token, by the SHA-256 of the token, which itself is never stored."""

    digest = models.CharField(max_length=64, primary_key=True)
    origin_jti = models.CharField(max_length=255)
    sub = models.CharField("subject", max_length=255)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["sub"], name="known_session_of_a_person")]

    def __str__(self) -> str:
        return f"session {self.origin_jti}"


class Intent(models.Model):
    """Write-ahead record of a change after which a person's tokens must be revoked (accounts.flows.intents).

    Deleted when the change is complete. `sub` is empty for an unknown account, `username` for a machine.
    """

    class Act(models.TextChoices):
        """Kinds of changes to an account."""

        DELETE = "delete"
        DISABLE = "disable"
        CREDENTIAL = "credential"
        ROLE = "role"
        SIGN_OUT = "sign_out"

    act = models.CharField(max_length=16, choices=Act)
    sub = models.CharField("subject", max_length=255, blank=True)
    username = models.CharField(max_length=255, blank=True)
    revoked = models.BooleanField(default=False, help_text="Tokens have ended here; Cognito has not answered yet.")
    due_at = models.DateTimeField(db_index=True, help_text="When it counts as left over, or may be tried again.")

    def __str__(self) -> str:
        return f"{self.act} of {self.sub}"


KEPT_DAYS = 90


class SignUpManager(models.Manager["SignUp"]):
    """Pending sign-ups, by e-mail address."""

    def record(self, email: str, role: Role, *, needs_password: bool) -> tuple["SignUp", bool]:
        """Store the sign-up of `email`; returns it and whether it is new. A second one voids the password of the first.

        The stored data depend on earlier sign-ups here, never on whether the address has an account. Sign-ups older
        than KEPT_DAYS are deleted.
        """
        self.filter(created_at__lt=timezone.now() - timedelta(days=KEPT_DAYS)).delete()
        defaults = {"role": role.value, "needs_password": needs_password, "sub": str(uuid4())}
        pending, is_new = self.get_or_create(email_hash=_hashed(email), defaults=defaults)
        if not is_new and not pending.store(role=role.value, needs_password=True):
            return self.record(email, role, needs_password=needs_password)  # deleted since it was read
        return pending, is_new

    def of(self, email: str) -> "SignUp | None":
        """The pending sign-up of `email`, if there is one."""
        found = self.filter(email_hash=_hashed(email)).first()
        if found is None and settings.SECRET_KEY_FALLBACKS:  # stored before the secret key was changed
            found = self.filter(email_hash__in=[_hashed(email, key) for key in settings.SECRET_KEY_FALLBACKS]).first()
        return found


class SignUp(models.Model):
    """A pending sign-up: the requested role, until it is granted. Of the address only a keyed hash is stored.

    `sub` is the subject of the created account; a random one where the address had an account, so that the row does not
    reveal it. Null in rows older than the column.
    """

    email_hash = models.CharField(max_length=64, primary_key=True)
    sub = models.CharField("subject", max_length=255, null=True, db_index=True)
    role = models.CharField(max_length=32)
    needs_password = models.BooleanField(help_text="None was given, or two people may have: confirmation asks for one.")
    must_reset = models.BooleanField(
        default=False, db_default=False, help_text="Confirmed, but the password of whoever confirmed could not be set."
    )
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects: ClassVar[SignUpManager] = SignUpManager()

    def __str__(self) -> str:
        return f"{self.role} ({self.created_at:%Y-%m-%d})"

    def set_subject(self, sub: str | None) -> None:
        """Store the subject of the created account. None if none was created: a write of the same duration."""
        self.store(**({"role": self.role} if sub is None else {"sub": sub}))

    def store(self, **values: Any) -> bool:
        """Store `values`; returns whether the row exists: a confirmation at the same time may have deleted it."""
        for name, value in values.items():
            setattr(self, name, value)
        return SignUp.objects.filter(pk=self.pk).update(**values) > 0


def _hashed(email: str, secret: str | None = None) -> str:
    address = email.strip().casefold()
    return salted_hmac("accounts.sign_up", address, secret=secret, algorithm="sha256").hexdigest()


class AuditRecord(models.Model):
    """Audit record of an administrator's action: actor, subject, action, time."""

    class Action(models.TextChoices):
        """Kinds of administrators' actions."""

        ROLE = "role", "changed the role"
        DISABLE = "disable", "disabled"
        ENABLE = "enable", "enabled"
        SIGN_OUT = "sign_out", "signed out"
        RESEND = "resend", "sent mail again to"

    actor = models.CharField("who", max_length=255)
    subject = models.CharField("whom", max_length=255, db_index=True)
    action = models.CharField("what", max_length=16, choices=Action)
    detail = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField("when", auto_now_add=True)

    class Meta:
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"{self.actor} {self.get_action_display()} {self.subject}"
