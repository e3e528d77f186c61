"""Read replica: routing of anonymous reads, and measurement of the replica's lag.

Requests with credentials read the primary, so that whoever writes sees what they wrote. A replica that lags more than
MAX_BEHIND_SECONDS, or is unreachable, is not used.

Each process measures the lag every LOOK_SECONDS: it records the length of the primary's write-ahead log, and how long
ago the replica had replayed all that was recorded (PostgreSQL 15, "9.27.4. Recovery Control Functions"). The clocks of
the two servers are not compared, and a replica that has lost its primary without noticing is detected too.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from django.db import DEFAULT_DB_ALIAS, DatabaseError, Error, connections
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.tokens.resilience import SingleFlight

logger = logging.getLogger(__name__)

REPLICA = "replica"
"""The alias of the replica in Django's settings, where there is one."""

MAX_BEHIND_SECONDS = 5.0
LOOK_SECONDS = 1.0
# An answer of the replica may be this old when it is sent; its time in caches is added to that.
CACHE_CONTROL = f"public, max-age={MAX_BEHIND_SECONDS:.0f}"

_SOURCE = "books.source"  # key in the META of a request; no header of a client can have this name
_HERE = "SELECT pg_current_wal_lsn() - '0/0'"
# A replica that was promoted writes a log of its own.
_THERE = """
SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0'
"""


class _Mark(NamedTuple):
    """Length of the primary's log, in bytes, at a time of the monotonic clock, in seconds."""

    at: float
    length: int


class Distance:
    """Lag of the replica, as this process last measured it. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looks = SingleFlight[None]()
        self._marks: deque[_Mark] = deque(maxlen=120)
        self._looked = self._as_of = float("-inf")

    def is_near(self) -> bool:
        """Whether the replica has replayed everything that was committed MAX_BEHIND_SECONDS ago."""
        if self._clock() - self._looked >= LOOK_SECONDS:
            self._looks.join(self._look)  # while another thread measures, the last result is used
        return self._clock() - self._as_of <= MAX_BEHIND_SECONDS

    def _look(self) -> None:
        before = self._clock()
        try:
            with suppress(Error):  # while the primary is unreachable, earlier marks stay valid
                self._marks.append(_Mark(before, _ask(DEFAULT_DB_ALIAS, _HERE)))
            there = _ask(REPLICA, _THERE)
        except Error as error:
            self._as_of = float("-inf")
            logger.warning("The replica is not used until it answers again: %s", type(error).__name__)
        else:
            reached = [mark.at for mark in self._marks if mark.length <= there]
            self._as_of = max([self._as_of, *reached])
        finally:
            self._looked = self._clock()


_distance = Distance()


def source(request: HttpRequest | Request, *, anonymous: bool) -> str:
    """Alias of the database to read from for `request`; decided once for each request."""
    chosen: str | None = request.META.get(_SOURCE)
    if chosen is None:
        near = anonymous and REPLICA in connections and _distance.is_near()
        chosen = request.META[_SOURCE] = REPLICA if near else DEFAULT_DB_ALIAS
    return chosen


def _ask(alias: str, question: str) -> int:
    with connections[alias].cursor() as cursor:
        cursor.execute(question)
        length = cursor.fetchone()[0]
    if length is None:
        raise DatabaseError(f"{alias} does not report the length of its log")
    return int(length)
