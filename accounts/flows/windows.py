"""Rate limiter with sliding windows: in Redis, shared by all workers, or in the memory of one process.

No period of a rate's length holds more attempts than it allows, as one across the border of two fixed windows would.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from limits.storage import RedisStorage
from redis import BlockingConnectionPool, Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.flows.rates import Rate
from accounts.tokens.resilience import CircuitBreaker, CircuitOpen

logger = logging.getLogger(__name__)

REDIS_TIMEOUT_SECONDS = 1.0
OPEN_SECONDS = 5.0  # of the circuit breaker for Redis: a server that hangs would hold every request
LOG_SECONDS = 60.0  # between two log lines about Redis
SWEEP_KEYS = 1024  # number of keys in memory at which expired ones are removed


class LimitExceeded(Exception):
    """Too many attempts: the next one is allowed in `seconds`. `key` is that of the count with the longest wait."""

    def __init__(self, seconds: float, key: str) -> None:
        super().__init__()
        self.seconds = seconds
        self.key = key


class Count(NamedTuple):
    """A counted key, and its rate: how many attempts are allowed in how many seconds."""

    key: str
    rate: Rate


class SlidingWindow(Protocol):
    """Times of recent attempts, by key. Each operation is atomic for all users of the window."""

    def take(self, count: Count) -> bool:
        """Count one attempt and return True; False when the limit is reached, and then none is counted."""

    def give_back(self, count: Count) -> None:
        """Count one attempt less: the latest one, whichever was meant, since the number left is the same."""

    def wait(self, count: Count) -> float:
        """Seconds until one more attempt is allowed; 0 when it is allowed now."""


class RedisWindow:
    """Sliding window in Redis, by the moving window of `limits`: one script for each operation. Raises RedisError.

    The times are those of the workers' clocks, in Unix time.
    """

    def __init__(self, url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=16,
            timeout=REDIS_TIMEOUT_SECONDS,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            # A retry might count twice. The pool itself replaces connections that Redis has closed.
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis(connection_pool=pool)
        self._storage = RedisStorage(url, connection_pool=pool, key_prefix="throttle")

    def take(self, count: Count) -> bool:
        """See SlidingWindow."""
        return self._storage.acquire_entry(count.key, count.rate.count, count.rate.seconds)

    def give_back(self, count: Count) -> None:
        """See SlidingWindow."""
        # `limits` has no such operation; it keeps the times in a list, the latest first.
        self._redis.lpop(self._storage.prefixed_key(count.key))

    def wait(self, count: Count) -> float:
        """See SlidingWindow."""
        oldest, held = self._storage.get_moving_window(count.key, count.rate.count, count.rate.seconds)
        return 0.0 if held < count.rate.count else max(0.0, oldest + count.rate.seconds - time.time())


class MemoryWindow:
    """Sliding window in the memory of this process. `clock` is monotonic, in seconds.

    Not the one of `limits` 5.8, which never removes a key of a moving window, starts a thread for almost every attempt,
    and cannot give one back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._times: dict[str, list[float]] = {}
        self._ends: dict[str, float] = {}
        self._sweep_at = SWEEP_KEYS

    def __len__(self) -> int:
        return len(self._times)

    def take(self, count: Count) -> bool:
        """See SlidingWindow."""
        with self._guard:
            now = self._clock()
            times = self._held(count, now)
            if len(times) >= count.rate.count:
                return False
            if len(self._times) >= self._sweep_at:
                self._sweep(now)
            self._times[count.key] = [*times, now]
            self._ends[count.key] = now + count.rate.seconds
            return True

    def give_back(self, count: Count) -> None:
        """See SlidingWindow."""
        with self._guard:
            self._times[count.key] = self._held(count, self._clock())[:-1]

    def wait(self, count: Count) -> float:
        """See SlidingWindow."""
        with self._guard:
            now = self._clock()
            times = self._held(count, now)
            return 0.0 if len(times) < count.rate.count else times[-count.rate.count] + count.rate.seconds - now

    def _held(self, count: Count, now: float) -> list[float]:
        return [each for each in self._times.get(count.key, ()) if each >= now - count.rate.seconds]

    def _sweep(self, now: float) -> None:
        """Remove expired keys. The next time is when twice as many as now are held, which spreads the cost."""
        self._ends = {key: end for key, end in self._ends.items() if end >= now}
        self._times = {key: self._times[key] for key in self._ends}
        self._sweep_at = max(SWEEP_KEYS, 2 * len(self._times))


class RateLimiter:
    """Rate limiter that counts in `shared`; in memory without one, and while its circuit is open.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, shared: SlidingWindow | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._shared = shared
        self._own = MemoryWindow(clock)
        self._clock = clock
        self._breaker = CircuitBreaker(OPEN_SECONDS, RedisError, clock)
        self._silent_until = -math.inf

    def take(self, counts: Sequence[Count]) -> SlidingWindow:
        """Count one attempt for each of `counts`, and return the window that counts it, for `give_back`.

        Raises LimitExceeded, and then none is counted.
        """
        window, excess = self._taken(counts)
        if excess is not None:
            raise excess
        return window

    def _taken(self, counts: Sequence[Count]) -> tuple[SlidingWindow, LimitExceeded | None]:
        if self._shared is not None:
            try:
                with self._breaker.call():
                    # An exceeded limit is returned, not raised: to the breaker, Redis has answered.
                    return self._shared, _take_all(self._shared, counts)
            except CircuitOpen:
                pass
            except RedisError as error:
                self._log(error)
        return self._own, _take_all(self._own, counts)

    def give_back(self, window: SlidingWindow, count: Count) -> None:
        """Count one attempt less in the window that `take` returned. If Redis fails then, the attempt stays counted."""
        try:
            window.give_back(count)
        except RedisError as error:
            self._breaker.trip()
            self._log(error)

    def _log(self, error: RedisError) -> None:
        now = self._clock()
        if now >= self._silent_until:
            self._silent_until = now + LOG_SECONDS
            # Not the message: it may hold the address of Redis with its password.
            logger.error("Redis fails (%s): each worker counts attempts by itself.", type(error).__name__)


def _take_all(window: SlidingWindow, counts: Sequence[Count]) -> LimitExceeded | None:
    # Checked first, so that a client over one limit does not use up another, not even for a moment, while other clients
    # of the same address may need it.
    wait, key = _longest_wait(window, counts)
    if wait > 0:
        return LimitExceeded(wait, key)
    taken: list[Count] = []
    for count in counts:
        if not window.take(count):
            for other in taken:
                window.give_back(other)
            return LimitExceeded(*_longest_wait(window, counts))
        taken.append(count)
    return None


def _longest_wait(window: SlidingWindow, counts: Sequence[Count]) -> tuple[float, str]:
    return max(((window.wait(count), count.key) for count in counts), default=(0.0, ""))
