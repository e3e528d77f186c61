"""Is a connection from the pool still alive? Told without a round trip: Django's PostgreSQL backend, that far changed.

Django's own check (CONN_HEALTH_CHECKS) asks the server at the start of every request, which costs as much as a small
query. A server that ends a connection says so, or its kernel does: an idle connection with nothing to read is good.
"""

import select
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, Cursor, OperationalError
from psycopg.adapt import AdaptersMap, Buffer
from psycopg.types.datetime import TimestamptzLoader
from psycopg_pool import ConnectionPool

from config.postgresql.patience import Gate, PatientConnection


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL through psycopg's pool; a connection that the server has ended is never handed out."""

    def get_connection_params(self) -> dict[str, Any]:
        """Django's, with a reader of times that is five times as fast."""
        parameters = super().get_connection_params()
        if self.timezone is UTC:
            parameters["context"] = _reading_times_fast(parameters["context"].adapters)
        return parameters

    @property
    def is_pooled(self) -> bool:
        """Whether a pooler gives each transaction another server connection (DATABASE_POOLER=transaction).

        Then nothing may be left in a session: it would be missing in the next transaction, and found by other clients.
        """
        return bool(self.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"))

    def prepared_cursor(self) -> Any:
        """A cursor whose statements the server plans once for each connection (PostgreSQL, "PREPARE").

        For what is asked in the same words again and again, and answered in the same way whatever the parameters. An
        ordinary cursor behind a pooler, and where statements are recorded, since Django cannot word these.
        """
        if self.is_pooled or self.queries_logged:
            return self.cursor()
        self.ensure_connection()
        with self.wrap_database_errors:
            return self._prepare_cursor(Cursor(self.connection))  # type: ignore[attr-defined]

    def _set_autocommit(self, autocommit: bool) -> None:
        """Set it where it is another: what comes from the pool commits by itself nearly always."""
        if self.connection.autocommit is not autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc] # its stub does not say that it is there

    def _configure_timezone(self, connection: Any) -> bool:
        """Set the time zone of the session; not behind a pooler, where times are read in UTC whatever that zone is."""
        if self.is_pooled:
            return False
        changed: bool = super()._configure_timezone(connection)  # type: ignore[misc] # its stub does not have it
        return changed

    def get_new_connection(self, conn_params: Any) -> Any:
        """A live connection. Raises OperationalError when there is none within the pool's time-out."""
        gate = _gate_of(self.alias)
        with gate.passed() as trial:
            connection = super().get_new_connection(conn_params)
            while self.pool and _is_gone(connection, trial):
                self.pool.putconn(connection)  # the pool drops it, and opens another
                connection = super().get_new_connection(conn_params)
            if isinstance(connection, PatientConnection):
                connection.gate = gate
        return connection


@cache
def _gate_of(alias: str) -> Gate:
    return Gate()


class _UTCLoader(TimestamptzLoader):
    """Times with a time zone as UTC, whatever zone the session writes them in."""

    timezone = UTC  # Django puts a loader of its own in the place of one for another time zone

    def load(self, data: Buffer) -> datetime:
        """The time, in UTC."""
        try:
            moment = datetime.fromisoformat(str(data, "ascii"))
        except ValueError:  # a year that Python does not know: psycopg words the error
            moment = super().load(data)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


@cache
def _reading_times_fast(adapters: AdaptersMap) -> AdaptersMap:
    adapters = AdaptersMap(adapters)
    adapters.register_loader("timestamptz", _UTCLoader)
    return adapters


def _is_gone(connection: "Connection[Any]", trial: bool) -> bool:
    """Whether the server has ended an idle connection. It is closed then. In a trial it must say that it has not."""
    if trial and isinstance(connection, PatientConnection):
        try:
            connection.try_out()
        except OperationalError:
            connection.close()
            return True
        return False
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    if not poll.poll(0):
        return False
    try:
        ConnectionPool.check_connection(connection)  # what there is to read may be a notice
    except OperationalError:
        connection.close()
        return True
    return False
