"""People of the local Cognito for the tests of accounts: they sign up, get mail, and carry tokens."""

import base64
import json
import time
from dataclasses import dataclass
from typing import Any

from local_cognito import totp
from local_cognito.server import LocalCognito
from tests.conftest import Client

ACCOUNTS = "/api/v1/accounts/"
BOOKS = "/api/v1/books/"
PASSWORD = "Passw0rd!"
NEW_PASSWORD = "Hopper-1906"


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token, unverified."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def wait_for_messages(cognito: LocalCognito, email: str, count: int) -> list[dict[str, Any]]:
    """The messages sent to `email`, once there are `count` of them: some are sent behind the answer."""
    deadline = time.monotonic() + 30
    while True:
        sent = [message for message in cognito.messages.all() if message["to"] == email]
        if len(sent) >= count or time.monotonic() > deadline:
            return sent
        time.sleep(0.01)


def code_for(cognito: LocalCognito, email: str) -> str:
    """The last code sent to `email`."""
    code: str = wait_for_messages(cognito, email, 1)[-1]["code"]
    return code


def app_code(cognito: LocalCognito, secret: str, *, nth: int = 0) -> str:
    """The code an authenticator app shows now, or with `nth` 1 the one after it, which counts already.

    Each is good once, and for half a minute at least, however late it arrives. The one of half a minute ago is not: it
    counts no more when the next one begins before it has arrived.
    """
    return totp.code(secret, cognito.clock.now() + nth * totp.STEP_SECONDS)


def sign_in(client: Client, email: str, password: str) -> Any:
    """The answer to these credentials."""
    return client.post(f"{ACCOUNTS}sign-in/", {"email": email, "password": password})


@dataclass
class Person:
    """Somebody signed in: an API client with the tokens."""

    client: Client
    email: str
    password: str
    tokens: dict[str, Any]

    @classmethod
    def signed_in(cls, email: str, password: str = PASSWORD) -> "Person":
        """One of the demo people, or somebody confirmed."""
        client = Client()
        answer = sign_in(client, email, password)
        assert answer.status_code == 200, answer.content
        tokens = answer.json()
        return cls(client.bearing(tokens["access_token"]), email, password, tokens)

    @classmethod
    def signed_up(cls, visitor: Client, cognito: LocalCognito, email: str, password: str = NEW_PASSWORD) -> "Person":
        """Somebody new, confirmed and signed in."""
        assert visitor.post(f"{ACCOUNTS}sign-up/", {"email": email, "password": password}).status_code == 201
        body = {"email": email, "code": code_for(cognito, email)}
        assert visitor.post(f"{ACCOUNTS}confirm-sign-up/", body).status_code == 200
        return cls.signed_in(email, password)

    @property
    def sub(self) -> str:
        """Who it is."""
        sub: str = claims_of(self.tokens["access_token"])["sub"]
        return sub

    def verdict(self) -> str:
        """What the API says to their access token: `ok`, or the code of the refusal."""
        answer = self.client.get(BOOKS)
        return "ok" if answer.status_code == 200 else answer.json()["code"]

    def refreshed(self) -> "Person":
        """The same person with fresh tokens."""
        answer = Client().post(f"{ACCOUNTS}refresh/", {"refresh_token": self.tokens["refresh_token"]})
        assert answer.status_code == 200, answer.content
        tokens = answer.json()
        return Person(Client().bearing(tokens["access_token"]), self.email, self.password, tokens)
