"""`manage.py break_glass`: a local superuser for the day Cognito is out of reach, and their end."""

import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.models import LOCAL_PREFIX, User

NAME = "break-glass"


class Command(BaseCommand):
    """Makes the superuser, or gives them a new password, which ends their sessions; `--remove` deletes them."""

    help = (
        "Make or renew the local superuser, whose form is at /admin/break-glass/ as long as there is one. "
        "The password is printed once. Remove them when Cognito is back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The name to use, and whether to remove instead."""
        parser.add_argument("--name", default=NAME, help=f"the name to sign in with (default: {NAME})")
        parser.add_argument("--remove", action="store_true", help="delete the superuser, and the form with them")

    def handle(self, *args: Any, name: str, remove: bool, **options: Any) -> None:
        """Do it, and say what was done."""
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
