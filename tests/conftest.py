"""Fixtures of all tests: users with tokens, and a test user pool. Network access is limited to 127.0.0.1."""

import functools
import json
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.core.cache import cache
from django.db import connection
from hypothesis import settings as examples
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.flows import intents, throttling
from accounts.tokens import revocation
from accounts.tokens.keys import fetch_document
from accounts.tokens.roles import Role
from accounts.tokens.testing import Pool, subject
from accounts.tokens.verifier import TokenVerifier, get_verifier
from config.api import PROBLEM_CONTENT_TYPE
from config.codes import error_codes, problem_codes
from local_cognito.server import LocalCognito

# The same examples on every machine, others for whoever sets SEED: where a variable CI is set, Hypothesis would take
# those of a profile of its own. And it would fail one that took 0.2 seconds: that is how busy the machine is.
examples.register_profile(
    "everywhere", examples.get_profile("default"), deadline=None, derandomize="SEED" not in os.environ
)
examples.load_profile("everywhere")

ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Books0001"


@functools.cache
def _known_codes() -> frozenset[str]:
    return frozenset(problem_codes()) | frozenset(error_codes())


class Client(APIClient):
    """An API client with a name and, unless anonymous, a genuine token.

    Every code of every problem that it is answered with is one that the OpenAPI document tells of.
    """

    name: str
    sub: str | None = None
    token: str = ""

    def request(self, **kwargs: Any) -> Any:
        """The answer to a request."""
        answer = super().request(**kwargs)
        of_api = kwargs["PATH_INFO"].startswith("/api/")
        if of_api and answer.headers.get("Content-Type") == PROBLEM_CONTENT_TYPE and answer.content:
            problem = json.loads(answer.content)
            told = {problem["code"], *(error["code"] for error in problem.get("errors", []))}
            assert told <= _known_codes(), f"not in the enums of OpenAPI: {told - _known_codes()}"
        return answer

    def bearing(self, token: str) -> "Client":
        """This client, sending `token`."""
        self.token = token
        self.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return self


MakeMachine = Callable[..., Client]


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """A test that reaches for the internet fails at once."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"A test reached for {address[0]}.")
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is not taken for a service that hangs; whoever tests a time-out sets their own."""
    monkeypatch.setattr("accounts.flows.windows.REDIS_TIMEOUT_SECONDS", 30.0)


@pytest.fixture(scope="session")
def pool() -> Pool:
    """The pool whose tokens the service accepts."""
    return Pool(ISSUER, "web-client")


@pytest.fixture(autouse=True)
def _keys_of_the_pool(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The service fetches its keys from `pool`, without a network."""
    monkeypatch.setattr("accounts.tokens.keys.fetch_document", lambda _: pool.key_set())
    get_verifier.cache_clear()
    cache.clear()
    throttling.forget()
    revocation.forget()
    yield
    intents.forget()
    get_verifier.cache_clear()


@pytest.fixture(autouse=True)
def _ready_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `/readyz` looks at has more time than in production: a busy machine is no outage."""
    monkeypatch.setattr("config.operations.READY_SECONDS", 60.0)
    monkeypatch.setattr("config.postgresql.pooler.PROBE_SECONDS", 30.0)


@pytest.fixture(scope="session")
def stand_in() -> Iterator[LocalCognito]:
    """The local Cognito of this run, as the last test left it."""
    with LocalCognito() as cognito:
        yield cognito


@pytest.fixture
def cognito(stand_in: LocalCognito, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> LocalCognito:
    """The local Cognito in its first state; the service is set up to use it, over real HTTP."""
    stand_in.reset()
    monkeypatch.setattr("accounts.tokens.keys.fetch_document", fetch_document)
    # As for Redis: on a busy machine it answers late.
    for time_out in (
        "tokens.keys.FETCH_TIMEOUT_SECONDS",
        "cognito.bulkhead.WAIT_SECONDS",
        "cognito.client.READ_TIMEOUT_SECONDS",
    ):
        monkeypatch.setattr(f"accounts.{time_out}", 30.0)
    for name, value in stand_in.environment().items():
        if name.startswith("COGNITO_"):
            setattr(settings, name, value.split(",") if name == "COGNITO_ALLOWED_CLIENT_IDS" else value)
    return stand_in


@pytest.fixture
def by_hand() -> Iterator[Callable[[str], None]]:
    """Somebody at the prompt of PostgreSQL."""
    settings = connection.settings_dict
    with psycopg.connect(
        dbname=settings["NAME"],
        user=settings["USER"] or None,
        password=settings["PASSWORD"] or None,
        host=settings["HOST"] or None,
        port=settings["PORT"] or None,
        autocommit=True,
    ) as hand:

        def run(statement: str) -> None:
            hand.execute(statement.encode())

        yield run


@pytest.fixture
def verifier(pool: Pool) -> TokenVerifier:
    """The verifier that the service uses, with the pool's keys."""
    return get_verifier()


def _client(name: str) -> Client:
    client = Client()
    client.name = name
    return client


def _person(pool: Pool, name: str, *groups: str) -> Client:
    client = _client(name).bearing(pool.access_token(name, groups))
    client.sub = subject(name)
    return client


@pytest.fixture
def visitor() -> Client:
    """Somebody who sent no credentials."""
    return _client("Visitor")


@pytest.fixture
def norole(pool: Pool) -> Client:
    """Nora, who signed up and is in no group."""
    return _person(pool, "Nora")


@pytest.fixture
def gwen(pool: Pool) -> Client:
    """Gwen, a guest."""
    return _person(pool, "Gwen", Role.GUEST)


@pytest.fixture
def uma(pool: Pool) -> Client:
    """Uma, a user who adds books."""
    return _person(pool, "Uma", Role.USER)


@pytest.fixture
def ulf(pool: Pool) -> Client:
    """Ulf, another user."""
    return _person(pool, "Ulf", Role.USER)


@pytest.fixture
def ada(pool: Pool) -> Client:
    """Ada, an administrator."""
    return _person(pool, "Ada", Role.ADMIN)


@pytest.fixture
def machine(pool: Pool) -> MakeMachine:
    """Makes a machine with the scopes given."""

    def make(*scopes: str) -> Client:
        client = _client("Machine").bearing(pool.machine_token(*scopes))
        client.sub = pool.client_id
        return client

    return make
