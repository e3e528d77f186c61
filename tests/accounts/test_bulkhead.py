"""The bulkhead for calls to Cognito: while it is slow, few threads wait for it, and other callers are refused."""

import threading
from contextlib import ExitStack

import pytest

from accounts.cognito.bulkhead import CALLS_AT_ONCE, OPEN_SECONDS, SLOW_CALL_SECONDS, WAIT_SECONDS, Bulkhead
from config.serve import BLOCKING_THREADS
from tests.accounts.people import PASSWORD, sign_in
from tests.conftest import Client


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_thread_of_every_worker_is_left_for_requests_that_do_not_need_cognito() -> None:
    assert CALLS_AT_ONCE < BLOCKING_THREADS


def test_calls_beyond_the_slots_are_refused_and_slots_become_free_again(clock: Clock) -> None:
    bulkhead = Bulkhead(2, clock)
    with bulkhead.slot() as first, bulkhead.slot() as second, bulkhead.slot() as third:
        assert (first, second, third) == (True, True, False)
    with bulkhead.slot() as again:
        assert again


def test_a_slot_that_becomes_free_soon_is_waited_for(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.cognito.bulkhead.WAIT_SECONDS", 60.0)  # on a busy machine the moment is long
    bulkhead = Bulkhead(1, clock)
    free, taken = threading.Event(), threading.Event()

    def call() -> None:
        with bulkhead.slot():
            taken.set()
            free.wait(30)

    caller = threading.Thread(target=call)
    caller.start()
    assert taken.wait(30)
    soon = threading.Timer(0.1, free.set)
    soon.start()
    with bulkhead.slot() as has_slot:
        assert has_slot
    caller.join(30)
    soon.join(30)


@pytest.mark.parametrize("passed, waits", [(SLOW_CALL_SECONDS / 2, True), (SLOW_CALL_SECONDS, False)])
def test_nobody_waits_for_a_slot_while_a_call_is_slow(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, passed: float, waits: bool
) -> None:
    bulkhead = Bulkhead(1, clock)
    waited: list[float] = []
    with bulkhead.slot():
        clock.now += passed
        monkeypatch.setattr(bulkhead._free, "acquire", lambda timeout: waited.append(timeout))
        with bulkhead.slot() as has_slot:
            assert not has_slot
    assert waited == [WAIT_SECONDS if waits else 0]


def test_callers_wait_again_some_seconds_after_a_slow_call(clock: Clock) -> None:
    bulkhead = Bulkhead(1, clock)
    with bulkhead.slot():
        clock.now += SLOW_CALL_SECONDS
    assert bulkhead._is_slow()
    clock.now += OPEN_SECONDS
    assert not bulkhead._is_slow()


@pytest.mark.django_db
def test_a_caller_who_finds_no_slot_is_told_that_cognito_is_unavailable(
    visitor: Client, cognito: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    bulkhead = Bulkhead(1)
    monkeypatch.setattr("accounts.cognito.client._bulkhead", bulkhead)
    monkeypatch.setattr("accounts.cognito.bulkhead.WAIT_SECONDS", 0.01)
    with ExitStack() as held:
        held.enter_context(bulkhead.slot())
        answer = sign_in(visitor, "user@example.com", PASSWORD)
        assert (answer.status_code, answer.json()["code"]) == (503, "cognito_unavailable")
        assert answer["Retry-After"]
    assert sign_in(visitor, "user@example.com", PASSWORD).status_code == 200
