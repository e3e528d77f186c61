"""Client-side timeouts and a circuit breaker for PostgreSQL.

`statement_timeout` is enforced by the server: one that is frozen, or whose machine is gone, does not enforce it.
`TimeoutConnection` limits each answer on the client's side. The circuit breaker opens when a connection fails, so that
a worker's few threads do not all wait for a server that has just failed to answer.
"""

from functools import cache
from typing import Any, TypeVar

from psycopg import Connection, OperationalError, errors
from psycopg.abc import PQGen
from psycopg_pool import ConnectionPool

from accounts.tokens.resilience import CircuitBreaker

ANSWER_TIMEOUT_SECONDS = 18.0  # for one answer: longer than statement_timeout in config/settings.py
PROBE_TIMEOUT_SECONDS = 2.0  # for the first answer after an outage
OPEN_SECONDS = 1.0  # between two probes of the circuit breaker

RV = TypeVar("RV")


@cache
def breaker_of(alias: str) -> CircuitBreaker:
    """The circuit breaker of this process for the database `alias`."""
    return CircuitBreaker(OPEN_SECONDS, OperationalError)


class TimeoutConnection(Connection[Any]):
    """Connection that waits `answer_timeout` seconds for each answer, or without a limit for None; then it is closed.

    A timeout opens the circuit of `breaker`.
    """

    breaker: CircuitBreaker | None = None
    answer_timeout: float | None = ANSWER_TIMEOUT_SECONDS

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """As psycopg's, with a timeout. Raises OperationalError after it."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.answer_timeout)
        except errors._WaitTimeout:
            # The state of the statement on the server is unknown: the connection cannot be used any more.
            self.pgconn.finish()
            if self.breaker is not None:
                self.breaker.trip()
            raise OperationalError(f"the database did not answer in {self.answer_timeout} seconds") from None

    def probe(self) -> None:
        """Make a round trip to the server within PROBE_TIMEOUT_SECONDS. Raises OperationalError."""
        self.answer_timeout = PROBE_TIMEOUT_SECONDS
        try:
            ConnectionPool.check_connection(self)
        finally:
            self.answer_timeout = ANSWER_TIMEOUT_SECONDS
