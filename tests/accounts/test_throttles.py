"""How often one may try: for all workers together, sliding, given back on success, and never absent."""

import logging
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from accounts.cognito.errors import CognitoUnavailable
from accounts.flows import throttling, windows
from accounts.flows.rates import Rate, RateName
from accounts.flows.throttling import Throttled, client_address
from accounts.flows.windows import Count, LimitExceeded, MemoryWindow, RateLimiter, RedisWindow
from config.problems import problem_handler

ROOT = Path(__file__).resolve().parents[2]
UMA = "uma@example.com"
NOWHERE = "redis://127.0.0.1:1/0"


class Clock:
    """A clock that moves when told to. Seconds."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def __call__(self) -> float:
        return self.seconds


def redis_url() -> str:
    """Where Redis is, for tests that need it."""
    url: str = django_settings.REDIS_URL
    return url or pytest.skip("REDIS_URL names no Redis")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of all windows and throttles."""
    made = Clock()
    for module in ("accounts.flows.throttling", "accounts.flows.windows", "limits.storage.redis"):
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(time=made, monotonic=made))
    return made


@pytest.fixture(params=["memory", "Redis"])
def limiter(request: pytest.FixtureRequest, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> RateLimiter:
    """What counts, in either place."""
    made = RateLimiter(RedisWindow(redis_url()) if request.param == "Redis" else None, clock)
    monkeypatch.setattr(throttling, "_limiter", lambda: made)
    return made


def fail(email: str = UMA, address: str = "192.0.2.1", rate: RateName = "sign_in_account") -> None:
    """Try once, in vain."""
    request = RequestFactory().post("/", REMOTE_ADDR=address)
    with throttling.attempt(request, address="sign_in_address", account=(rate, email)):
        pass


def succeed(email: str = UMA, address: str = "192.0.2.1") -> None:
    """Try once, with the right password."""
    request = RequestFactory().post("/", REMOTE_ADDR=address)
    with throttling.attempt(request, address="sign_in_address", account=("sign_in_account", email)) as attempt:
        attempt.succeeded()


def refused(email: str = UMA, address: str = "192.0.2.1") -> int:
    """Seconds to wait, as somebody is told who is over."""
    with pytest.raises(Throttled) as caught:
        succeed(email, address)
    return caught.value.wait


def test_after_five_failures_the_right_password_waits_too(limiter: RateLimiter) -> None:
    for _ in range(5):
        fail()
    assert refused() == 61


def test_a_success_is_given_back_to_the_account_but_not_to_the_address(limiter: RateLimiter) -> None:
    for number in range(9):
        succeed(address=f"198.51.100.{number}")
    for _ in range(4):
        fail()
    succeed()
    fail()
    assert refused(address="192.0.2.99") > 0  # the account: five failures
    for number in range(4):
        succeed(f"person{number}@example.com")
    assert refused("ulf@example.com") > 0  # the address: ten sign-ins


def test_an_attempt_that_ends_in_an_error_stays_counted(limiter: RateLimiter) -> None:
    request = RequestFactory().post("/", REMOTE_ADDR="192.0.2.1")
    for _ in range(5):
        with pytest.raises(CognitoUnavailable), throttling.attempt(request, account=("sign_in_account", UMA)):
            raise CognitoUnavailable
    assert refused() > 0


def test_the_wait_is_the_time_until_one_is_allowed_and_not_a_second_more(limiter: RateLimiter, clock: Clock) -> None:
    for _ in range(5):
        fail()
        clock.seconds += 7
    wait = refused()
    assert wait == 60 - 35 + 1
    clock.seconds += wait - 1
    assert refused() == 1
    clock.seconds += 1
    fail()
    assert refused() == 7  # the next failure leaves its window then


def test_the_boundary_of_a_minute_does_not_double_the_allowance(limiter: RateLimiter, clock: Clock) -> None:
    clock.seconds = 1_700_000_040.0 - 1  # a second before a full minute
    for _ in range(5):
        fail()
    clock.seconds += 2
    assert refused() > 0


def test_refused_attempts_do_not_prolong_the_wait(limiter: RateLimiter, clock: Clock) -> None:
    for _ in range(5):
        fail()
    for _ in range(30):
        clock.seconds += 2
        refused()
    clock.seconds += 1
    succeed()


def test_one_account_that_is_over_costs_its_address_nothing(limiter: RateLimiter) -> None:
    for _ in range(5):
        fail()
    for _ in range(100):
        refused()
    for _ in range(5):
        fail("ulf@example.com")
    assert refused("gwen@example.com") > 0


def test_an_address_that_is_over_cannot_lock_accounts(limiter: RateLimiter) -> None:
    for number in range(10):
        fail(f"person{number}@example.com")
    for _ in range(20):
        assert refused() > 0
    succeed(address="192.0.2.2")


def test_a_slow_success_takes_nothing_from_those_who_came_later(
    limiter: RateLimiter, clock: Clock, settings: Settings
) -> None:
    settings.ACCOUNTS_THROTTLES = {"sign_in_account": Rate(1, 1), "sign_in_address": Rate(100, 1)}
    request = RequestFactory().post("/", REMOTE_ADDR="192.0.2.1")
    with throttling.attempt(request, account=("sign_in_account", UMA)) as slow:
        clock.seconds += 3
        fail()
        slow.succeeded()
    assert refused() > 0


def test_spellings_of_one_address_are_one_account(limiter: RateLimiter) -> None:
    for email in ("uma@example.com", "UMA@example.com", " Uma@Example.com ", "uma@EXAMPLE.COM", "uMA@example.com"):
        fail(email)
    assert refused() > 0


def test_rates_do_not_share_their_counts(limiter: RateLimiter) -> None:
    for _ in range(5):
        fail(rate="code_account")
    succeed()


def test_any_text_can_be_counted(limiter: RateLimiter) -> None:
    fail("\ud800\u0000\n")


def test_what_redis_keeps_names_nobody_and_not_for_long(settings: Settings) -> None:
    settings.REDIS_URL = redis_url()
    throttling.forget()
    fail()
    store = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)
    keys = [str(key) for key in store.scan_iter("throttle:*")]
    assert len(keys) == 2
    for key in keys:
        assert "uma" not in key
        assert "192.0.2.1" not in key
        assert 0 < store.ttl(key) <= 60


def test_the_refusal_is_a_problem_with_retry_after() -> None:
    response = problem_handler(Throttled(41.2), {"request": RequestFactory().post("/api/v1/accounts/sign-in/")})
    assert (response.status_code, response["Retry-After"]) == (429, "42")
    assert response.data["code"] == "throttled"
    assert response.data["detail"] == "Too many attempts. Try again in 42 seconds."
    assert Throttled(0).detail == "Too many attempts. Try again in 1 second."


def _passes(email: str) -> bool:
    try:
        fail(email)
    except Throttled:
        return False
    return True


@pytest.mark.parametrize("emails, allowed", [([UMA] * 400, 5), ([f"p{n}@example.com" for n in range(400)], 10)])
def test_of_400_attempts_at_once_exactly_the_allowed_number_passes(
    emails: list[str], allowed: int, limiter: RateLimiter
) -> None:
    with ThreadPoolExecutor(32) as threads:
        assert sum(threads.map(_passes, emails)) == allowed


def test_of_two_who_look_at_the_same_moment_one_passes(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    window = MemoryWindow(clock)
    held = window._held
    both = threading.Barrier(2)

    def slowly_held(count: Count, now: float) -> list[float]:
        found = held(count, now)
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.2)
        return found

    monkeypatch.setattr(window, "_held", slowly_held)
    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(window.take, [Count("mail_account:uma", Rate(1, 3600))] * 2)) == [False, True]


def test_of_400_attempts_in_two_processes_exactly_the_allowed_number_passes() -> None:
    worker = """if True:
        import django, sys
        django.setup()
        from accounts.flows import windows
        from accounts.flows.rates import Rate
        from django.conf import settings
        # However busy the machine is: Redis is not given up, and no attempt leaves its window.
        windows.REDIS_TIMEOUT_SECONDS = 30
        settings.ACCOUNTS_THROTTLES = settings.ACCOUNTS_THROTTLES | {"sign_in_address": Rate(10, 3600)}
        from concurrent.futures import ThreadPoolExecutor
        from tests.accounts.test_throttles import _passes
        print("ready", flush=True)
        sys.stdin.readline()
        with ThreadPoolExecutor(4) as threads:
            print(sum(threads.map(_passes, [f"p{number}@example.com" for number in range(200)])))
    """
    shared = {
        "REDIS_URL": redis_url(),
        "DJANGO_SECRET_KEY": "one for all workers",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", worker],
            cwd=ROOT,
            env={**os.environ, **shared},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [process.stdout.readline() for process in workers if process.stdout] == ["ready\n"] * 2
    for process in workers:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    assert sum(int(process.communicate(timeout=60)[0]) for process in workers) == 10


def _taken(limiter: RateLimiter, count: Count) -> bool:
    try:
        limiter.take([count])
    except LimitExceeded:
        return False
    return True


FIVE = Count("mail_account:uma", Rate(5, 3600))


class Raced(MemoryWindow):
    """Tells everybody that one more is allowed, as in a race; remembers what was taken."""

    def __init__(self, clock: Clock, *, lies: bool) -> None:
        super().__init__(clock)
        self.lies = lies
        self.taken: list[Count] = []

    def take(self, count: Count) -> bool:
        self.taken.append(count)
        return super().take(count)

    def wait(self, count: Count) -> float:
        return 0.0 if self.lies else super().wait(count)


def test_somebody_who_is_over_holds_no_place_of_their_address_for_a_moment(clock: Clock) -> None:
    window = Raced(clock, lies=False)
    limiter = RateLimiter(window, clock)
    assert [_taken(limiter, FIVE) for _ in range(5)] == [True] * 5
    address = Count("mail_address:home", Rate(1, 3600))
    with pytest.raises(LimitExceeded):
        limiter.take([address, FIVE])
    assert address not in window.taken


def test_who_loses_a_race_for_the_last_place_gives_the_other_one_back(clock: Clock) -> None:
    window = Raced(clock, lies=True)
    limiter = RateLimiter(window, clock)
    assert [_taken(limiter, FIVE) for _ in range(5)] == [True] * 5
    address = Count("mail_address:home", Rate(1, 3600))
    with pytest.raises(LimitExceeded):
        limiter.take([address, FIVE])
    assert address in window.taken
    assert _taken(limiter, address)


def test_while_redis_is_down_limits_hold_for_each_worker_and_the_log_says_so_once(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = RateLimiter(RedisWindow(NOWHERE), clock)
    outcomes = []
    for _ in range(20):
        outcomes.append(_taken(limiter, FIVE))
        clock.seconds += 2.9
    assert outcomes == [True] * 5 + [False] * 15
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "ConnectionError" in caplog.text
    assert "127.0.0.1" not in caplog.text
    clock.seconds += 60
    _taken(limiter, FIVE)
    assert len(caplog.records) == 2


@pytest.fixture
def hanging_redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Something that takes connections and never answers."""
    monkeypatch.setattr(windows, "REDIS_TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def test_a_redis_that_hangs_is_asked_once_in_five_seconds(
    hanging_redis: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = RedisWindow(hanging_redis)
    asked: list[Count] = []
    wait = shared.wait

    def asking(count: Count) -> float:
        asked.append(count)
        return wait(count)

    monkeypatch.setattr(shared, "wait", asking)
    limiter = RateLimiter(shared, clock)
    assert [_taken(limiter, FIVE) for _ in range(6)] == [True] * 5 + [False]
    assert len(asked) == 1
    clock.seconds += 5
    _taken(limiter, FIVE)
    assert len(asked) == 2


def test_a_redis_that_comes_back_counts_again(clock: Clock) -> None:
    url = redis_url()
    shared = RedisWindow(url)
    limiter = RateLimiter(shared, clock)
    limiter._breaker.trip()
    clock.seconds += 4.9
    assert limiter.take([FIVE]) is not shared
    clock.seconds += 0.1
    assert limiter.take([FIVE]) is shared
    assert [_taken(RateLimiter(shared, clock), FIVE) for _ in range(5)] == [True] * 4 + [False]


def test_a_redis_that_answers_that_a_limit_is_exceeded_has_come_back(clock: Clock) -> None:
    limiter = RateLimiter(MemoryWindow(clock), clock)
    assert [_taken(limiter, FIVE) for _ in range(5)] == [True] * 5
    limiter._breaker.trip()
    clock.seconds += 5
    assert not _taken(limiter, FIVE)
    with limiter._breaker.call() as is_probe:
        assert not is_probe


def test_giving_back_to_a_redis_that_went_down_is_no_error(clock: Clock) -> None:
    RateLimiter(None, clock).give_back(RedisWindow(NOWHERE), FIVE)


def test_a_connection_that_redis_has_closed_is_no_failure(clock: Clock) -> None:
    url = redis_url()
    shared = RedisWindow(url)
    assert shared.take(FIVE)
    # Its own connection alone: others may be in the middle of something. Then until its end has arrived here.
    pool = shared._redis.connection_pool
    connection = pool.get_connection()
    pool.release(connection)
    redis.Redis.from_url(url).client_kill_filter(_id=str(shared._redis.client_id()))
    ended: Any = connection._sock
    assert select.select([ended], [], [], 30)[0]
    assert shared.take(FIVE)


def test_the_memory_forgets_keys_whose_window_has_passed(clock: Clock) -> None:
    window = MemoryWindow(clock)
    for number in range(20_000):
        clock.seconds += 0.1
        assert window.take(Count(f"sign_in_account:{number}", Rate(5, 60)))
    assert len(window) < 2000


@pytest.mark.parametrize(
    "proxies, forwarded, expected",
    [
        (0, None, "192.0.2.1"),
        (0, "203.0.113.7", "192.0.2.1"),
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "198.51.100.9, 203.0.113.7", "203.0.113.7"),
        (1, "198.51.100.9,203.0.113.7", "203.0.113.7"),
        (2, "198.51.100.9, 203.0.113.7, 10.0.0.1", "203.0.113.7"),
        (2, "203.0.113.7", "192.0.2.1"),  # it came past a proxy: not believed
        (1, None, "192.0.2.1"),
        (1, "", "192.0.2.1"),  # granian makes an empty one of a value that is not ASCII
        (1, "203.0.113.7,", "192.0.2.1"),
        (1, "unknown", "192.0.2.1"),
        (1, "203.0.113.7:51234", "203.0.113.7"),
        (1, "[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1:2::/64"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        (1, "fe80::1%eth0", "fe80::/64"),
        (1, "::ffff:203.0.113.7", "203.0.113.7"),
        (1, "203.0.113.007", "192.0.2.1"),
        (1, "203.0.113.7\n", "203.0.113.7"),
    ],
)
def test_a_client_is_who_our_own_proxies_say(
    proxies: int, forwarded: str | None, expected: str, settings: Settings
) -> None:
    settings.NUM_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1")
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    assert client_address(request) == expected


@pytest.mark.parametrize(
    "connected, expected", [("", "unknown"), ("unix:", "unknown"), ("2001:db8::1", "2001:db8::/64")]
)
def test_whoever_connects_is_counted_somehow(connected: str, expected: str) -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=connected)) == expected


def test_a_process_counts_in_one_place_whoever_asks_first(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REDIS_URL = ""
    throttling.forget()
    both = threading.Barrier(2)

    def slow_to_make(shared: RedisWindow | None) -> RateLimiter:
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.2)
        return RateLimiter(shared)

    monkeypatch.setattr(throttling, "RateLimiter", slow_to_make)
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: throttling._limiter(), range(2))
    throttling.forget()
    assert first is second
