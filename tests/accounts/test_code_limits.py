"""Limits of code attempts per client address and per account, and what an answer's time could tell."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.cognito.gateway import get_gateway
from accounts.flows.rates import Rate
from accounts.tokens.signals import cognito_called
from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, NEW_PASSWORD, PASSWORD, Person, code_for, sign_in
from tests.conftest import Client

MALLORY, OFFICE = "203.0.113.66", "198.51.100.7"

pytestmark = pytest.mark.django_db


def post(client: Client, path: str, body: dict[str, str], address: str) -> Any:
    """The answer to a request from `address`."""
    return client.post(f"{ACCOUNTS}{path}/", body, REMOTE_ADDR=address)


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """The operations that Cognito has been asked for, in their order."""
    operations: list[str] = []

    def note(operation: str, **_: object) -> None:
        operations.append(operation)

    cognito_called.connect(note)
    yield operations
    cognito_called.disconnect(note)


def test_one_address_cannot_lock_twelve_people_out_of_their_resets(visitor: Client, cognito: LocalCognito) -> None:
    people = [*(f"person{number}@example.com" for number in range(11)), "user@example.com"]
    guess = {"code": "000000", "new_password": NEW_PASSWORD}
    codes = [
        post(visitor, "reset-password", {"email": email, **guess}, MALLORY).json()["code"]
        for email in people
        for _ in range(10)
    ]
    assert (codes.count("code_mismatch"), codes.count("throttled")) == (60, 60)
    post(visitor, "forgot-password", {"email": "user@example.com"}, OFFICE)
    body = {"email": "user@example.com", "code": code_for(cognito, "user@example.com"), "new_password": NEW_PASSWORD}
    assert post(visitor, "reset-password", body, OFFICE).status_code == 200


def test_right_codes_from_one_office_use_up_nothing(visitor: Client, cognito: LocalCognito, settings: Settings) -> None:
    settings.ACCOUNTS_THROTTLES = {**settings.ACCOUNTS_THROTTLES, "code_address": Rate(2, 3600)}
    for email in ("ida@example.com", "joan@example.com", "karen@example.com"):
        post(visitor, "sign-up", {"email": email, "password": NEW_PASSWORD}, OFFICE)
        body = {"email": email, "code": code_for(cognito, email)}
        assert post(visitor, "confirm-sign-up", body, OFFICE).status_code == 200
    wrong = [
        post(visitor, "confirm-sign-up", {"email": f"{name}@example.com", "code": "000000"}, OFFICE).status_code
        for name in ("lena", "mary", "nora")
    ]
    assert wrong == [400, 400, 429]


@pytest.mark.parametrize("path", ["me/mfa/", "me/verify-email/", "sign-in/challenge/", "me/mfa/delete/"])
def test_codes_of_every_kind_count_for_the_address(path: str, cognito: LocalCognito, settings: Settings) -> None:
    from tests.accounts.test_sessions import with_mfa

    uma = Person.signed_in("user@example.com")
    body = {"code": "000000"}
    call = uma.client.post
    if path == "me/mfa/":
        uma.client.post(f"{ACCOUNTS}{path}")
        call = uma.client.put
    elif path != "me/verify-email/":
        with_mfa(uma, cognito)
        asked = uma.client.post(f"{ACCOUNTS}sign-in/", {"email": uma.email, "password": PASSWORD}).json()
        body |= {"handle": asked["handle"]} if path == "sign-in/challenge/" else {"password": PASSWORD}
    settings.ACCOUNTS_THROTTLES = {**settings.ACCOUNTS_THROTTLES, "code_address": Rate(1, 3600)}
    codes = [call(f"{ACCOUNTS}{path}", body).json()["code"] for _ in range(2)]
    assert codes[0] in ("code_mismatch", "code_expired")
    assert codes[1] == "throttled"


@pytest.mark.parametrize(
    "path, body",
    [
        ("reset-password", {"code": "000000", "new_password": NEW_PASSWORD}),
        ("confirm-sign-up", {"code": "000000"}),
        ("forgot-password", {}),
        ("resend-code", {}),
        ("sign-in", {"password": "Wrong-1906"}),
    ],
)
def test_cognito_is_asked_the_same_whether_or_not_there_is_an_account(
    path: str, body: dict[str, str], visitor: Client, cognito: LocalCognito, asked: list[str]
) -> None:
    post(visitor, path, {"email": "warm-up@example.com", **body}, OFFICE)  # reads the password policy
    asked.clear()
    seen = []
    for email in ("user@example.com", "unknown@example.com"):
        post(visitor, path, {"email": email, **body}, OFFICE)
        seen.append(list(asked))
        asked.clear()
    assert seen[0] == seen[1] != []


def test_an_unverified_address_uses_up_nobody_elses_attempts(cognito: LocalCognito, visitor: Client) -> None:
    mallory = Person.signed_up(visitor, cognito, "mallory@example.com")
    unverified = [{"Name": "email", "Value": "victim@example.com"}, {"Name": "email_verified", "Value": "false"}]
    get_gateway().administer("admin_update_user_attributes", Username=mallory.sub, UserAttributes=unverified)
    wrong = {"current_password": "Wrong-1906", "new_password": "Another-1906"}
    statuses = [mallory.client.post(f"{ACCOUNTS}change-password/", wrong).status_code for _ in range(6)]
    assert statuses == [400] * 5 + [429]
    assert sign_in(visitor, "victim@example.com", PASSWORD).json()["code"] == "invalid_credentials"
