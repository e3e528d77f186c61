"""Circuit breaker and single flight, for one process; safe to share between threads."""

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")


class CircuitOpen(Exception):
    """The call was refused, because the dependency failed a moment ago or is being probed by another thread."""


class CircuitBreaker:
    """Circuit breaker for the calls to one dependency.

    closed      every call is allowed; a failure opens the circuit
    open        every call is refused, until `open_seconds` after the last failure
    half-open   one call at a time is allowed, the probe: its success closes the circuit, its failure opens it again

    `failures` are the exceptions that count as a failure of the dependency. What else counts, such as a slow call, is
    reported with `trip()`. The failure threshold is one. `clock` is monotonic, in seconds.

    Source: M. Nygard, "Release It!", "Stability Patterns"; Azure Architecture Center, "Circuit Breaker pattern".
    """

    def __init__(
        self,
        open_seconds: float,
        failures: type[Exception] | tuple[type[Exception], ...] = Exception,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_seconds = open_seconds
        self._failures = failures
        self._clock = clock
        self._guard = threading.Lock()
        self._open_until: float | None = None  # None: closed
        self._is_probed = False

    @property
    def is_open(self) -> bool:
        """Whether calls are refused now; False when half-open."""
        return self._open_until is not None and self._clock() < self._open_until

    def trip(self) -> None:
        """Record a failure: open the circuit, or keep it open for another `open_seconds`."""
        self._open_until = self._clock() + self._open_seconds

    @contextmanager
    def call(self) -> Iterator[bool]:
        """Context manager around one call; its value is whether the call is the probe.

        Raises CircuitOpen when the call is refused. Leaving without an exception is success. An exception that is none
        of `failures` says nothing about the dependency, and leaves the circuit as it was.
        """
        with self._guard:
            is_probe = self._open_until is not None
            if is_probe and (self._is_probed or self.is_open):
                raise CircuitOpen
            self._is_probed |= is_probe
        try:
            yield is_probe
            if is_probe:  # a call that began before the circuit opened does not close it
                self._open_until = None
        except self._failures:
            self.trip()
            raise
        finally:
            if is_probe:
                self._is_probed = False


class SingleFlight(Generic[T]):
    """Single flight: concurrent callers with one key share one call, and its result or exception.

    Nothing is cached: a caller that comes after the end of the call starts the next one.

    Source: the package golang.org/x/sync/singleflight.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._flights: dict[Hashable, Future[T]] = {}

    def join(self, call: Callable[[], T], key: Hashable = None, *, thread: str = "") -> tuple[Future[T], bool]:
        """Start `call`, unless one with this key is under way; gives its future, and whether this caller started it.

        Without `thread` the call is made before this returns, and its exception is raised here too. With `thread`, a
        name, it is made in a new daemon thread with a copy of the caller's context variables; if none can be started,
        RuntimeError is raised, here and for the others. These can wait with a time limit: `Future.result(timeout)`
        raises TimeoutError.
        """
        with self._guard:
            if key in self._flights:
                return self._flights[key], False
            flight = self._flights[key] = Future()
        if thread:
            run = copy_context().run
            try:
                threading.Thread(target=run, args=(self._make, call, key), name=thread, daemon=True).start()
            except RuntimeError as error:  # no thread could be started: the others must not wait for this flight
                self._end(key).set_exception(error)
                raise
        else:
            self._make(call, key)
        return flight, True

    def _make(self, call: Callable[[], T], key: Hashable) -> None:
        # The flight is removed before its result is set: a caller that has seen the result gets another from `join`.
        try:
            result = call()
        except BaseException as error:
            self._end(key).set_exception(error)
            raise
        self._end(key).set_result(result)

    def _end(self, key: Hashable) -> Future[T]:
        with self._guard:
            return self._flights.pop(key)
