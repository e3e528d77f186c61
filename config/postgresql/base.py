"""Database backend: Django's for PostgreSQL, with a health check of pooled connections that needs no round trip.

Django's own check (CONN_HEALTH_CHECKS) sends a query at the start of every request, which costs as much as a small
query. A server that ends a connection sends a message, or its kernel closes the socket: an idle connection whose socket
has nothing to read is alive.
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

from accounts.tokens.resilience import CircuitOpen
from config.postgresql.timeouts import TimeoutConnection, breaker_of


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL through psycopg's pool, which never hands out a connection that the server has ended."""

    def get_connection_params(self) -> dict[str, Any]:
        """As Django's, with a loader of `timestamptz` that is five times as fast."""
        parameters = super().get_connection_params()
        if self.timezone is UTC:
            parameters["context"] = _with_utc_loader(parameters["context"].adapters)
        return parameters

    @property
    def is_pooled(self) -> bool:
        """Whether a pooler assigns a server connection to each transaction (DATABASE_POOLER=transaction).

        Then no state may be left in a session: the next transaction would miss it, and other clients would meet it.
        """
        return bool(self.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"))

    def prepared_cursor(self) -> Any:
        """Cursor that uses server-side prepared statements: planned once for each connection (PostgreSQL, "PREPARE").

        For statements that are executed often and whose plan does not depend on their parameters. An ordinary cursor
        behind a pooler, and where Django records statements (DEBUG), since it cannot render these.
        """
        if self.is_pooled or self.queries_logged:
            return self.cursor()
        self.ensure_connection()
        with self.wrap_database_errors:
            return self._prepare_cursor(Cursor(self.connection))  # type: ignore[attr-defined]

    def _set_autocommit(self, autocommit: bool) -> None:
        """Set autocommit only if it differs: a connection from the pool nearly always has it on."""
        if self.connection.autocommit is not autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc] # its stub does not say that it is there

    def _configure_timezone(self, connection: Any) -> bool:
        """Set the session's time zone; not behind a pooler, where `_UTCLoader` makes it irrelevant."""
        if self.is_pooled:
            return False
        changed: bool = super()._configure_timezone(connection)  # type: ignore[misc] # its stub does not have it
        return changed

    def get_new_connection(self, conn_params: Any) -> Any:
        """A live connection. Raises OperationalError when there is none within the pool's timeout.

        While the circuit breaker refuses calls, it raises that at once.
        """
        breaker = breaker_of(self.alias)
        try:
            with breaker.call() as is_probe:
                connection = super().get_new_connection(conn_params)
                while self.pool and _is_gone(connection, is_probe):
                    self.pool.putconn(connection)  # the pool drops it, and opens another
                    connection = super().get_new_connection(conn_params)
        except CircuitOpen:
            raise OperationalError("the database did not answer a moment ago") from None
        if isinstance(connection, TimeoutConnection):
            connection.breaker = breaker
        return connection


class _UTCLoader(TimestamptzLoader):
    """Loader of `timestamptz` in UTC, whatever the session's time zone is."""

    timezone = UTC  # Django replaces a loader whose time zone is another

    def load(self, data: Buffer) -> datetime:
        """The point in time, in UTC. Raises DataError for one that Python cannot represent."""
        try:
            moment = datetime.fromisoformat(str(data, "ascii"))
        except ValueError:  # a year outside of Python's range: psycopg raises its own error
            moment = super().load(data)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


@cache
def _with_utc_loader(adapters: AdaptersMap) -> AdaptersMap:
    adapters = AdaptersMap(adapters)
    adapters.register_loader("timestamptz", _UTCLoader)
    return adapters


def _is_gone(connection: "Connection[Any]", is_probe: bool) -> bool:
    """Whether the server has ended an idle connection, which is closed then. A probe makes a round trip to find out."""
    if is_probe and isinstance(connection, TimeoutConnection):
        try:
            connection.probe()
        except OperationalError:
            connection.close()
            return True
        return False
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    if not poll.poll(0):
        return False
    try:
        ConnectionPool.check_connection(connection)  # the data to read may be a notice
    except OperationalError:
        connection.close()
        return True
    return False
