"""The one rule for new passwords: the same in every place, held before a code is spent, as Cognito has it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from accounts.cognito.errors import PasswordTooWeak
from local_cognito.server import LocalCognito
from tests.accounts.browsers import PROFILE, fill_in, signed_in
from tests.accounts.people import ACCOUNTS, PASSWORD, Person, code_for, sign_in
from tests.accounts.test_sessions import invite
from tests.conftest import Client

IDA, UMA = "ida@example.com", "user@example.com"

GOOD = {
    "a pass phrase": "correct Horse 1 battery",
    "a blank as its only symbol": "Lovelace 1815",
    "as long as can be": "Aa1!" + "x" * 252,
    "a tab inside": "Lovelace\t1815!",
    "letters and signs of all the world": "Füße-日本語-Ada1-👩\u200d💻",
}
BAD = {
    "a blank first": " Lovelace-1815",
    "a blank last": "Lovelace-1815 ",
    "a tab last": "Lovelace-1815\t",
    "two lines": "Lovelace-\n1815",
    "short": "Ab1!",
    "no digit": "Lovelace-Ada",
}

pytestmark = pytest.mark.django_db(transaction=True)

# Chooses a password, as often as wanted; gives the answer, and whether it was taken.
Choose = Callable[[str], tuple[Any, bool]]


def by_api(client: Client, path: str, field: str, **body: str) -> Choose:
    """Choose a password through the API."""

    def choose(password: str) -> tuple[Any, bool]:
        answer = client.post(f"{ACCOUNTS}{path}/", {**body, field: password})
        return answer, answer.status_code < 300

    return choose


def by_page(browser: Browser, page: str, field: str, **body: str) -> Choose:
    """Choose a password on a page."""

    def choose(password: str) -> tuple[Any, bool]:
        answer = fill_in(browser, page, **{**body, field: password})
        return answer, answer.status_code == 302

    return choose


@pytest.fixture(params=["sign-up", "confirm", "reset", "change", "challenge"])
def place(request: pytest.FixtureRequest) -> str:
    """Where a password is chosen."""
    return str(request.param)


@pytest.fixture(params=["API", "page"])
def way(request: pytest.FixtureRequest) -> str:
    """How."""
    return str(request.param)


@pytest.fixture
def chooser(place: str, way: str, visitor: Client, cognito: LocalCognito) -> tuple[str, str, Choose]:
    """Somebody who may choose a password at `place`: their address, the field, and the act."""
    make = by_api if way == "API" else by_page
    anybody: Any = visitor if way == "API" else Browser()
    if place == "sign-up":
        return IDA, "password", make(anybody, "sign-up" if way == "API" else "sign-up/", "password", email=IDA)
    if place == "confirm":
        visitor.post(f"{ACCOUNTS}sign-up/", {"email": IDA})
        code = code_for(cognito, IDA)
        path = "confirm-sign-up" if way == "API" else "confirm/"
        return IDA, "password", make(anybody, path, "password", email=IDA, code=code)
    if place == "reset":
        visitor.post(f"{ACCOUNTS}forgot-password/", {"email": UMA})
        code = code_for(cognito, UMA)
        path = "reset-password" if way == "API" else "reset-password/"
        return UMA, "new_password", make(anybody, path, "new_password", email=UMA, code=code)
    if place == "change":
        somebody: Any = Person.signed_in(UMA).client if way == "API" else signed_in(UMA)
        path = "change-password" if way == "API" else "profile/password/"
        return UMA, "new_password", make(somebody, path, "new_password", current_password=PASSWORD)
    temporary = invite(cognito, IDA)
    if way == "API":
        handle = sign_in(visitor, IDA, temporary).json()["handle"]
        return IDA, "new_password", by_api(visitor, "sign-in/challenge", "new_password", handle=handle)
    fill_in(anybody, "sign-in/", email=IDA, password=temporary)
    return IDA, "new_password", by_page(anybody, "sign-in/challenge/", "new_password")


def test_a_bad_password_is_refused_at_its_field_and_spends_nothing(
    way: str, chooser: tuple[str, str, Choose], cognito: LocalCognito
) -> None:
    _, field, choose = chooser
    sent = len(cognito.messages.all())
    for kind, password in BAD.items():
        answer, taken = choose(password)
        assert not taken, kind
        if way == "API":
            assert (answer.status_code, answer.json()["code"]) == (400, "password_too_weak"), kind
            assert "no blank at either end" in answer.json()["detail"]
        else:
            assert f'id="id_{field}_error"' in answer.content.decode(), kind
    assert len(cognito.messages.all()) == sent
    assert choose(GOOD["a pass phrase"])[1]


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_password_is_taken_and_opens_the_account(
    kind: str, place: str, chooser: tuple[str, str, Choose], visitor: Client, cognito: LocalCognito
) -> None:
    email, _, choose = chooser
    answer, taken = choose(GOOD[kind])
    assert taken, answer.content
    if place == "sign-up":
        body = {"email": email, "code": code_for(cognito, email)}
        assert visitor.post(f"{ACCOUNTS}confirm-sign-up/", body).status_code == 200
    assert sign_in(visitor, email, GOOD[kind]).status_code == 200
    browser = signed_in(email, GOOD[kind])
    assert browser.get(PROFILE).status_code == 200


def test_a_password_of_257_characters_is_pointed_at(
    way: str, place: str, chooser: tuple[str, str, Choose], cognito: LocalCognito
) -> None:
    _, field, choose = chooser
    answer, taken = choose("Aa1!" + "x" * 253)
    assert not taken
    if way == "API":
        assert [error["pointer"] for error in answer.json()["errors"]] == [f"#/{field}"]
    else:
        assert f'id="id_{field}_error"' in answer.content.decode()


def test_without_the_right_to_read_the_policy_the_form_is_checked_all_the_same(
    visitor: Client, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accounts.cognito import administration
    from accounts.cognito.errors import CognitoMisconfigured

    def refused() -> None:
        raise CognitoMisconfigured

    monkeypatch.setattr(administration, "password_policy", refused)
    for password in ("Lovelace-1815 ", "x" * 257, ""):
        with pytest.raises(PasswordTooWeak):
            administration.require_good_password(password)
    administration.require_good_password("lovelace")
