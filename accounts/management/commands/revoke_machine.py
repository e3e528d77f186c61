"""`manage.py revoke_machine CLIENT_ID`: revokes the tokens of an app client (client credentials grant)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.cognito.errors import PersonNotFound
from accounts.flows import people

ACTOR = "manage.py"  # in the audit record


class Command(BaseCommand):
    """Revokes the tokens of a machine (client credentials), on every worker within one second."""

    help = (
        "Revoke all tokens that an app client has been issued by the client credentials grant. It can get new ones: "
        "if its secret has leaked, change that in Cognito first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The id of the app client."""
        parser.add_argument(
            "client_id", help="id of the app client, in COGNITO_CLIENT_ID or COGNITO_ALLOWED_CLIENT_IDS"
        )

    def handle(self, *args: Any, client_id: str, **options: Any) -> None:
        """Revoke the tokens."""
        try:
            people.revoke_machine(ACTOR, client_id)
        except PersonNotFound:
            raise CommandError(f"{client_id} is not an app client of COGNITO_ALLOWED_CLIENT_IDS.") from None
        self.stdout.write(f"Tokens of {client_id} that were issued before are refused.")
