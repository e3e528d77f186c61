"""The clocks of this machine and of Cognito differ: a sign-out holds all the same, and operators are told."""

from collections.abc import Callable
from email.utils import formatdate

import pytest
from pytest_django.fixtures import Settings

from accounts.tokens.clock import CognitoClock
from accounts.tokens.revocation import RevocationList
from accounts.tokens.testing import subject
from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, PASSWORD, Person, code_for
from tests.accounts.test_revocation import NOW, Issue, Time, issue, refuses, time
from tests.config.test_metrics import Prometheus, prometheus
from tests.conftest import Client

__all__ = ["issue", "prometheus", "time"]  # fixtures

USERS = f"{ACCOUNTS}users/"
LEEWAY = 10

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cognitos(time: Time) -> CognitoClock:
    """What this machine makes of Cognito's clock."""
    return CognitoClock(clock=time, now=time)


@pytest.fixture
def answer(cognitos: CognitoClock, time: Time) -> Callable[[float], None]:
    """Cognito answers within a tenth of a second, its clock being so many seconds ahead of ours."""

    def answered(ahead: float) -> None:
        asked_at = time.seconds
        time.seconds += 0.1
        cognitos.observe(formatdate(int(time.seconds + ahead), usegmt=True), asked_at)

    return answered


@pytest.fixture
def worker(time: Time, cognitos: CognitoClock) -> RevocationList:
    return RevocationList(clock=time, now=time, sleep=time.sleep, cognito=cognitos)


Answer = Callable[[float], None]


@pytest.mark.parametrize("ahead", [0.0, 3.0, -3.0, 0.5, 250.0])
def test_several_answers_tell_the_difference_to_a_fraction_of_a_second(
    ahead: float, cognitos: CognitoClock, answer: Answer, time: Time
) -> None:
    assert cognitos.difference() is None
    answer(ahead)
    assert cognitos.difference() == pytest.approx(ahead, abs=0.6)
    for _ in range(30):
        time.seconds += 0.37
        answer(ahead)
    assert cognitos.difference() == pytest.approx(ahead, abs=0.1)
    earliest, latest = cognitos.bounds() or (0.0, 0.0)
    assert earliest <= time.seconds + ahead <= latest < earliest + 0.3


def test_a_clock_that_was_set_is_noticed_at_the_next_answer(cognitos: CognitoClock, answer: Answer, time: Time) -> None:
    for ahead in (0.0, 30.0, -30.0):
        for _ in range(5):
            time.seconds += 0.37
            answer(ahead)
            assert cognitos.difference() == pytest.approx(ahead, abs=0.6)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Fri, 99 Nov 2026 05:00:00 GMT", "1"])
def test_an_answer_without_a_date_tells_nothing(date: str | None, cognitos: CognitoClock, time: Time) -> None:
    cognitos.observe(date, time.seconds)
    assert cognitos.difference() is None


@pytest.mark.parametrize("ahead", [0, 1, 3, 9, 60])
def test_a_sign_out_holds_for_tokens_of_a_clock_that_is_ahead(
    ahead: int, worker: RevocationList, issue: Issue, time: Time, answer: Answer
) -> None:
    claims = issue()._replace(issued_at=NOW + ahead)
    answer(ahead)
    worker.revoke_person(subject("Uma"))
    assert refuses(worker, claims)
    again = claims._replace(issued_at=int(time.seconds) + ahead)  # whoever signs in right after
    assert not refuses(worker, again)


def test_a_sign_in_right_after_works_where_our_clock_is_ahead(
    worker: RevocationList, issue: Issue, time: Time, answer: Answer
) -> None:
    answer(-1)
    worker.revoke_person(subject("Uma"))
    assert refuses(worker, issue())
    assert not refuses(worker, issue()._replace(issued_at=int(time.seconds) - 1))


def test_an_answer_of_another_age_decides_nothing(
    worker: RevocationList, issue: Issue, time: Time, answer: Answer
) -> None:
    answer(86_400)
    worker.revoke_person(subject("Uma"))
    assert refuses(worker, issue())
    assert not refuses(worker, issue()._replace(issued_at=int(time.seconds)))


def test_whoever_is_disabled_is_refused_beyond_the_leeway_and_nobody_waits(
    worker: RevocationList, issue: Issue, time: Time
) -> None:
    worker.revoke_person(subject("Uma"), beyond_leeway=True)
    assert time.slept == []
    assert refuses(worker, issue()._replace(issued_at=NOW + LEEWAY))
    assert not refuses(worker, issue()._replace(issued_at=NOW + LEEWAY + 1))


def test_whoever_is_enabled_again_at_once_is_waited_for(worker: RevocationList, issue: Issue, time: Time) -> None:
    worker.await_cut_off(subject("Uma"))
    worker.revoke_person(subject("Uma"), beyond_leeway=True)
    worker.await_cut_off(subject("Uma"))
    assert time.seconds == NOW + LEEWAY + 1
    assert not refuses(worker, issue()._replace(issued_at=int(time.seconds)))


def test_nobody_waits_for_a_leeway_of_minutes(worker: RevocationList, time: Time, settings: Settings) -> None:
    settings.COGNITO_LEEWAY_SECONDS = 300
    worker.revoke_person(subject("Uma"), beyond_leeway=True)
    worker.await_cut_off(subject("Uma"))
    assert sum(time.slept) <= 15


# --- The whole service, 3 seconds behind Cognito ---


@pytest.fixture
def ahead(cognito: LocalCognito) -> LocalCognito:
    """Cognito, whose clock is 3 seconds ahead of ours."""
    cognito.clock.advance(3)
    return cognito


@pytest.mark.parametrize("act", ["disable", "sign-out", "role"])
def test_what_an_administrator_does_holds_at_once(act: str, ahead: LocalCognito, settings: Settings) -> None:
    settings.COGNITO_LEEWAY_SECONDS = 4  # whoever enables somebody at once waits for it
    uma, admin = Person.signed_in("user@example.com"), Person.signed_in("admin@example.com")
    call = admin.client.put if act == "role" else admin.client.post
    assert call(f"{USERS}{uma.sub}/{act}/", {"role": "ROLE_GUEST"}).status_code in (200, 204)
    assert uma.verdict() == "token_revoked"
    if act == "disable":
        assert admin.client.post(f"{USERS}{uma.sub}/enable/").status_code == 204
    assert Person.signed_in(uma.email).verdict() == "ok"


def test_a_changed_a_reset_password_and_a_sign_out_everywhere_hold_at_once(
    ahead: LocalCognito, visitor: Client
) -> None:
    uma = Person.signed_in("user@example.com")
    changed = {"current_password": PASSWORD, "new_password": "Another-1815"}
    assert uma.client.post(f"{ACCOUNTS}change-password/", changed).status_code == 204
    assert uma.verdict() == "token_revoked"
    again = Person.signed_in(uma.email, "Another-1815")
    assert again.client.post(f"{ACCOUNTS}sign-out/", {"everywhere": True}).status_code == 204
    assert again.verdict() == "token_revoked"
    third = Person.signed_in(uma.email, "Another-1815")
    visitor.post(f"{ACCOUNTS}forgot-password/", {"email": uma.email})
    reset = {"email": uma.email, "code": code_for(ahead, uma.email), "new_password": "Third-1815"}
    assert visitor.post(f"{ACCOUNTS}reset-password/", reset).status_code == 200
    assert third.verdict() == "token_revoked"
    assert Person.signed_in(uma.email, "Third-1815").verdict() == "ok"


def test_whoever_deletes_their_account_leaves_no_token(ahead: LocalCognito) -> None:
    uma = Person.signed_in("user@example.com")
    assert uma.client.post(f"{ACCOUNTS}me/delete/", {"password": PASSWORD}).status_code == 204
    assert uma.verdict() == "token_revoked"


def test_operators_see_the_difference(ahead: LocalCognito, visitor: Client, prometheus: Prometheus) -> None:
    assert "clock" not in visitor.get("/readyz").json()["checks"]  # nobody knows yet
    Person.signed_in("user@example.com")
    told = visitor.get("/readyz")
    assert (told.status_code, told.json()["status"]) == (200, "degraded")
    assert told.json()["checks"]["clock"] == "3 s behind Cognito"
    assert told.json()["clock_difference_seconds"] == pytest.approx(3, abs=0.6)
    [difference] = [
        value for (name, _), value in prometheus.scrape().items() if name == "cognito_clock_difference_seconds"
    ]
    assert difference == pytest.approx(3, abs=0.6)


def test_clocks_that_agree_are_well(cognito: LocalCognito, visitor: Client) -> None:
    Person.signed_in("user@example.com")
    told = visitor.get("/readyz").json()
    assert told["checks"]["clock"] == "ok"
    assert abs(told["clock_difference_seconds"]) <= 1
