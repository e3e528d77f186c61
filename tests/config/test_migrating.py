"""A migration takes as long as it takes."""

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import connection

from config.postgresql.patience import PatientConnection


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no time-outs of statements.")
@pytest.mark.django_db(transaction=True)
def test_requests_have_a_time_out_and_migrations_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def limits() -> tuple[str, float | None]:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert isinstance(connection.connection, PatientConnection)
            return cursor.fetchone()[0], connection.connection.patience

    seen = []

    def watched(self: Any, *args: Any, **options: Any) -> None:
        seen.append(limits())

    connection.close()
    assert limits() == ("15s", 18.0)
    monkeypatch.setattr(migrate.Command, "handle", watched)
    call_command("migrate", verbosity=0)
    assert seen == [("0", None)]
    assert limits() == ("15s", 18.0)
