"""`manage.py finish_account_changes`: completes account changes that an outage has interrupted."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from accounts.flows import intents


class Command(BaseCommand):
    """Completes the changes and prints their number. Exit status 1 while one cannot be completed."""

    help = (
        "Finish account changes that an outage has interrupted: end the tokens of people whose password was set, whose "
        "role was changed, or who were disabled or deleted. The service does so at sign-ins; run this by cron or after "
        "an outage."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Complete the changes."""
        done, failed = intents.finish_due()
        self.stdout.write(f"{done} finished, {failed} still to be finished.")
        if failed:
            sys.exit(1)
