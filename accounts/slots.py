"""How many may wait for Cognito at once? Never every thread of a worker: the others answer those who do not need it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

CALLS_AT_ONCE = 3
"""In each process. One less than a worker of the server has threads, so that books are read while Cognito hangs."""
WAIT_SECONDS = 0.5
HANGS_AFTER_SECONDS = 2.0
"""Cognito usually answers within a tenth of that."""
REST_SECONDS = 10.0


class Slots:
    """Places for calls. Whoever finds none waits a moment, but not while Cognito hangs: none will come free soon.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, count: int = CALLS_AT_ONCE, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = threading.Semaphore(count)
        self._clock = clock
        self._guard = threading.Lock()
        self._under_way: list[float] = []
        self._hung_at = -REST_SECONDS

    @contextmanager
    def one(self) -> Iterator[bool]:
        """A place while inside, or False when there is none: do not call then."""
        if not self._free.acquire(timeout=0 if self._hangs() else WAIT_SECONDS):
            yield False
            return
        began = self._clock()
        with self._guard:
            self._under_way.append(began)
        try:
            yield True
        finally:
            with self._guard:
                self._under_way.remove(began)
                if self._clock() - began >= HANGS_AFTER_SECONDS:
                    self._hung_at = self._clock()
            self._free.release()

    def _hangs(self) -> bool:
        """Whether a call takes long now, or took long of late."""
        now = self._clock()
        with self._guard:
            oldest = min(self._under_way, default=now)
            return now - oldest >= HANGS_AFTER_SECONDS or now - self._hung_at < REST_SECONDS
