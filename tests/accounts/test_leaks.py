"""No answer of an error and no log line holds a token, code, password or secret."""

import logging

import pytest

from accounts.cognito.results import Challenge, Tokens
from config.logs import JSONFormatter
from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, BOOKS, PASSWORD, Person, code_for, sign_in
from tests.conftest import Client

pytestmark = pytest.mark.django_db(transaction=True)


class Everything(logging.Handler):
    """Keeps every line that any logger writes, as the log of a server holds it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JSONFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def leaks(lines: list[str], secrets: dict[str, str]) -> set[str]:
    """The names of the secrets that stand in some line."""
    return {name for name, secret in secrets.items() if secret and any(secret in line for line in lines)}


def test_nothing_secret_is_logged_by_any_flow(visitor: Client, cognito: LocalCognito) -> None:
    everything = Everything()
    # Ours, Django's and DRF's at their most talkative; botocore and urllib3 as the settings leave them.
    loggers = [logging.getLogger(name) for name in ("", "accounts", "books", "config", "django.request")]
    before = [(logger, logger.level) for logger in loggers]
    for logger in loggers[1:]:
        logger.setLevel(logging.DEBUG)
    logging.getLogger().addHandler(everything)
    try:
        secrets = _walk(visitor, cognito)
    finally:
        logging.getLogger().removeHandler(everything)
        for logger, level in before:
            logger.setLevel(level)
    assert len(everything.lines) > 10
    assert leaks(everything.lines, secrets) == set()


def _walk(visitor: Client, cognito: LocalCognito) -> dict[str, str]:
    """Through the flows, with mistakes; gives every secret that was used on the way."""
    grace = Person.signed_up(visitor, cognito, "grace@example.com", "Hopper-1906")
    sign_up_code = code_for(cognito, "grace@example.com")
    sign_in(visitor, "grace@example.com", "Wrong-Secret-1906")
    visitor.post(f"{ACCOUNTS}refresh/", {"refresh_token": "stolen-refresh-token"})
    visitor.post(f"{ACCOUNTS}sign-in/challenge/", {"handle": "stolen-handle", "code": "981723"})
    grace.client.get(f"{BOOKS}?search=eyJhbGciOiJub25lIn0.stolen")
    Client().bearing(grace.tokens["access_token"][:-5]).get(BOOKS)
    lost = Client().get(f"/api/v1/{grace.tokens['access_token']}/")
    assert grace.tokens["access_token"] not in lost.content.decode()
    visitor.post(f"{ACCOUNTS}forgot-password/", {"email": grace.email})
    reset_code = code_for(cognito, grace.email)
    body = {"email": grace.email, "code": reset_code, "new_password": "Another-1906"}
    visitor.post(f"{ACCOUNTS}reset-password/", body)
    again = Person.signed_in(grace.email, "Another-1906")
    mfa = again.client.post(f"{ACCOUNTS}me/mfa/").json()
    again.client.post(f"{ACCOUNTS}sign-out/", {"refresh_token": again.tokens["refresh_token"]})
    return {
        "access token": grace.tokens["access_token"],
        "signature": grace.tokens["access_token"].split(".")[2],
        "payload": grace.tokens["access_token"].split(".")[1],
        "id token": grace.tokens["id_token"],
        "refresh token": grace.tokens["refresh_token"],
        "password": "Hopper-1906",
        "new password": "Another-1906",
        "wrong password": "Wrong-Secret-1906",
        "sign-up code": sign_up_code,
        "reset code": reset_code,
        "guessed code": "981723",
        "handle": "stolen-handle",
        "other refresh token": "stolen-refresh-token",
        "client secret": cognito.environment()["COGNITO_CLIENT_SECRET"],
        "totp secret": mfa["secret"],
        "token in a query": "eyJhbGciOiJub25lIn0",
    }


def test_a_planted_secret_is_found() -> None:
    lines = ["all is well", f"signing in with {PASSWORD}"]
    assert leaks(lines, {"password": PASSWORD, "code": "123456"}) == {"password"}


def test_tokens_and_challenges_do_not_show_themselves() -> None:
    tokens = Tokens(access_token="secret-a", id_token="secret-b", refresh_token="secret-c", expires_in=900)
    challenge = Challenge(name="SMS_MFA", session="secret-d", username="ada", parameters={"x": "secret-e"})
    assert "secret" not in repr(tokens) + str(tokens) + repr(challenge)
