"""Signing in through the API, against a real (local) Cognito over HTTP."""

import base64
import hashlib
import hmac
import json
import logging
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from accounts.browser.backends import CognitoBackend
from accounts.cognito import client as cognito_client
from accounts.cognito.errors import TokensTooLarge
from accounts.cognito.gateway import get_gateway
from accounts.cognito.results import Tokens
from accounts.models import User
from accounts.tokens.testing import Pool
from accounts.tokens.verifier import MAX_TOKEN_BYTES
from local_cognito.server import LocalCognito
from tests.accounts.browsers import cut_off, fill_in, text
from tests.conftest import Client

SIGN_IN = "/api/v1/accounts/sign-in/"
BOOKS = "/api/v1/books/"
UMA = {"email": "user@example.com", "password": "Passw0rd!"}

pytestmark = pytest.mark.django_db


def test_a_person_signs_in_and_adds_a_book(visitor: Client, cognito: LocalCognito) -> None:
    response = visitor.post(SIGN_IN, UMA)
    assert response.status_code == 200, response.content
    tokens = response.json()
    assert set(tokens) == {"access_token", "id_token", "refresh_token", "expires_in", "token_type"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    assert response["Cache-Control"] == "no-store"
    created = visitor.bearing(tokens["access_token"]).post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]})
    assert created.status_code == 201
    assert created.json()["added_by"] == User.objects.get().sub


def test_two_sign_ins_in_a_row_both_work(visitor: Client, cognito: LocalCognito) -> None:
    assert [visitor.post(SIGN_IN, UMA).status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(
    "email, role, status",
    [
        ("admin@example.com", "ROLE_ADMIN", 201),
        ("user@example.com", "ROLE_USER", 201),
        ("guest@example.com", "ROLE_GUEST", 403),
    ],
)
def test_the_groups_of_the_token_decide(
    email: str, role: str, status: int, visitor: Client, cognito: LocalCognito
) -> None:
    tokens = visitor.post(SIGN_IN, {**UMA, "email": email}).json()
    visitor.bearing(tokens["access_token"])
    assert visitor.post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]}).status_code == status
    payload = tokens["access_token"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["cognito:groups"] == [role]


def test_a_token_of_another_pool_is_refused(visitor: Client, cognito: LocalCognito, pool: Pool) -> None:
    response = visitor.bearing(pool.access_token("Uma", ["ROLE_USER"])).get(BOOKS)
    assert (response.status_code, response.json()["code"]) == (401, "token_wrong_pool")


@pytest.mark.parametrize(
    "credentials",
    [{**UMA, "password": "Wr0ng-password"}, {**UMA, "email": "nobody@example.com"}],
    ids=["wrong", "unknown"],
)
def test_wrong_password_and_unknown_person_get_one_answer(
    credentials: dict[str, str], visitor: Client, cognito: LocalCognito
) -> None:
    response = visitor.post(SIGN_IN, credentials)
    assert response.status_code == 401
    assert response.json()["code"] == "invalid_credentials"
    assert response.json()["detail"] == "E-mail address or password is wrong."


@pytest.mark.parametrize(
    "body, pointer",
    [
        ({}, "#/email"),
        ({"email": "user@example.com"}, "#/password"),
        ({"email": None, "password": "x"}, "#/email"),
        ({"email": 5, "password": "x"}, "#/email"),
        ({"email": ["user@example.com"], "password": "x"}, "#/email"),
        ({"email": "not an address", "password": "x"}, "#/email"),
        ({"email": f"{'a' * 200}@example.com", "password": "x"}, "#/email"),
        ({"email": "user@example.com\u0000", "password": "x"}, "#/email"),
        ({"email": "user@example.com\n", "password": 5}, "#/password"),
        ({"email": "user@example.com", "password": ""}, "#/password"),
        ({"email": "user@example.com", "password": "x" * 257}, "#/password"),
        ({"email": "user@example.com", "password": "a\u0000b"}, "#/password"),
        ([], "#"),
        ("x", "#"),
    ],
)
def test_bad_input_is_pointed_at(body: Any, pointer: str, visitor: Client, cognito: LocalCognito) -> None:
    response = visitor.post(SIGN_IN, json.dumps(body), content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert pointer in [error["pointer"] for error in response.json()["errors"]]


def test_an_old_token_does_not_keep_anybody_from_signing_in(visitor: Client, cognito: LocalCognito) -> None:
    token = visitor.post(SIGN_IN, UMA).json()["access_token"]
    cognito.clock.advance(-3600)
    old = get_gateway().sign_in(**UMA)
    cognito.clock.restore()
    assert isinstance(old, Tokens)
    assert visitor.bearing(old.access_token).get(BOOKS).json()["code"] == "token_expired"
    assert visitor.post(SIGN_IN, UMA).status_code == 200
    assert visitor.bearing(token + "x").post(SIGN_IN, UMA).json()["code"] == "token_malformed"


def test_the_secret_hash_is_made_afresh_for_each_call(settings: Settings) -> None:
    settings.COGNITO_CLIENT_SECRET = "a secret"
    made = get_gateway()
    for name in ("uma@example.com", "ulf@example.com", "uma@example.com"):
        expected = hmac.new(b"a secret", (name + "web-client").encode(), hashlib.sha256).digest()
        assert made._secret_hash(name) == {"SECRET_HASH": base64.b64encode(expected).decode()}


def test_a_client_without_a_secret_sends_no_hash(settings: Settings) -> None:
    settings.COGNITO_CLIENT_SECRET = ""
    assert get_gateway()._secret_hash("uma@example.com") == {}


def test_a_client_without_a_secret_signs_people_in(visitor: Client, cognito: LocalCognito, settings: Settings) -> None:
    settings.COGNITO_CLIENT_ID, settings.COGNITO_CLIENT_SECRET = cognito.spa_client(), ""
    assert visitor.post(SIGN_IN, UMA).status_code == 200


@pytest.mark.parametrize(
    "setting, value",
    [("COGNITO_CLIENT_SECRET", "not the secret"), ("COGNITO_CLIENT_SECRET", ""), ("COGNITO_CLIENT_ID", "nobody")],
    ids=["wrong secret", "no secret", "unknown client"],
)
def test_a_wrong_set_up_is_our_fault_and_its_cause_stays_in_the_log(
    setting: str,
    value: str,
    visitor: Client,
    cognito: LocalCognito,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    setattr(settings, setting, value)
    response = visitor.post(SIGN_IN, UMA)
    assert (response.status_code, response.json()["code"]) == (500, "cognito_misconfigured")
    assert "Cognito initiate_auth refused" in caplog.text
    assert "Exception" not in response.content.decode()


def in_a_hundred_groups(email: str, length: int) -> None:
    """Put somebody into as many groups as AWS allows, with names of `length` characters."""
    administer = get_gateway().administer
    for number in range(100):
        name = f"{number:03}".ljust(length, "g")
        administer("create_group", GroupName=name)
        administer("admin_add_user_to_group", Username=email, GroupName=name)


def test_somebody_in_a_hundred_groups_signs_in(visitor: Client, cognito: LocalCognito) -> None:
    in_a_hundred_groups(UMA["email"], 70)
    token = visitor.post(SIGN_IN, UMA).json()["access_token"]
    assert len(token) > 8 * 1024
    assert visitor.bearing(token).get(BOOKS).status_code == 200


def test_a_sign_in_that_yields_too_large_a_token_says_so(
    visitor: Client, cognito: LocalCognito, caplog: pytest.LogCaptureFixture
) -> None:
    in_a_hundred_groups(UMA["email"], 128)
    response = visitor.post(SIGN_IN, UMA)
    assert (response.status_code, response.json()["code"]) == (403, "token_too_large")
    assert "16 KiB" in response.json()["detail"]
    assert "too many groups" in caplog.text
    page = fill_in(Browser(), "sign-in/", email=UMA["email"], password=UMA["password"])
    assert "so many groups" in text(page)


def test_an_id_token_that_is_too_large_is_no_wrong_password(pool: Pool) -> None:
    large = pool.id_token(padding="x" * MAX_TOKEN_BYTES)
    tokens = Tokens(access_token=pool.access_token(), id_token=large, refresh_token="r", expires_in=900)
    with pytest.raises(TokensTooLarge):
        CognitoBackend().authenticate(None, tokens)


@contextmanager
def _answering(status: int, body: bytes) -> Iterator[str]:
    """Something on 127.0.0.1 that is not Cognito."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "status, body, code",
    [
        (500, b'{"__type": "InternalErrorException", "message": "eyJhbGciOi secret"}', "cognito_unavailable"),
        (503, b"<html>bad gateway</html>", "cognito_unavailable"),
        (400, b'{"__type": "TooManyRequestsException", "message": "user@example.com"}', "too_many_attempts"),
        (400, b'{"__type": "LimitExceededException"}', "too_many_attempts"),
        (400, b'{"__type": "UserNotConfirmedException"}', "user_not_confirmed"),
        (400, b'{"__type": "PasswordResetRequiredException"}', "password_reset_required"),
        (
            400,
            b'{"__type": "InvalidParameterException", "message": "USER_PASSWORD_AUTH flow"}',
            "cognito_misconfigured",
        ),
        (400, b"not json", "cognito_unavailable"),
        (200, b"not json", "cognito_unavailable"),
        (200, b"{}", "cognito_unavailable"),
    ],
)
def test_whatever_cognito_answers_has_a_code_of_ours(
    status: int, body: bytes, code: str, visitor: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with _answering(status, body) as url, caplog.at_level(logging.DEBUG, "accounts"):
        settings.COGNITO_ENDPOINT_URL = url
        response = visitor.post(SIGN_IN, UMA)
    assert response.json()["code"] == code
    assert ("Retry-After" in response) == (code in ("cognito_unavailable", "too_many_attempts"))
    said = caplog.text + response.content.decode()
    assert not any(word in said for word in ("Passw0rd", "eyJhbGciOi", "user@example.com"))


def test_a_cognito_that_is_not_there_is_a_503(visitor: Client, settings: Settings) -> None:
    cut_off(settings)
    response = visitor.post(SIGN_IN, UMA)
    assert (response.status_code, response.json()["code"]) == (503, "cognito_unavailable")


def test_a_cognito_that_hangs_frees_the_worker(
    visitor: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cognito_client, "READ_TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.COGNITO_ENDPOINT_URL = f"http://127.0.0.1:{silent.getsockname()[1]}"
        response = visitor.post(SIGN_IN, UMA)
    assert (response.status_code, response.json()["code"]) == (503, "cognito_unavailable")


# --- Machines ---


@pytest.mark.parametrize("scopes, status", [("books/read books/write", 201), ("books/read", 403)])
def test_a_machine_signs_in_by_itself_and_its_scopes_decide(
    scopes: str, status: int, visitor: Client, cognito: LocalCognito, settings: Settings
) -> None:
    client_id, secret = cognito.machine_client()
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    asked = urllib.request.Request(
        f"{cognito.url}/oauth2/token",
        data=urlencode({"grant_type": "client_credentials", "scope": scopes}).encode(),
        headers={"Authorization": f"Basic {basic}"},
    )
    with urllib.request.urlopen(asked) as answer:
        token = json.load(answer)["access_token"]
    created = visitor.bearing(token).post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]})
    assert created.status_code == status
    if status == 201:
        assert created.json()["added_by"] == client_id
        assert User.objects.get().is_machine
    else:
        assert 'scope="books/write"' in created["WWW-Authenticate"]
