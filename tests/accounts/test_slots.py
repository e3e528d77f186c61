"""Cognito hangs: some wait for it, everybody else is told at once."""

import threading
from contextlib import ExitStack

import pytest

from accounts.slots import CALLS_AT_ONCE, HANGS_AFTER_SECONDS, REST_SECONDS, WAIT_SECONDS, Slots
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


def test_a_thread_of_every_worker_is_left_for_those_who_do_not_need_cognito() -> None:
    assert CALLS_AT_ONCE < BLOCKING_THREADS


def test_calls_beyond_the_places_are_refused_and_places_come_free_again(clock: Clock) -> None:
    slots = Slots(2, clock)
    with slots.one() as first, slots.one() as second, slots.one() as third:
        assert (first, second, third) == (True, True, False)
    with slots.one() as again:
        assert again


def test_a_place_that_comes_free_in_a_moment_is_waited_for(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.slots.WAIT_SECONDS", 60.0)  # on a busy machine the moment is long
    slots = Slots(1, clock)
    free, taken = threading.Event(), threading.Event()

    def call() -> None:
        with slots.one():
            taken.set()
            free.wait(30)

    caller = threading.Thread(target=call)
    caller.start()
    assert taken.wait(30)
    soon = threading.Timer(0.1, free.set)
    soon.start()
    with slots.one() as place:
        assert place
    caller.join(30)
    soon.join(30)


@pytest.mark.parametrize("passed, waits", [(HANGS_AFTER_SECONDS / 2, True), (HANGS_AFTER_SECONDS, False)])
def test_nobody_waits_for_a_place_while_a_call_hangs(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, passed: float, waits: bool
) -> None:
    slots = Slots(1, clock)
    waited: list[float] = []
    with slots.one():
        clock.now += passed
        monkeypatch.setattr(slots._free, "acquire", lambda timeout: waited.append(timeout))
        with slots.one() as place:
            assert not place
    assert waited == [WAIT_SECONDS if waits else 0]


def test_that_cognito_hung_is_forgotten_after_a_rest(clock: Clock) -> None:
    slots = Slots(1, clock)
    with slots.one():
        clock.now += HANGS_AFTER_SECONDS
    assert slots._hangs()
    clock.now += REST_SECONDS
    assert not slots._hangs()


@pytest.mark.django_db
def test_who_finds_no_place_is_told_that_cognito_is_unavailable(
    visitor: Client, cognito: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = Slots(1)
    monkeypatch.setattr("accounts.cognito._slots", slots)
    monkeypatch.setattr("accounts.slots.WAIT_SECONDS", 0.01)
    with ExitStack() as held:
        held.enter_context(slots.one())
        answer = sign_in(visitor, "user@example.com", PASSWORD)
        assert (answer.status_code, answer.json()["code"]) == (503, "cognito_unavailable")
        assert answer["Retry-After"]
    assert sign_in(visitor, "user@example.com", PASSWORD).status_code == 200
