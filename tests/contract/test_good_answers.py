"""Every operation, asked as it should be: each of its good answers is given, and is as the OpenAPI document declares.

Chance finds hardly any of them: a code that was mailed, a password, the second step of a sign-in.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from schemathesis.checks import not_a_server_error

from accounts.flows.rates import Rate
from local_cognito import totp
from local_cognito.server import LocalCognito
from tests.accounts.people import NEW_PASSWORD, PASSWORD, claims_of, code_for
from tests.accounts.test_sessions import invite
from tests.contract.contract import API, OWN_CHECKS, api

pytestmark = pytest.mark.django_db

ADA, UMA, GUS, IDA = "admin@example.com", "user@example.com", "guest@example.com", "ida@example.com"
BOOK = {
    "isbn": "0-14-143951-3",
    "title": "Pride and Prejudice",
    "subtitle": "",
    "authors": ["Jane Austen"],
    "publisher": "Penguin",
    "published_year": 1813,
    "language": "en-GB",
    "page_count": 480,
    "rating": 4.25,
    "subjects": ["Courtship", "Sisters"],
    "description": "It is a truth universally acknowledged …",
}


class Walk:
    """Asks, holds every answer against the document, and remembers what was seen."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        self.last: Any = None

    def ask(self, status: int, name: str, token: str = "", body: Any = None, **more: Any) -> Any:
        """The body of the answer to `name`, such as `POST books/`; it must have this status."""
        method, path = name.split()
        query, headers = more.pop("query", {}), more.pop("headers", {})
        # An outage that we made ourselves is no fault of the service.
        excluded = [not_a_server_error] if status == 503 else []
        operation: Any = api()[f"{API}{path}"][method]
        given = {"body": body, "media_type": "application/json"} if body is not None else {}
        case = operation.Case(path_parameters=more, query=query, **given)
        headers = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}
        self.last = case.call_and_validate(headers=headers, additional_checks=OWN_CHECKS, excluded_checks=excluded)
        assert self.last.status_code == status, self.last.content
        self.seen.add((operation.label, str(status)))
        return self.last.json() if self.last.content else None

    def signed_in(self, email: str, password: str = PASSWORD) -> Any:
        """The tokens of somebody."""
        return self.ask(200, "POST accounts/sign-in/", body={"email": email, "password": password})


def good_answers() -> Iterator[tuple[str, str]]:
    """Every answer below 400 that the document declares, as operation and status."""
    found: list[Any] = list(api().get_all_operations())
    for operation in (each.ok() for each in found):
        for status in operation.definition.raw["responses"]:
            if status < "400":
                yield operation.label, status


def test_every_good_answer_is_given_and_is_as_declared(cognito: LocalCognito, settings: Any) -> None:
    settings.ACCOUNTS_THROTTLES = {name: Rate(1000, 60) for name in settings.ACCOUNTS_THROTTLES}
    walk = Walk()
    _books(walk)
    _strangers(walk, cognito)
    _own_account(walk, cognito)
    _other_people(walk)
    assert set(good_answers()) - walk.seen == set()


def test_who_tries_too_often_is_answered_as_declared(cognito: LocalCognito, settings: Any) -> None:
    settings.ACCOUNTS_THROTTLES = {name: Rate(1, 60) for name in settings.ACCOUNTS_THROTTLES}
    walk, guess = Walk(), {"email": UMA, "password": "Guess-1815"}
    walk.ask(401, "POST accounts/sign-in/", body=guess)
    assert walk.ask(429, "POST accounts/sign-in/", body=guess)["code"] == "throttled"


def test_a_cognito_that_is_not_there_is_answered_as_declared(settings: Any) -> None:
    settings.COGNITO_ENDPOINT_URL = "http://127.0.0.1:1"
    walk = Walk()
    refused = walk.ask(503, "POST accounts/sign-in/", body={"email": UMA, "password": PASSWORD})
    assert refused["code"] == "cognito_unavailable"


def _books(walk: Walk) -> None:
    uma = walk.signed_in(UMA)["access_token"]
    book = walk.ask(201, "POST books/", uma, BOOK)
    assert walk.last.headers["location"] == [book["url"]]
    at = {"id": book["id"]}
    for path, where in (("books/", {}), ("books/{id}/", at), ("authors/", {}), ("authors/{id}/", None)):
        if where is None:
            where = {"id": walk.ask(200, "GET authors/")["results"][0]["id"]}
        walk.ask(200, f"GET {path}", **where)
        walk.ask(304, f"GET {path}", headers={"If-None-Match": walk.last.headers["etag"][0]}, **where)
    walk.ask(200, "GET books/", query={"search": "prejudice", "page_size": 1, "language": "en-GB", "min_rating": 4})
    walk.ask(200, "PATCH books/{id}/", uma, {"rating": None}, **at)
    walk.ask(412, "PUT books/{id}/", uma, BOOK, headers={"If-Match": '"stale"'}, **at)
    walk.ask(409, "POST books/", uma, BOOK)
    walk.ask(200, "PUT books/{id}/", uma, BOOK, headers={"If-Match": "*"}, **at)
    walk.ask(204, "DELETE books/{id}/", uma, **at)
    walk.ask(404, "GET books/{id}/", **at)


def _strangers(walk: Walk, cognito: LocalCognito) -> None:
    new = {"email": "nora@example.com", "password": NEW_PASSWORD}
    walk.ask(201, "POST accounts/sign-up/", body={**new, "name": "Nora", "phone_number": "+4915112345678"})
    walk.ask(403, "POST accounts/sign-in/", body=new)
    walk.ask(202, "POST accounts/resend-code/", body={"email": new["email"]})
    code = code_for(cognito, new["email"])
    walk.ask(200, "POST accounts/confirm-sign-up/", body={"email": new["email"], "code": code})
    tokens = walk.signed_in(**new)
    walk.ask(200, "POST accounts/refresh/", body={"refresh_token": tokens["refresh_token"]})
    walk.ask(204, "POST accounts/sign-out/", body={"refresh_token": tokens["refresh_token"]})
    walk.ask(202, "POST accounts/forgot-password/", body={"email": new["email"]})
    reset = {"email": new["email"], "code": code_for(cognito, new["email"]), "new_password": "Hopper-1907"}
    walk.ask(200, "POST accounts/reset-password/", body=reset)
    asked = walk.signed_in(IDA, invite(cognito, IDA))
    assert asked["challenge"] == "NEW_PASSWORD_REQUIRED"
    walk.ask(200, "POST accounts/sign-in/challenge/", body={"handle": asked["handle"], "new_password": NEW_PASSWORD})


def _own_account(walk: Walk, cognito: LocalCognito) -> None:
    gus = walk.signed_in(GUS)["access_token"]
    assert walk.ask(200, "GET accounts/me/", gus)["email"] == GUS
    walk.ask(200, "PATCH accounts/me/", gus, {"name": "Gus", "phone_number": None, "email": "gus@example.org"})
    walk.ask(202, "POST accounts/me/verify-email/", gus, {})
    walk.ask(200, "POST accounts/me/verify-email/", gus, {"code": code_for(cognito, "gus@example.org")})
    for path, method in (("accounts/me/mfa/delete/", "POST"), ("accounts/me/mfa/", "DELETE")):
        assert walk.ask(200, "GET accounts/me/mfa/", gus) == {"enabled": False}
        secret = walk.ask(200, "POST accounts/me/mfa/", gus)["secret"]
        walk.ask(200, "PUT accounts/me/mfa/", gus, {"code": totp.code(secret, cognito.clock.now())})
        # A code is good once: this one is of the next half minute, which counts already. One of the last would count
        # no more if the half minute ended before it arrives.
        proof = {"password": PASSWORD, "code": totp.code(secret, cognito.clock.now() + totp.STEP_SECONDS)}
        walk.ask(204, f"{method} {path}", gus, proof)
    passwords = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    walk.ask(204, "POST accounts/change-password/", gus, passwords)
    walk.ask(401, "GET accounts/me/", gus)
    for name, email, password in (
        ("DELETE accounts/me/", "gus@example.org", NEW_PASSWORD),
        ("POST accounts/me/delete/", IDA, NEW_PASSWORD),
    ):
        walk.ask(204, name, walk.signed_in(email, password)["access_token"], {"password": password})


def _other_people(walk: Walk) -> None:
    ada, uma = walk.signed_in(ADA)["access_token"], walk.signed_in(UMA)["access_token"]
    sub = claims_of(uma)["sub"]
    walk.ask(403, "GET accounts/users/", uma)
    page = walk.ask(200, "GET accounts/users/", ada, query={"page_size": 1})
    assert page["next"]
    walk.ask(200, "GET accounts/users/", ada, query={"search": "user@", "role": "ROLE_USER"})
    walk.ask(200, "GET accounts/users/{sub}/", ada, sub=sub)
    walk.ask(200, "PUT accounts/users/{sub}/role/", ada, {"role": "ROLE_GUEST"}, sub=sub)
    walk.ask(204, "POST accounts/users/{sub}/disable/", ada, sub=sub)
    walk.ask(401, "POST accounts/sign-in/", body={"email": UMA, "password": PASSWORD})
    walk.ask(204, "POST accounts/users/{sub}/enable/", ada, sub=sub)
    walk.ask(204, "POST accounts/users/{sub}/sign-out/", ada, sub=sub)
    walk.ask(409, "POST accounts/users/{sub}/sign-out/", ada, sub=claims_of(ada)["sub"])
