"""How long is PostgreSQL waited for? No request hangs on it for ever, and while it is away few wait at all.

`statement_timeout` is the server's: a server that is frozen, or whose machine is gone, never says that time is up.
`PatientConnection` keeps time here. And a worker has few threads: were each to wait for a database that has just been
seen to be away, nobody would be told so, and `/healthz` would wait in the same queue. `Gate` lets one try, and refuses
the others at once.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from psycopg import Connection, OperationalError, errors
from psycopg.abc import PQGen
from psycopg_pool import ConnectionPool

PATIENCE_SECONDS = 18.0  # for one answer: longer than statement_timeout in config/settings.py
TRIAL_SECONDS = 2.0  # for the first answer after an outage
REST_SECONDS = 1.0  # between two trials

RV = TypeVar("RV")


class Gate:
    """Closed while a database is away; one per process and database. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._is_closed = self._is_tried = False
        self._again_at = 0.0

    def close(self) -> None:
        """Say that the database did not answer."""
        with self._guard:
            self._is_closed = True
            self._again_at = self._clock() + REST_SECONDS

    @contextmanager
    def passed(self) -> Iterator[bool]:
        """Go to the database; gives whether this is a trial. It opens when nothing is raised inside.

        Raises OperationalError at once while the database is away, but for one trial at a time, REST_SECONDS apart.
        """
        with self._guard:
            trial = self._is_closed
            if trial and (self._is_tried or self._clock() < self._again_at):
                raise OperationalError("the database did not answer a moment ago")
            self._is_tried = trial or self._is_tried
        try:
            yield trial
        except OperationalError:
            self.close()
            raise
        else:
            with self._guard:
                # Whoever went in before it closed knows nothing new.
                self._is_closed = self._is_closed and not trial
        finally:
            if trial:
                with self._guard:
                    self._is_tried = False


class PatientConnection(Connection[Any]):
    """A connection on which no answer is waited for longer than `patience` seconds, if any; then it is closed."""

    gate: Gate | None = None
    patience: float | None = PATIENCE_SECONDS

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """psycopg's own, with an end. Raises OperationalError then, and closes the gate."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.patience)
        except errors._WaitTimeout:
            # Nobody knows what the server makes of the statement: the connection is of no use any more.
            self.pgconn.finish()
            if self.gate is not None:
                self.gate.close()
            raise OperationalError(f"the database did not answer in {self.patience} seconds") from None

    def try_out(self) -> None:
        """Ask for a sign of life, within TRIAL_SECONDS. Raises OperationalError."""
        self.patience = TRIAL_SECONDS
        try:
            ConnectionPool.check_connection(self)
        finally:
            self.patience = PATIENCE_SECONDS
