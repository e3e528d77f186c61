"""`manage.py revoke_machine CLIENT_ID`: refuse every token that an app client has got by itself so far."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.cognito.errors import PersonNotFound
from accounts.flows import people

ACTOR = "manage.py"  # in the audit record


class Command(BaseCommand):
    """Revokes the tokens of a machine (client credentials), on every worker within one second."""

    help = (
        "Refuse every token that an app client has got by itself (client credentials) so far. It can get another: "
        "where its secret has leaked, change that in Cognito first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose tokens."""
        parser.add_argument("client_id", help="its id, which COGNITO_CLIENT_ID or COGNITO_ALLOWED_CLIENT_IDS names")

    def handle(self, *args: Any, client_id: str, **options: Any) -> None:
        """Do it."""
        try:
            people.revoke_machine(ACTOR, client_id)
        except PersonNotFound:
            raise CommandError(f"{client_id} is no app client of COGNITO_ALLOWED_CLIENT_IDS.") from None
        self.stdout.write(f"Tokens of {client_id} that were issued before are refused.")
