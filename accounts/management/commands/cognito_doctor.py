"""`manage.py cognito_doctor`: audits the live user pool and its app clients."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.cognito import doctor
from accounts.cognito.errors import AccountError
from accounts.tokens.conf import get_config


class Command(BaseCommand):
    """Prints a table of findings with a fix for each. Exit status 1 if there are any."""

    help = "Report unsafe and incompatible settings of the live user pool and its app clients. Needs AWS credentials."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the findings."""
        pool = get_config().user_pool_id
        try:
            findings = list(doctor.examine())
        except AccountError as error:
            raise CommandError(f"The pool {pool} cannot be read: {error} The log line above says why.") from None
        if not findings:
            self.stdout.write(self.style.SUCCESS(f"{pool}: nothing to mend."))
            return
        rows = [("where", "what is wrong", "what mends it")]
        rows += [(finding.place, finding.problem, finding.fix) for finding in findings]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        for number, row in enumerate(rows):
            line = f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}"
            self.stdout.write(self.style.WARNING(line) if number else line)
        self.stdout.write(self.style.ERROR(f"{pool}: {len(findings)} to mend (see infra/cognito.yaml)."))
        sys.exit(1)
