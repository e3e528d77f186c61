"""An outage in the middle of a change to an account: nothing is done by half for ever, and no token outlives it."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.cognito.errors import CognitoNotAsked, CognitoUnavailable
from accounts.cognito.gateway import get_gateway
from accounts.flows import intents
from accounts.models import Intent, Revocation, User
from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, BOOKS, PASSWORD, Person, code_for, sign_in
from tests.accounts.test_lost_answers import Lose, lose
from tests.conftest import Client

__all__ = ["lose"]  # a fixture

USERS = f"{ACCOUNTS}users/"
IRREVERSIBLE = frozenset({
    "admin_disable_user", "admin_remove_user_from_group", "admin_user_global_sign_out", "change_password",
    "confirm_forgot_password", "delete_user", "global_sign_out", "revoke_token",
})  # fmt: skip

pytestmark = pytest.mark.django_db(transaction=True)


class Database:
    """The database, which answers, or does not."""

    def __init__(self) -> None:
        self.is_away = self.is_read_only = False
        self.leaves_with: str | None = None
        self.asked_of_cognito: list[str] = []

    def back(self) -> None:
        """It answers again."""
        self.is_away = self.is_read_only = False
        self.leaves_with = None


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The database of all threads; goes away when told to, or behind an operation of Cognito."""
    state = Database()
    execute: Callable[..., Any] = getattr(CursorWrapper, "_execute_with_wrappers")  # noqa: B009 - not in Django's stubs
    gateway_class = type(get_gateway())

    def executed(self: Any, sql: str, *args: Any, **parameters: Any) -> Any:
        if state.is_away or (state.is_read_only and sql.lstrip().split()[0] in ("INSERT", "UPDATE", "DELETE")):
            raise OperationalError("the database has gone")
        return execute(self, sql, *args, **parameters)

    def noted(made: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(self: Any, operation: str, *args: Any, **parameters: Any) -> Any:
            state.asked_of_cognito.append(operation)
            answer = made(self, operation, *args, **parameters)
            if operation == state.leaves_with:
                state.is_away = True
            return answer

        return wrapped

    monkeypatch.setattr(CursorWrapper, "_execute_with_wrappers", executed)
    for name in ("_call", "administer"):
        monkeypatch.setattr(gateway_class, name, noted(getattr(gateway_class, name)))
    yield state
    state.back()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is repeated by itself but where a test is about that."""
    monkeypatch.setattr(intents, "RETRY_SECONDS", (3600.0,))


@pytest.fixture
def uma(cognito: LocalCognito) -> Person:
    """Uma, signed in."""
    return Person.signed_in("user@example.com")


@pytest.fixture
def admin(cognito: LocalCognito) -> Person:
    """Ada, an administrator, signed in."""
    return Person.signed_in("admin@example.com")


Act = Callable[[], Any]


@pytest.fixture
def acts(uma: Person, admin: Person, visitor: Client, cognito: LocalCognito) -> dict[str, Act]:
    """Everything that ends Uma's tokens, ready to be done."""
    visitor.post(f"{ACCOUNTS}forgot-password/", {"email": uma.email})
    new = {"new_password": "Another-1815"}
    reset = {"email": uma.email, "code": code_for(cognito, uma.email), **new}
    return {
        "delete": lambda: uma.client.post(f"{ACCOUNTS}me/delete/", {"password": PASSWORD}),
        "reset": lambda: visitor.post(f"{ACCOUNTS}reset-password/", reset),
        "change": lambda: uma.client.post(f"{ACCOUNTS}change-password/", {"current_password": PASSWORD, **new}),
        "everywhere": lambda: uma.client.post(f"{ACCOUNTS}sign-out/", {"everywhere": True}),
        "sign-out": lambda: visitor.post(f"{ACCOUNTS}sign-out/", {"refresh_token": uma.tokens["refresh_token"]}),
        "disabled": lambda: admin.client.post(f"{USERS}{uma.sub}/disable/"),
        "demoted": lambda: admin.client.put(f"{USERS}{uma.sub}/role/", {"role": "ROLE_GUEST"}),
        "signed out": lambda: admin.client.post(f"{USERS}{uma.sub}/sign-out/"),
    }


ALL = ["delete", "reset", "change", "everywhere", "sign-out", "disabled", "demoted", "signed out"]
# What Cognito does behind which the database goes away.
LAST = {
    "delete": "delete_user",
    "reset": "confirm_forgot_password",
    "change": "change_password",
    "everywhere": "global_sign_out",
    "disabled": "admin_disable_user",
    "demoted": "admin_remove_user_from_group",
    "signed out": "admin_user_global_sign_out",
}


@pytest.mark.parametrize("name", ALL)
def test_while_the_database_takes_no_rows_nothing_irreversible_happens(
    name: str, acts: dict[str, Act], database: Database, uma: Person
) -> None:
    database.is_read_only = True
    answer = acts[name]()
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    proof = {"revoke_token"} if name == "delete" else set()  # of the sign-in that has proven the password
    assert not IRREVERSIBLE & set(database.asked_of_cognito) - proof
    database.back()
    assert uma.verdict() == "ok"
    assert Person.signed_in(uma.email).verdict() == "ok"


def test_while_the_database_is_away_no_code_is_spent(acts: dict[str, Act], database: Database, uma: Person) -> None:
    database.is_away = True
    assert acts["reset"]().status_code == 503
    database.back()
    assert acts["reset"]().status_code == 200
    assert uma.verdict() == "token_revoked"


@pytest.mark.parametrize("name", list(LAST))
def test_a_database_that_goes_away_behind_cognito_is_told_later(
    name: str, acts: dict[str, Act], database: Database, uma: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intents, "RETRY_SECONDS", (0.02,))
    database.leaves_with = LAST[name]
    assert acts[name]().status_code == 503
    database.back()
    wait_until_finished()
    assert uma.verdict() == "token_revoked"
    refreshed = Client().post(f"{ACCOUNTS}refresh/", {"refresh_token": uma.tokens["refresh_token"]})
    assert refreshed.status_code == (200 if name == "demoted" else 401)


def test_whoever_was_deleted_writes_nothing_even_before_the_rest_is_done(
    acts: dict[str, Act], database: Database, uma: Person
) -> None:
    uma.client.post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]})
    database.leaves_with = "delete_user"
    assert acts["delete"]().status_code == 503
    database.back()
    assert uma.client.post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]}).json()["code"] == "token_revoked"
    assert User.objects.filter(sub=uma.sub).exists()
    intents.forget()  # this process has died
    come_due()
    assert intents.finish_due() == (1, 0)
    assert not User.objects.filter(sub=uma.sub).exists()


@pytest.mark.parametrize("name", ["reset", "change", "everywhere", "disabled", "signed out"])
def test_what_a_dead_process_has_left_over_is_finished_at_the_next_sign_in(
    name: str,
    acts: dict[str, Act],
    database: Database,
    uma: Person,
    admin: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database.leaves_with = LAST[name]
    assert acts[name]().status_code == 503
    database.back()
    intents.forget()
    come_due()
    assert uma.verdict() == "ok"
    monkeypatch.setattr(intents, "RETRY_SECONDS", (0.02,))
    admin.refreshed()
    wait_until_finished()
    assert uma.verdict() == "token_revoked"


def test_a_change_that_is_under_way_is_left_alone(uma: Person) -> None:
    with intents.ending_tokens(Intent.Act.CREDENTIAL, uma.sub, uma.sub):
        assert intents.finish_due() == (0, 0)
        assert uma.verdict() == "ok"
    assert uma.verdict() == "token_revoked"
    assert not Intent.objects.exists()


def test_what_one_process_tries_to_finish_no_other_does(uma: Person, lose: Lose) -> None:
    intent = left_over(uma)
    lose("admin_user_global_sign_out")
    with pytest.raises(CognitoUnavailable):
        intents._claim(intent)
    intents._claim(intent)  # the other one looks away
    come_due()
    with pytest.raises(CognitoUnavailable):
        intents._claim(intent)


# --- Cognito refuses, or does not answer ---


@pytest.mark.parametrize("name, wrong", [("reset", {"code": "000000"}), ("change", {"current_password": "Wrong-1815"})])
def test_a_wrong_code_or_password_signs_nobody_out(
    name: str, wrong: dict[str, str], uma: Person, visitor: Client, cognito: LocalCognito
) -> None:
    if name == "reset":
        body = {"email": uma.email, "code": "1", "new_password": "Another-1815", **wrong}
        assert visitor.post(f"{ACCOUNTS}reset-password/", body).status_code == 400
    else:
        body = {"new_password": "Another-1815", **wrong}
        assert uma.client.post(f"{ACCOUNTS}change-password/", body).status_code == 400
    assert not Intent.objects.exists()
    assert uma.verdict() == "ok"


def test_a_wrong_code_costs_the_same_for_an_address_that_nobody_has(uma: Person, visitor: Client) -> None:
    statements = []
    for email in (uma.email, "nobody@example.com", uma.email, "nobody@example.com"):
        body = {"email": email, "code": "000000", "new_password": "Another-1815"}
        with CaptureQueriesContext(connection) as queries:
            assert visitor.post(f"{ACCOUNTS}reset-password/", body).json()["code"] == "code_mismatch"
        statements.append([query["sql"].split()[0] for query in queries])
    assert statements[0] == statements[1] == statements[2] == statements[3] != []


@pytest.mark.parametrize("error, verdict", [(CognitoUnavailable, "token_revoked"), (CognitoNotAsked, "ok")])
def test_whether_a_password_was_set_is_not_known_without_an_answer(
    error: type[Exception], verdict: str, acts: dict[str, Act], uma: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr(type(get_gateway()), "reset_password", fails)
    answer = acts["reset"]()
    assert (answer.status_code, answer.json()["code"]) == (503, "cognito_unavailable")
    assert uma.verdict() == verdict
    assert not Intent.objects.exists()


def test_an_outage_while_a_stranger_guesses_signs_nobody_out(
    cognito: LocalCognito, visitor: Client, lose: Lose
) -> None:
    lose("confirm_forgot_password")
    body = {"email": "nobody@example.com", "code": "000000", "new_password": "Another-1815"}
    assert visitor.post(f"{ACCOUNTS}reset-password/", body).status_code == 503
    assert not Intent.objects.exists()
    assert not Revocation.objects.exists()


def test_a_cognito_that_is_not_reached_did_nothing(
    cognito: LocalCognito, visitor: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.COGNITO_ENDPOINT_URL = "http://127.0.0.1:9"
    with pytest.raises(CognitoNotAsked):
        get_gateway().sign_in("user@example.com", PASSWORD)
    assert sign_in(visitor, "user@example.com", PASSWORD).json()["code"] == "cognito_unavailable"


def test_sessions_that_cognito_could_not_end_are_ended_later_and_nobody_is_signed_out_twice(
    acts: dict[str, Act], uma: Person, lose: Lose
) -> None:
    lose("admin_user_global_sign_out")
    assert acts["reset"]().status_code == 503
    assert uma.verdict() == "token_revoked"
    again = uma.refreshed()  # Cognito has not heard of it
    for _ in range(3):
        come_due()
        assert intents.finish_due() == (0, 1)
        assert again.verdict() == "ok"
    lose("admin_user_global_sign_out", done=None)
    come_due()
    assert intents.finish_due() == (1, 0)
    assert again.verdict() == "token_revoked"
    refreshed = Client().post(f"{ACCOUNTS}refresh/", {"refresh_token": uma.tokens["refresh_token"]})
    assert refreshed.json()["code"] == "refresh_token_invalid"


def test_an_account_that_was_not_deleted_stays(acts: dict[str, Act], uma: Person, lose: Lose) -> None:
    lose("delete_user")
    lose("admin_get_user")  # nobody can tell
    assert acts["delete"]().status_code == 503
    assert Intent.objects.get().act == Intent.Act.DELETE
    lose("admin_get_user", done=None)
    come_due()
    assert intents.finish_due() == (1, 0)
    again = Person.signed_in(uma.email)
    assert (again.sub, again.verdict()) == (uma.sub, "ok")


# --- For operators ---


def test_the_command_finishes_what_is_left_over_and_says_what_is_not(uma: Person, lose: Lose) -> None:
    out = StringIO()
    call_command("finish_account_changes", stdout=out)
    assert out.getvalue() == "0 finished, 0 still to be finished.\n"
    left_over(uma)
    lose("admin_user_global_sign_out")
    with pytest.raises(SystemExit) as ended:
        call_command("finish_account_changes", stdout=out)
    assert ended.value.code == 1
    lose("admin_user_global_sign_out", done=None)
    come_due()
    call_command("finish_account_changes", stdout=out)
    assert out.getvalue().splitlines()[1:] == [
        "0 finished, 1 still to be finished.",
        "1 finished, 0 still to be finished.",
    ]
    assert uma.verdict() == "token_revoked"


def left_over(person: Person) -> Intent:
    """What a process leaves over that dies after it has set somebody's password."""
    past = timezone.now() - timedelta(seconds=1)
    return Intent.objects.create(act=Intent.Act.CREDENTIAL, sub=person.sub, username=person.sub, due_at=past)


def come_due() -> None:
    """A minute passes."""
    Intent.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def wait_until_finished() -> None:
    """Wait until nothing is under way."""
    deadline = time.monotonic() + 30
    while Intent.objects.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
