"""The circuit breaker and the single flight: each state, and what concurrent callers share."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

import pytest

from accounts.tokens.resilience import CircuitBreaker, CircuitOpen, SingleFlight
from tests.accounts.test_bulkhead import Clock

OPEN_SECONDS = 10.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    """A closed circuit; an OSError is a failure of the dependency."""
    return CircuitBreaker(OPEN_SECONDS, OSError, clock)


def fail(breaker: CircuitBreaker) -> None:
    with pytest.raises(OSError, match="unreachable"), breaker.call():
        raise OSError("unreachable")


def is_refused(breaker: CircuitBreaker) -> bool:
    try:
        with breaker.call():
            pass
    except CircuitOpen:
        return True
    return False


# --- CircuitBreaker ---


def test_a_closed_circuit_allows_concurrent_calls(breaker: CircuitBreaker) -> None:
    with breaker.call() as first, breaker.call() as second:
        assert (first, second, breaker.is_open) == (False, False, False)


def test_the_first_failure_opens_the_circuit_for_so_many_seconds(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += OPEN_SECONDS - 0.1
    assert (breaker.is_open, is_refused(breaker)) == (True, True)
    clock.now += 0.1
    assert (breaker.is_open, is_refused(breaker)) == (False, False)


def test_a_failure_that_is_reported_opens_it_too_and_a_later_one_keeps_it_open(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    breaker.trip()
    clock.now += OPEN_SECONDS - 1
    breaker.trip()
    clock.now += OPEN_SECONDS - 1
    assert breaker.is_open
    assert is_refused(breaker)


def test_a_half_open_circuit_allows_one_probe_at_a_time(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += OPEN_SECONDS
    with breaker.call() as is_probe:
        assert is_probe
        assert is_refused(breaker)


def test_of_many_threads_one_probes_a_half_open_circuit(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += OPEN_SECONDS
    everybody = threading.Barrier(8)
    decided = threading.Barrier(8)

    def ask() -> bool:
        everybody.wait(30)
        try:
            with breaker.call() as is_probe:
                decided.wait(30)
                return is_probe
        except CircuitOpen:
            decided.wait(30)
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(future.result(30) for future in [threads.submit(ask) for _ in range(8)]) == 1


def test_a_probe_that_succeeds_closes_the_circuit(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += OPEN_SECONDS
    assert not is_refused(breaker)
    with breaker.call() as is_probe, breaker.call():
        assert not is_probe


def test_a_probe_that_fails_opens_the_circuit_again(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += OPEN_SECONDS
    fail(breaker)
    assert is_refused(breaker)
    clock.now += OPEN_SECONDS
    with breaker.call() as is_probe:
        assert is_probe


def test_another_exception_in_a_probe_says_nothing_and_the_next_call_is_the_probe(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    fail(breaker)
    clock.now += OPEN_SECONDS
    with pytest.raises(ValueError, match="ours"), breaker.call():
        raise ValueError("ours")
    with breaker.call() as is_probe:
        assert is_probe


def test_a_call_that_began_before_the_circuit_opened_does_not_close_it(breaker: CircuitBreaker) -> None:
    with breaker.call():
        fail(breaker)
    assert is_refused(breaker)


# --- SingleFlight ---


class Call:
    """A call that lasts until it is let go, and counts how often it is made."""

    def __init__(self, outcome: Callable[[], str] = lambda: "result") -> None:
        self._outcome = outcome
        self._may_end = threading.Event()
        self.has_begun = threading.Event()
        self.times = 0

    def __call__(self) -> str:
        self.times += 1
        self.has_begun.set()
        assert self._may_end.wait(30)
        return self._outcome()

    def end(self) -> None:
        """Let it return."""
        self._may_end.set()


@contextmanager
def under_way(flights: SingleFlight[str], call: Call) -> Iterator["Future[tuple[Future[str], bool]]"]:
    """The call is being made, by another thread, for the length of the block."""
    with ThreadPoolExecutor(1) as threads:
        leader = threads.submit(flights.join, call)
        assert call.has_begun.wait(30)
        try:
            yield leader
        finally:
            call.end()


def test_callers_during_a_call_share_its_result() -> None:
    flights, call = SingleFlight[str](), Call()
    with under_way(flights, call) as leader:
        joined = [flights.join(call) for _ in range(5)]
        assert not any(is_own or flight.done() for flight, is_own in joined)
    assert {flight.result(30) for flight, _ in joined} == {"result"}
    assert leader.result(30)[1]
    assert call.times == 1


def test_callers_during_a_call_share_its_exception() -> None:
    def broken() -> str:
        raise OSError("unreachable")

    flights, call = SingleFlight[str](), Call(broken)
    with under_way(flights, call) as leader:
        flight, _ = flights.join(call)
    assert flight.exception(30) is leader.exception(30)
    assert isinstance(flight.exception(30), OSError)


def test_the_next_caller_starts_another_call_whether_the_last_one_failed_or_not() -> None:
    flights = SingleFlight[int]()
    made: list[int] = []

    def call() -> int:
        made.append(len(made))
        if len(made) == 1:
            raise OSError("unreachable")
        return made[-1]

    with pytest.raises(OSError, match="unreachable"):
        flights.join(call)
    assert [flights.join(call)[0].result() for _ in range(2)] == [1, 2]


def test_a_caller_who_has_seen_a_result_does_not_get_it_again() -> None:
    flights, call = SingleFlight[str](), Call()
    again: list[bool] = []
    with under_way(flights, call):
        flight, _ = flights.join(call)
        flight.add_done_callback(lambda _: again.append(flights.join(lambda: "another")[1]))
    assert again == [True]


def test_a_caller_waits_no_longer_than_it_wants() -> None:
    flights, call = SingleFlight[str](), Call()
    with under_way(flights, call):
        flight, _ = flights.join(call)
        with pytest.raises(TimeoutError):
            flight.result(0.01)


def test_calls_with_other_keys_are_made_at_the_same_time() -> None:
    flights, call = SingleFlight[str](), Call()
    with under_way(flights, call):
        flight, is_own = flights.join(lambda: "of another key", "another")
        assert (flight.result(0), is_own) == ("of another key", True)


def test_a_call_in_a_thread_of_its_own_holds_nobody_and_keeps_the_context() -> None:
    request = ContextVar("request", default="none")
    request.set("of Uma")
    flights, call = SingleFlight[str](), Call(lambda: f"{request.get()} in {threading.current_thread().name}")
    flight, is_own = flights.join(call, thread="a thread")
    assert (is_own, flight.done(), flights.join(call)) == (True, False, (flight, False))
    call.end()
    assert flight.result(30) == "of Uma in a thread"


def test_where_no_thread_can_be_started_everybody_gets_the_error_and_the_next_caller_a_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flights: SingleFlight[str] = SingleFlight()
    waiting: list[Future[str]] = []

    def start(_: threading.Thread) -> None:
        waiting.append(flights.join(lambda: "of somebody who waits")[0])
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError, match="can't start"):
            flights.join(lambda: "never made", thread="refused")

    assert isinstance(waiting[0].exception(timeout=0), RuntimeError)
    assert flights.join(lambda: "the next", thread="started")[0].result(timeout=10) == "the next"
