"""Signed out means signed out: on every worker within one second, durable, and at no query per request."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from pytest_django import DjangoAssertNumQueries

from accounts.models import KnownSession, Revocation
from accounts.tokens import revocation
from accounts.tokens.revocation import RevocationList, Session, TokenRevoked
from accounts.tokens.testing import ABSENT, Pool, subject
from accounts.tokens.verifier import Claims, TokenVerifier

NOW = 1_700_000_000
DAY = 24 * 3600
TOMORROW = datetime.fromtimestamp(NOW + DAY, UTC)

pytestmark = pytest.mark.django_db


class Time:
    """One clock for all workers: moves when told to, or when somebody sleeps. Seconds."""

    def __init__(self) -> None:
        self.seconds = NOW + 0.25
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.slept.append(seconds)
        self.seconds += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def new_worker(time: Time) -> Callable[[], RevocationList]:
    """Starts a worker, by that clock."""
    return lambda: RevocationList(clock=time, now=time, sleep=time.sleep)


@pytest.fixture
def worker(new_worker: Callable[[], RevocationList]) -> RevocationList:
    return new_worker()


@pytest.fixture
def other_worker(new_worker: Callable[[], RevocationList]) -> RevocationList:
    return new_worker()


Issue = Callable[..., Claims]


@pytest.fixture
def issue(pool: Pool, verifier: TokenVerifier) -> Issue:
    """The claims of a genuine access token of somebody, issued at `iat`."""

    def issued(name: str = "Uma", iat: int = NOW, **claims: Any) -> Claims:
        return verifier.verify(pool.access_token(name, iat=iat, auth_time=NOW, **claims), "access")

    return issued


def refuses(worker: RevocationList, claims: Claims) -> bool:
    """Whether `worker` takes the token for signed out."""
    try:
        worker.require_current(claims)
    except TokenRevoked:
        return True
    return False


@contextmanager
def broken_database() -> Iterator[None]:
    """Every query fails."""

    def fail(*_: Any) -> None:
        raise OperationalError("the database has gone")

    with connection.execute_wrapper(fail):
        yield


def test_signing_out_ends_one_session_of_a_person(worker: RevocationList, issue: Issue) -> None:
    phone, refreshed, laptop = issue(origin_jti="phone"), issue(origin_jti="phone", iat=NOW + 50), issue()
    assert not refuses(worker, phone)
    worker.revoke_session("phone")
    assert refuses(worker, phone)
    assert refuses(worker, refreshed)
    assert not refuses(worker, laptop)


def test_signing_out_everywhere_ends_all_sessions_of_one_person(worker: RevocationList, issue: Issue) -> None:
    worker.revoke_person(subject("Uma"))
    assert refuses(worker, issue())
    assert refuses(worker, issue(origin_jti=ABSENT))
    assert not refuses(worker, issue("Ulf"))


def test_a_sign_in_right_after_works(worker: RevocationList, issue: Issue, time: Time) -> None:
    worker.revoke_person(subject("Uma"))
    assert time.slept == [0.75]
    assert time.seconds == NOW + 1
    assert refuses(worker, issue(iat=NOW))
    assert not refuses(worker, issue(iat=int(time.seconds)))


def test_a_sign_out_on_the_full_second_waits_for_the_next(worker: RevocationList, issue: Issue, time: Time) -> None:
    time.seconds = NOW
    worker.revoke_person(subject("Uma"))
    assert time.seconds == NOW + 1
    assert refuses(worker, issue(iat=NOW))


def test_a_clock_that_is_set_back_holds_nobody_for_ever(time: Time, issue: Issue) -> None:
    def set_back(seconds: float) -> None:
        time.slept.append(seconds)
        time.seconds -= 3600

    worker = RevocationList(clock=lambda: 0.0, now=time, sleep=set_back)
    worker.revoke_person(subject("Uma"))
    assert sum(time.slept) <= 3
    assert refuses(worker, issue())


def test_of_two_cut_offs_the_later_counts(worker: RevocationList, issue: Issue, time: Time) -> None:
    worker.revoke_person(subject("Uma"))
    between = issue(iat=NOW + 5)
    assert not refuses(worker, between)
    time.seconds = NOW + 10
    worker.revoke_person(subject("Uma"))
    assert refuses(worker, between)


def test_the_token_says_why_it_is_refused(worker: RevocationList, issue: Issue) -> None:
    worker.revoke_person(subject("Uma"))
    with pytest.raises(TokenRevoked) as caught:
        worker.require_current(issue())
    assert caught.value.code == "token_revoked"
    assert "Sign in again" in caught.value.detail


@pytest.mark.parametrize("late", [0.0, 0.3, 0.79])
def test_every_worker_knows_within_one_second(
    late: float, worker: RevocationList, other_worker: RevocationList, issue: Issue, time: Time
) -> None:
    claims = issue()
    assert not refuses(other_worker, claims)
    time.seconds += late
    worker.revoke_session(claims.origin_jti or "")
    assert refuses(worker, claims)
    time.seconds += 0.999
    assert refuses(other_worker, claims)


def test_a_restarted_worker_knows_too(
    worker: RevocationList, new_worker: Callable[[], RevocationList], issue: Issue
) -> None:
    claims = issue()
    worker.revoke_session(claims.origin_jti or "")
    worker.revoke_person(subject("Ulf"))
    assert refuses(new_worker(), claims)
    assert refuses(new_worker(), issue("Ulf"))


def test_a_request_costs_no_query(
    worker: RevocationList, issue: Issue, time: Time, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    people = [issue(f"Person {number}") for number in range(20)]
    with django_assert_num_queries(1):
        assert not any(refuses(worker, claims) for claims in people * 20)
    time.seconds += 0.79
    with django_assert_num_queries(0):
        assert not any(refuses(worker, claims) for claims in people * 20)
    time.seconds += 0.02
    with django_assert_num_queries(1):
        assert not any(refuses(worker, claims) for claims in people * 20)


def test_when_the_database_fails_nobody_passes_as_not_signed_out(
    worker: RevocationList, issue: Issue, time: Time
) -> None:
    with broken_database(), pytest.raises(OperationalError):
        worker.require_current(issue())
    assert not refuses(worker, issue())
    with broken_database():
        time.seconds += 0.7
        assert not refuses(worker, issue())  # by the list held
        time.seconds += 0.2
        for _ in range(2):
            with pytest.raises(OperationalError):
                worker.require_current(issue())
    assert not refuses(worker, issue())


def _row(number: int, origin_jti: str) -> Revocation:
    return Revocation(pk=number, origin_jti=origin_jti, expires_at=TOMORROW)


def test_a_row_that_is_committed_half_a_minute_after_its_successors_is_found(
    worker: RevocationList, issue: Issue, time: Time
) -> None:
    claims = issue()
    for number in range(150):  # two busy minutes, so that the late row comes at every moment between two marks
        _row(10_000 + 10 * number, f"session {number}").save(force_insert=True)
        if number >= 40:
            _row(10_000 + 10 * (number - 40) + 5, f"late {number}").save(force_insert=True)
            assert refuses(worker, claims._replace(origin_jti=f"late {number}"))
        assert refuses(worker, claims._replace(origin_jti=f"session {number}"))
        time.seconds += 0.81


def test_rows_that_were_under_way_when_a_worker_started_are_found(
    worker: RevocationList, issue: Issue, time: Time
) -> None:
    _row(5000, "first").save(force_insert=True)
    assert refuses(worker, issue(origin_jti="first"))
    _row(4500, "late").save(force_insert=True)
    time.seconds += 0.81
    assert refuses(worker, issue(origin_jti="late"))


def test_old_rows_are_not_read_again(worker: RevocationList, issue: Issue, time: Time) -> None:
    _row(5000, "session").save(force_insert=True)
    claims = issue(origin_jti="session")
    for _ in range(4):
        assert refuses(worker, claims)
        time.seconds += 40
    _row(4999, "far too late").save(force_insert=True)
    time.seconds += 0.81
    assert not refuses(worker, issue(origin_jti="far too late"))
    time.seconds += 600
    assert refuses(worker, issue(origin_jti="far too late"))  # the list is read anew now and then


def test_what_no_living_token_concerns_is_deleted_and_forgotten(
    worker: RevocationList, issue: Issue, time: Time
) -> None:
    worker.revoke_session("old")
    worker.revoke_person(subject("Ulf"))
    worker.remember("an old refresh token", Session("old", subject("Uma")))
    time.seconds += DAY - 60
    worker.revoke_session("young")
    assert Revocation.objects.count() == 3
    time.seconds += 60 + 600
    assert refuses(worker, issue(origin_jti="young"))
    assert not refuses(worker, issue(origin_jti="old"))
    worker.revoke_session("newest")
    assert [row.origin_jti for row in Revocation.objects.order_by("pk")] == ["young", "newest"]
    assert KnownSession.objects.count() == 1
    time.seconds += 30 * DAY
    worker.clean_up()
    assert (Revocation.objects.count(), KnownSession.objects.count()) == (0, 0)


def test_a_failing_clean_up_fails_nobody(
    worker: RevocationList, issue: Issue, caplog: pytest.LogCaptureFixture
) -> None:
    with broken_database():
        worker.clean_up()
    assert "could not be deleted: OperationalError" in caplog.text


class Slow(RevocationList):
    """Looks only when let, or fails then; counts its looks."""

    def __init__(self, time: Time) -> None:
        super().__init__(clock=time, now=time)
        self.may = threading.Event()
        self.may.set()
        self.looking = threading.Event()
        self.looks = 0
        self.error: Exception | None = None

    def _read(self, began: float) -> None:
        self.looks += 1
        self.looking.set()
        assert self.may.wait(30)
        if self.error:
            raise self.error


@contextmanager
def _a_look_under_way(worker: Slow, claims: Claims, threads: ThreadPoolExecutor) -> Iterator[Any]:
    worker.may.clear()
    worker.looking.clear()
    looking = threads.submit(worker.require_current, claims)
    assert worker.looking.wait(30)
    try:
        yield looking
    finally:
        worker.may.set()


def test_one_looks_while_the_others_use_a_list_younger_than_a_second(time: Time, issue: Issue) -> None:
    worker, claims = Slow(time), issue()
    worker.require_current(claims)
    time.seconds += 0.9
    with ThreadPoolExecutor(1) as threads, _a_look_under_way(worker, claims, threads) as looking:
        for _ in range(50):
            worker.require_current(claims)
        assert not looking.done()
    assert worker.looks == 2


@pytest.mark.parametrize("error", [None, OperationalError("the database has gone")])
def test_with_an_older_list_all_wait_for_the_one_who_looks_and_share_its_failure(
    error: Exception | None, time: Time, issue: Issue
) -> None:
    worker, claims = Slow(time), issue()
    worker.require_current(claims)
    time.seconds += 1
    worker.error = error
    with ThreadPoolExecutor(9) as threads:
        with _a_look_under_way(worker, claims, threads) as looking:
            waiting = [threads.submit(worker.require_current, claims) for _ in range(8)]
            assert not any(future.done() for future in (looking, *waiting))
        outcomes = {future.exception(timeout=30) for future in (looking, *waiting)}
    assert outcomes == {error}
    # Somebody who had not yet begun to wait when the look failed makes one of their own.
    assert worker.looks == 2 if error is None else worker.looks >= 2


def test_whoever_signs_out_looks_again_after_their_own_row(time: Time, issue: Issue) -> None:
    worker = Slow(time)
    with ThreadPoolExecutor(2) as threads:
        with _a_look_under_way(worker, issue(), threads):
            moment = time.seconds + 0.1
            time.seconds = moment
            writing = threads.submit(worker._look, fresh=moment, usable=moment)
            assert not writing.done()
        writing.result(timeout=30)
    assert worker.looks == 2


@pytest.mark.django_db(transaction=True)
def test_a_sign_out_inside_another_transaction_is_refused(worker: RevocationList) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        worker.revoke_session("session")
    assert not Revocation.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time.")
def test_a_transaction_that_commits_late_is_found_on_postgresql(
    worker: RevocationList, issue: Issue, time: Time
) -> None:
    begun, may_commit = threading.Event(), threading.Event()

    def write_slowly() -> None:
        try:
            with transaction.atomic():
                Revocation.objects.create(origin_jti="slow", expires_at=TOMORROW)
                begun.set()
                assert may_commit.wait(30)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(write_slowly)
        assert begun.wait(30)
        worker.revoke_session("fast")
        assert not refuses(worker, issue(origin_jti="slow"))
        may_commit.set()
        slow.result(timeout=30)
    time.seconds += 0.81
    assert refuses(worker, issue(origin_jti="fast"))
    assert refuses(worker, issue(origin_jti="slow"))


def test_a_refresh_token_leads_to_its_session_but_is_not_kept(issue: Issue) -> None:
    token = "a refresh token of Uma's"
    revocation.remember_session(token, issue(origin_jti="phone"))
    assert revocation.session_of(token) == Session("phone", subject("Uma"))
    assert revocation.session_of("another") is None
    [row] = KnownSession.objects.values()
    assert token not in str(row)
    assert len(row["digest"]) == 64


def test_a_session_is_remembered_for_thirty_days_after_its_last_use(worker: RevocationList, time: Time) -> None:
    session = Session("phone", subject("Uma"))
    worker.remember("token", session)
    time.seconds += 29 * DAY
    worker.remember("token", session)
    time.seconds += 29 * DAY
    assert worker.session_of("token") == session
    time.seconds += DAY
    assert worker.session_of("token") is None
    assert KnownSession.objects.count() == 1


def test_a_session_is_forgotten_when_told_to(issue: Issue) -> None:
    for token in ("one", "two", "three"):
        revocation.remember_session(token, issue())
    revocation.remember_session("of Ulf", issue("Ulf"))
    revocation.forget_session("one")
    revocation.forget_session("never seen")
    assert revocation.session_of("one") is None
    assert revocation.session_of("two")
    revocation.forget_sessions_of(subject("Uma"))
    assert revocation.session_of("two") is None
    assert revocation.session_of("of Ulf")


def test_a_token_that_names_no_session_leaves_nothing(issue: Issue) -> None:
    revocation.remember_session("token", issue(origin_jti=ABSENT))
    assert not KnownSession.objects.exists()


@pytest.mark.parametrize("text", ["", "\ud800", "\u0000", "x" * 100_000])
def test_any_text_may_be_asked_for(text: str) -> None:
    assert revocation.session_of(text) is None
    revocation.forget_session(text)


def test_a_process_has_one_list_and_starts_afresh_for_each_test(issue: Issue) -> None:
    claims = issue()
    revocation.forget()
    revocation.revoke_session(claims.origin_jti or "")
    with pytest.raises(TokenRevoked):
        revocation.require_current(claims)
    Revocation.objects.all().delete()
    revocation.forget()
    revocation.require_current(claims)
    revocation.forget()
