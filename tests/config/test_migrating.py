"""A migration takes as long as it takes."""

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import connection

from config.postgresql.timeouts import TimeoutConnection


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no time-outs of statements.")
@pytest.mark.django_db(transaction=True)
def test_requests_have_a_time_out_and_migrations_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def limits() -> tuple[str, float | None]:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert isinstance(connection.connection, TimeoutConnection)
            return cursor.fetchone()[0], connection.connection.answer_timeout

    seen: list[Any] = []

    def watched(self: Any, *args: Any, **options: Any) -> None:
        seen.append(limits())

    connection.close()
    assert limits() == ("15s", 18.0)
    monkeypatch.setattr(migrate.Command, "handle", watched)
    call_command("migrate", verbosity=0)
    assert seen == [("0", None)]
    assert limits() == ("15s", 18.0)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no time-outs of statements.")
@pytest.mark.django_db(transaction=True)
def test_behind_a_pooler_the_time_outs_are_lifted_within_the_transaction_of_a_migration_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def limits() -> tuple[str, ...]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
            found: tuple[str, ...] = cursor.fetchone()
            return found

    seen: list[Any] = []

    def watched(self: Any, *args: Any, **options: Any) -> None:
        seen.append(limits())
        for atomic in (True, False):
            with connection.schema_editor(atomic=atomic):
                seen.append(limits())
        seen.append(limits())

    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    monkeypatch.setattr(connection, "SchemaEditorClass", connection.SchemaEditorClass)  # as it was, afterwards
    monkeypatch.setattr(migrate.Command, "handle", watched)
    usual = ("15s", "0")
    assert limits() == usual
    call_command("migrate", verbosity=0)
    assert seen == [usual, ("0", "5s"), usual, usual]
    assert limits() == usual
