"""`manage.py finish_account_changes`: finish what an outage has interrupted after a password was set, or the like."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from accounts.flows import intents


class Command(BaseCommand):
    """Finishes what is left over, and says how much. Exit status 1 while something still cannot be finished."""

    help = (
        "Finish account changes that an outage has interrupted: end the tokens of people whose password was set, whose "
        "role was changed, or who were disabled or deleted. The service does so by itself at sign-ins; this is for "
        "cron, and for after an outage."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        done, failed = intents.finish_due()
        self.stdout.write(f"{done} finished, {failed} still to be finished.")
        if failed:
            sys.exit(1)
