"""How many attempts were there lately? Windows that slide: in Redis, shared by all workers, or in one's own memory.

At no moment do the seconds before it hold more attempts than the rate allows; there is no boundary to gain from.
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

from accounts.rates import Rate

logger = logging.getLogger(__name__)

REDIS_TIMEOUT_SECONDS = 1.0
# After a failure Redis is left alone for a while, so that a hanging one does not hold every request.
REST_SECONDS = 5.0
LOG_SECONDS = 60.0
SWEEP_KEYS = 1024


class Over(Exception):
    """Too many attempts: in `seconds` the next one is allowed. `key` names the count that makes it wait so long."""

    def __init__(self, seconds: float, key: str) -> None:
        super().__init__()
        self.seconds = seconds
        self.key = key


class Count(NamedTuple):
    """What is counted, and how much of it is allowed."""

    key: str
    rate: Rate


class Window(Protocol):
    """The attempts of late, by key. Each step is atomic over all who share the window."""

    def take(self, count: Count) -> bool:
        """Count one, unless that would be one too many."""

    def give_back(self, count: Count) -> None:
        """Count one less: the latest, which leaves as many as if it were the one meant."""

    def wait(self, count: Count) -> float:
        """Seconds until one more is allowed; 0 when it is now."""


class SharedWindow:
    """In Redis, by the moving window of `limits`: one script a step, exact to the attempt. Raises RedisError.

    The moments are those of the workers' clocks, in Unix time.
    """

    def __init__(self, url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=16,
            timeout=REDIS_TIMEOUT_SECONDS,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            # A second try might count twice. The pool itself replaces connections that Redis has closed meanwhile.
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis(connection_pool=pool)
        self._storage = RedisStorage(url, connection_pool=pool, key_prefix="throttle")

    def take(self, count: Count) -> bool:
        """See Window."""
        return self._storage.acquire_entry(count.key, count.rate.count, count.rate.seconds)

    def give_back(self, count: Count) -> None:
        """See Window."""
        # `limits` cannot take one back; it keeps the moments in a list, the latest first.
        self._redis.lpop(self._storage.prefixed_key(count.key))

    def wait(self, count: Count) -> float:
        """See Window."""
        oldest, held = self._storage.get_moving_window(count.key, count.rate.count, count.rate.seconds)
        return 0.0 if held < count.rate.count else max(0.0, oldest + count.rate.seconds - time.time())


class OwnWindow:
    """In the memory of this process.

    Not the one of `limits` 5.8: it never forgets a key of a moving window, starts a thread for almost every attempt,
    and cannot take one back. `clock` is monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._moments: dict[str, list[float]] = {}
        self._ends: dict[str, float] = {}
        self._sweep_at = SWEEP_KEYS

    def __len__(self) -> int:
        return len(self._moments)

    def take(self, count: Count) -> bool:
        """See Window."""
        with self._guard:
            now = self._clock()
            moments = self._held(count, now)
            if len(moments) >= count.rate.count:
                return False
            if len(self._moments) >= self._sweep_at:
                self._sweep(now)
            self._moments[count.key] = [*moments, now]
            self._ends[count.key] = now + count.rate.seconds
            return True

    def give_back(self, count: Count) -> None:
        """See Window."""
        with self._guard:
            self._moments[count.key] = self._held(count, self._clock())[:-1]

    def wait(self, count: Count) -> float:
        """See Window."""
        with self._guard:
            now = self._clock()
            moments = self._held(count, now)
            return 0.0 if len(moments) < count.rate.count else moments[-count.rate.count] + count.rate.seconds - now

    def _held(self, count: Count, now: float) -> list[float]:
        return [moment for moment in self._moments.get(count.key, ()) if moment >= now - count.rate.seconds]

    def _sweep(self, now: float) -> None:
        """Forget keys whose window has passed. The next time is at twice what is left, so the cost is spread."""
        self._ends = {key: end for key, end in self._ends.items() if end >= now}
        self._moments = {key: self._moments[key] for key in self._ends}
        self._sweep_at = max(SWEEP_KEYS, 2 * len(self._moments))


class Counter:
    """Counts in `shared`; in its own memory without one, and for a while after it failed. `clock` is monotonic."""

    def __init__(self, shared: Window | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._shared = shared
        self._own = OwnWindow(clock)
        self._clock = clock
        self._rests_until = self._silent_until = -math.inf

    def take(self, counts: Sequence[Count]) -> Window:
        """Count one of each, and say where: a Window for `give_back`. Raises Over, and then none has counted."""
        if self._shared is not None and self._clock() >= self._rests_until:
            try:
                _take_all(self._shared, counts)
                return self._shared
            except RedisError as error:
                self._rest(error)
        _take_all(self._own, counts)
        return self._own

    def give_back(self, window: Window, count: Count) -> None:
        """Count one less where it was counted. When Redis fails just then, it stays counted."""
        try:
            window.give_back(count)
        except RedisError as error:
            self._rest(error)

    def _rest(self, error: RedisError) -> None:
        now = self._clock()
        self._rests_until = now + REST_SECONDS
        if now >= self._silent_until:
            self._silent_until = now + LOG_SECONDS
            # Not the message: it may hold the address of Redis with its password.
            logger.error("Redis fails (%s): throttles hold for each worker alone.", type(error).__name__)


def _take_all(window: Window, counts: Sequence[Count]) -> None:
    # Asked first, so that somebody who is over holds no place in another count, not even for a moment, while others
    # from the same address may need it.
    wait, key = _longest_wait(window, counts)
    if wait > 0:
        raise Over(wait, key)
    taken: list[Count] = []
    for count in counts:
        if not window.take(count):
            for other in taken:
                window.give_back(other)
            raise Over(*_longest_wait(window, counts))
        taken.append(count)


def _longest_wait(window: Window, counts: Sequence[Count]) -> tuple[float, str]:
    return max(((window.wait(count), count.key) for count in counts), default=(0.0, ""))
