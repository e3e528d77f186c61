"""Signing up, confirming and asking for another code, through the API and a local Cognito."""

import json
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.cognito import administration
from accounts.cognito.errors import CognitoUnavailable
from accounts.flows import sign_up
from accounts.models import SignUp
from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, Person, claims_of, code_for, sign_in, wait_for_messages
from tests.conftest import Client

GRACE = {
    "email": "grace@example.com",
    "password": "Hopper-1906",
    "name": "Grace Hopper",
    "phone_number": "+4915112345678",
}

pytestmark = pytest.mark.django_db


def test_somebody_signs_up_confirms_and_signs_in_with_the_least_role(visitor: Client, cognito: LocalCognito) -> None:
    answer = visitor.post(f"{ACCOUNTS}sign-up/", GRACE)
    assert answer.status_code == 201
    assert answer.json() == {"delivery": {"medium": "EMAIL", "destination": "g***@e***"}}
    refused = sign_in(visitor, GRACE["email"], GRACE["password"])
    assert (refused.status_code, refused.json()["code"]) == (403, "user_not_confirmed")
    confirmed = visitor.post(
        f"{ACCOUNTS}confirm-sign-up/", {"email": GRACE["email"], "code": code_for(cognito, "grace@example.com")}
    )
    assert (confirmed.status_code, confirmed.json()) == (200, {"status": "confirmed"})
    tokens = sign_in(visitor, GRACE["email"], GRACE["password"]).json()
    assert claims_of(tokens["access_token"])["cognito:groups"] == ["ROLE_GUEST"]
    assert claims_of(tokens["id_token"])["name"] == "Grace Hopper"
    assert not SignUp.objects.exists()


def test_an_address_is_enough_and_the_password_comes_with_the_code(visitor: Client, cognito: LocalCognito) -> None:
    assert visitor.post(f"{ACCOUNTS}sign-up/", {"email": "grace@example.com"}).status_code == 201
    code = code_for(cognito, "grace@example.com")
    body = {"email": "grace@example.com", "code": code}
    missing = visitor.post(f"{ACCOUNTS}confirm-sign-up/", body)
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (400, "#/password")
    weak = visitor.post(f"{ACCOUNTS}confirm-sign-up/", {**body, "password": "short"})
    assert (weak.status_code, weak.json()["code"]) == (400, "password_too_weak")
    assert "at least 8 characters" in weak.json()["detail"]
    # The code was not spent by either mistake.
    assert visitor.post(f"{ACCOUNTS}confirm-sign-up/", {**body, "password": "Hopper-1906"}).status_code == 200
    assert sign_in(visitor, "grace@example.com", "Hopper-1906").status_code == 200


def test_the_password_given_with_the_code_wins(visitor: Client, cognito: LocalCognito) -> None:
    visitor.post(f"{ACCOUNTS}sign-up/", GRACE)
    body = {"email": GRACE["email"], "code": code_for(cognito, GRACE["email"]), "password": "Another-1906"}
    assert visitor.post(f"{ACCOUNTS}confirm-sign-up/", body).status_code == 200
    assert sign_in(visitor, GRACE["email"], "Another-1906").status_code == 200
    assert sign_in(visitor, GRACE["email"], GRACE["password"]).status_code == 401


@pytest.mark.parametrize("role", ["ROLE_ADMIN", "ROLE_USER", "ROLE_ROOT", ""])
def test_a_stranger_gets_no_role_that_was_not_opened(role: str, visitor: Client, cognito: LocalCognito) -> None:
    answer = visitor.post(f"{ACCOUNTS}sign-up/", {**GRACE, "role": role})
    assert answer.status_code == 400
    assert answer.json()["code"] == ("role_not_allowed" if role else "invalid")
    assert cognito.messages.all() == []


def test_a_list_of_roles_as_the_article_had_it_is_no_member(visitor: Client, cognito: LocalCognito) -> None:
    answer = visitor.post(f"{ACCOUNTS}sign-up/", {**GRACE, "roles": ["ROLE_ADMIN"]})
    assert answer.status_code == 400
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [("#/roles", "unknown")]
    assert cognito.messages.all() == []


def test_a_role_that_was_opened_may_be_asked_for(visitor: Client, cognito: LocalCognito, settings: Settings) -> None:
    settings.COGNITO_SIGN_UP_ROLES = ["ROLE_GUEST", "ROLE_USER"]
    visitor.post(f"{ACCOUNTS}sign-up/", {**GRACE, "role": "ROLE_USER"})
    visitor.post(f"{ACCOUNTS}confirm-sign-up/", {"email": GRACE["email"], "code": code_for(cognito, GRACE["email"])})
    tokens = sign_in(visitor, GRACE["email"], GRACE["password"]).json()
    assert claims_of(tokens["access_token"])["cognito:groups"] == ["ROLE_USER"]


def test_a_role_that_could_not_be_granted_is_granted_at_the_next_sign_in(
    visitor: Client, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.post(f"{ACCOUNTS}sign-up/", GRACE)

    def down(*_: object) -> None:
        raise CognitoUnavailable

    with monkeypatch.context() as outage:
        outage.setattr(administration, "grant", down)
        body = {"email": GRACE["email"], "code": code_for(cognito, GRACE["email"])}
        assert visitor.post(f"{ACCOUNTS}confirm-sign-up/", body).status_code == 200
    tokens = sign_in(visitor, GRACE["email"], GRACE["password"]).json()
    assert claims_of(tokens["access_token"])["cognito:groups"] == ["ROLE_GUEST"]


def test_no_role_is_given_before_the_address_is_confirmed(visitor: Client, cognito: LocalCognito) -> None:
    visitor.post(f"{ACCOUNTS}sign-up/", GRACE)
    assert administration.person(GRACE["email"]).roles == ()


# --- One answer for strangers ---


def _seen(response: Any) -> tuple[int, Any, dict[str, str]]:
    """What a stranger sees of an answer, without what differs in every one."""
    body = response.json() if response.content else None
    if isinstance(body, dict):
        body.pop("request_id", None)
    own = {"X-Request-ID"}
    return response.status_code, body, {name: value for name, value in response.headers.items() if name not in own}


CODE = {"code": "000000"}
STRANGERS = {
    "sign-up": {"password": "Hopper-1906"},
    "sign-up with a weak password": {"password": "weak"},
    "sign-up without a password": {},
    "resend-code": {},
    "forgot-password": {},
    "confirm-sign-up": CODE,
    "reset-password": {**CODE, "new_password": "Hopper-1906"},
    "reset-password with a weak password": {**CODE, "new_password": "weak"},
}


@pytest.mark.parametrize("path, body", STRANGERS.items(), ids=STRANGERS.keys())
def test_strangers_learn_nothing_about_who_has_an_account(
    path: str, body: dict[str, str], visitor: Client, cognito: LocalCognito
) -> None:
    visitor.post(f"{ACCOUNTS}sign-up/", {"email": "unsure@example.com", "password": "Hopper-1906"})
    url = f"{ACCOUNTS}{path.split()[0]}/"
    # Same first letters, so that even the masked address is the same.
    known = _seen(visitor.post(url, {"email": "user@example.com", **body}))
    unknown = _seen(visitor.post(url, {"email": "unknown@example.com", **body}))
    unconfirmed = _seen(visitor.post(url, {"email": "unsure@example.com", **body}))
    assert known == unknown == unconfirmed


def test_signing_up_again_sends_the_unconfirmed_a_new_code(visitor: Client, cognito: LocalCognito) -> None:
    visitor.post(f"{ACCOUNTS}sign-up/", GRACE)
    first = code_for(cognito, GRACE["email"])
    visitor.post(f"{ACCOUNTS}sign-up/", GRACE)
    wait_for_messages(cognito, GRACE["email"], 2)
    second = code_for(cognito, GRACE["email"])
    body = {"email": GRACE["email"], "code": first, "password": GRACE["password"]}
    if first != second:
        assert visitor.post(f"{ACCOUNTS}confirm-sign-up/", body).json()["code"] == "code_mismatch"
    assert visitor.post(f"{ACCOUNTS}confirm-sign-up/", {**body, "code": second}).status_code == 200


def test_signing_up_with_somebodys_address_changes_nothing_for_them(visitor: Client, cognito: LocalCognito) -> None:
    assert visitor.post(f"{ACCOUNTS}sign-up/", {**GRACE, "email": "user@example.com"}).status_code == 201
    sign_up._mail_executor.submit(lambda: None).result()
    assert not [message for message in cognito.messages.all() if message["to"] == "user@example.com"]
    assert sign_in(visitor, "user@example.com", "Passw0rd!").status_code == 200


def test_another_code_is_sent_on_request_and_the_old_one_is_dead(visitor: Client, cognito: LocalCognito) -> None:
    visitor.post(f"{ACCOUNTS}sign-up/", GRACE)
    assert visitor.post(f"{ACCOUNTS}resend-code/", {"email": GRACE["email"]}).status_code == 202
    kinds = [message["kind"] for message in cognito.messages.all()]
    assert kinds == ["sign_up", "resend"]


@pytest.mark.parametrize(
    "field, value",
    [
        ("email", None),
        ("email", 7),
        ("email", "grace"),
        ("email", "grace@example.com\u0000"),
        ("email", "x" * 129 + "@example.com"),
        ("password", 7),
        ("password", None),
        ("password", "x" * 257),
        ("name", ["Grace"]),
        ("name", "Grace\nHopper"),
        ("name", "x" * 257),
        ("phone_number", "0151 2345678"),
        ("phone_number", "+49" + "1" * 14),
        ("phone_number", 49),
        ("role", 1),
    ],
)
def test_bad_input_at_sign_up_is_pointed_at(field: str, value: object, visitor: Client, cognito: LocalCognito) -> None:
    answer = visitor.post(f"{ACCOUNTS}sign-up/", json.dumps({**GRACE, field: value}), content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert {error["pointer"] for error in answer.json()["errors"]} == {f"#/{field}"}
    assert cognito.messages.all() == []


@pytest.mark.parametrize(
    "password", ["short1!", "alllowercase1!", "ALLUPPERCASE1!", "NoDigits!!", "NoSymbol11", " Blank-end1 "]
)
def test_a_weak_password_is_refused_with_the_policy(password: str, visitor: Client, cognito: LocalCognito) -> None:
    answer = visitor.post(f"{ACCOUNTS}sign-up/", {**GRACE, "password": password})
    assert (answer.status_code, answer.json()["code"]) == (400, "password_too_weak")
    assert (
        "at least 8 characters, with a lower-case letter, an upper-case letter, a digit, a symbol"
        in answer.json()["detail"]
    )


def test_ids_of_people_do_not_matter_to_a_second_confirmation(visitor: Client, cognito: LocalCognito) -> None:
    grace = Person.signed_up(visitor, cognito, "grace@example.com")
    again = visitor.post(f"{ACCOUNTS}confirm-sign-up/", {"email": grace.email, "code": "123456"})
    assert (again.status_code, again.json()["code"]) == (400, "code_mismatch")
