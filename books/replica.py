"""From which database is this read? Visitors may be shown what a replica knows, while it is not far behind.

Only reads without credentials go there: whoever may write reads the primary, and sees what they wrote. A replica that
is MAX_BEHIND_SECONDS behind, or out of reach, is not asked.

How far behind it is, each process finds out once in a while: it notes where the primary's log ends, and how long ago
the replica had all that was noted (PostgreSQL 15, "9.27.4. Recovery Control Functions"). The clocks of the two play no
part, and a replica that has lost its primary without knowing is found out too.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from django.db import DEFAULT_DB_ALIAS, DatabaseError, Error, connections
from django.http import HttpRequest
from rest_framework.request import Request

logger = logging.getLogger(__name__)

REPLICA = "replica"
"""The alias of the replica in Django's settings, where there is one."""

MAX_BEHIND_SECONDS = 5.0
LOOK_SECONDS = 1.0
# An answer of the replica may be this old when it is given; what caches keep of it comes on top.
CACHE_CONTROL = f"public, max-age={MAX_BEHIND_SECONDS:.0f}"

_SOURCE = "books.source"  # in the META of a request: nothing that a client sends can have this name
_HERE = "SELECT pg_current_wal_lsn() - '0/0'"
# One that was promoted has a log of its own.
_THERE = """
SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0'
"""


class _Mark(NamedTuple):
    """That the primary's log was this long (bytes) at this moment (of the monotonic clock)."""

    at: float
    length: int


class Distance:
    """How far the replica is behind the primary, as far as this process knows."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looking = threading.Lock()
        self._marks: deque[_Mark] = deque(maxlen=120)
        self._looked = self._as_of = float("-inf")

    def is_near(self) -> bool:
        """Whether the replica has all that was committed MAX_BEHIND_SECONDS ago."""
        # One looks; the others go by what was found last.
        if self._clock() - self._looked >= LOOK_SECONDS and self._looking.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._looking.release()
        return self._clock() - self._as_of <= MAX_BEHIND_SECONDS

    def _look(self) -> None:
        before = self._clock()
        try:
            with suppress(Error):  # while the primary is away, what was found before counts on
                self._marks.append(_Mark(before, _ask(DEFAULT_DB_ALIAS, _HERE)))
            there = _ask(REPLICA, _THERE)
        except Error as error:
            self._as_of = float("-inf")
            logger.warning("The replica is not asked for a while: %s", type(error).__name__)
        else:
            reached = [mark.at for mark in self._marks if mark.length <= there]
            self._as_of = max([self._as_of, *reached])
        finally:
            self._looked = self._clock()


_distance = Distance()


def source(request: HttpRequest | Request, *, anonymous: bool) -> str:
    """The alias of the database to answer `request` from, the same whenever it is asked."""
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
        raise DatabaseError(f"{alias} does not tell how long its log is")
    return int(length)
