"""`manage.py break_glass`: creates or removes a local superuser for outages of Cognito."""

import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import user_rows
from accounts.models import LOCAL_PREFIX, User

NAME = "break-glass"


class Command(BaseCommand):
    """Creates the superuser, or sets a new password, which ends their sessions; `--remove` deletes them."""

    help = (
        "Create the local superuser, or set a new password. Its sign-in form is at /admin/break-glass/. "
        "The password is printed once. Remove the superuser after the outage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Name of the superuser, and --remove."""
        parser.add_argument("--name", default=NAME, help=f"the name to sign in with (default: {NAME})")
        parser.add_argument("--remove", action="store_true", help="delete the superuser; the sign-in form is then 404")

    def handle(self, *args: Any, name: str, remove: bool, **options: Any) -> None:
        """Create, renew or remove the superuser."""
        if not user_rows.is_ours():
            raise CommandError("Break-glass superusers are rows of accounts.User, which is not AUTH_USER_MODEL here.")
        people = User.objects.filter(sub__startswith=LOCAL_PREFIX, username=name)
        if remove:
            people.delete()
            self.stdout.write(f"{name} is removed.")
            return
        password = secrets.token_urlsafe(24)
        person = people.first()
        if person is None:
            User.objects.create_superuser(name, password)
        else:
            person.set_password(password)
            person.is_active = person.is_staff = person.is_superuser = True
            person.save()
        self.stdout.write(f"Sign in at /admin/break-glass/ as {name} with this password, shown only now: {password}")
