"""Bulkhead for calls to Cognito: limits how many threads of a process wait for it at once.

Source: Azure Architecture Center, "Bulkhead pattern".
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from accounts.tokens.resilience import CircuitBreaker

CALLS_AT_ONCE = 3
"""In each process. Fewer than the threads of a worker, so that other requests are served while Cognito hangs."""
WAIT_SECONDS = 0.5  # for a slot
SLOW_CALL_SECONDS = 2.0  # Cognito usually answers within a tenth of that
OPEN_SECONDS = 10.0  # after a slow call nobody waits for a slot


class Bulkhead:
    """Limited number of slots for concurrent calls. A caller that finds none free waits WAIT_SECONDS for one.

    It does not wait while a call is slow, or a slow one ended in the last OPEN_SECONDS (the circuit is open): a slot
    is unlikely to become free in time. Free slots are given out in every state. `clock` is monotonic, in seconds.
    """

    def __init__(self, slots: int = CALLS_AT_ONCE, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = threading.Semaphore(slots)
        self._clock = clock
        self._started: list[float] = []  # when the calls in progress began; each operation on the list is atomic
        self._breaker = CircuitBreaker(OPEN_SECONDS, clock=clock)

    @contextmanager
    def slot(self) -> Iterator[bool]:
        """Hold a slot during the block. Yields False when no slot is free: the call must not be made then."""
        if not self._free.acquire(timeout=0 if self._is_slow() else WAIT_SECONDS):
            yield False
            return
        started = self._clock()
        self._started.append(started)
        try:
            yield True
        finally:
            if self._clock() - started >= SLOW_CALL_SECONDS:
                self._breaker.trip()
            self._started.remove(started)
            self._free.release()

    def _is_slow(self) -> bool:
        now = self._clock()
        return now - min(self._started, default=now) >= SLOW_CALL_SECONDS or self._breaker.is_open
