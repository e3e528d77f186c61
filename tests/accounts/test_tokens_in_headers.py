"""The article's flow, behind its switch: an expired token with a refresh token beside it is renewed on the way."""

import pytest
from pytest_django.fixtures import Settings

from accounts.cognito.gateway import get_gateway
from accounts.cognito.results import Tokens
from accounts.tokens.testing import Pool
from local_cognito.server import LocalCognito
from tests.accounts.people import BOOKS, PASSWORD, Person, claims_of, sign_in
from tests.conftest import Client

HEADERS = ("X-Access-Token", "X-Id-Token", "X-Refresh-Token")

pytestmark = pytest.mark.django_db


@pytest.fixture
def _on(cognito: LocalCognito, settings: Settings) -> None:
    settings.COGNITO_HEADER_REFRESH = True


def an_hour_ago(cognito: LocalCognito, email: str = "user@example.com") -> Tokens:
    """Tokens of a sign-in an hour ago, whose access token has expired."""
    cognito.clock.advance(-3600)
    tokens = get_gateway().sign_in(email, PASSWORD)
    cognito.clock.restore()
    assert isinstance(tokens, Tokens)
    return tokens


def bearing(tokens: Tokens, refresh_token: str) -> Client:
    """A client that sends an access token and a refresh token with every request."""
    client = Client()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens.access_token}", HTTP_X_REFRESH_TOKEN=refresh_token)
    return client


@pytest.mark.usefixtures("_on")
def test_signing_in_gives_the_tokens_in_headers_too(visitor: Client) -> None:
    answer = sign_in(visitor, "user@example.com", PASSWORD)
    assert [answer[header] for header in HEADERS] == [
        answer.json()[name] for name in ("access_token", "id_token", "refresh_token")
    ]
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("_on")
def test_an_expired_token_is_renewed_and_the_request_served(cognito: LocalCognito) -> None:
    tokens = an_hour_ago(cognito)
    answer = bearing(tokens, tokens.refresh_token).post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]})
    assert answer.status_code == 201
    assert claims_of(answer["X-Access-Token"])["sub"] == claims_of(tokens.access_token)["sub"]
    assert answer["X-Id-Token"]
    assert answer["Cache-Control"] == "no-store"
    assert Client().bearing(answer["X-Access-Token"]).get(BOOKS).status_code == 200


@pytest.mark.usefixtures("_on")
def test_nobody_gets_another_persons_rights_by_it(cognito: LocalCognito) -> None:
    uma, ada = an_hour_ago(cognito), an_hour_ago(cognito, "admin@example.com")
    answer = bearing(uma, ada.refresh_token).get(BOOKS)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")
    assert not any(header in answer for header in HEADERS)


@pytest.mark.usefixtures("_on")
@pytest.mark.parametrize("refresh_token", ["", "rubbish", "x" * 5000])
def test_a_bad_refresh_token_renews_nothing(refresh_token: str, cognito: LocalCognito) -> None:
    answer = bearing(an_hour_ago(cognito), refresh_token).get(BOOKS)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


@pytest.mark.usefixtures("_on")
def test_a_forged_expired_token_renews_nothing(cognito: LocalCognito, pool: Pool) -> None:
    tokens = an_hour_ago(cognito)
    forged = Pool(cognito.environment()["COGNITO_ISSUER"], "web", "forged").access_token(exp=1)
    client = Client()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {forged}", HTTP_X_REFRESH_TOKEN=tokens.refresh_token)
    answer = client.get(BOOKS)
    assert answer.status_code == 401
    assert answer.json()["code"] == "token_key_unknown"
    assert "X-Access-Token" not in answer


@pytest.mark.usefixtures("_on")
def test_a_session_that_was_signed_out_is_not_renewed(cognito: LocalCognito) -> None:
    uma = Person.signed_in("user@example.com")
    tokens = an_hour_ago(cognito)
    uma.client.post("/api/v1/accounts/sign-out/", {"everywhere": True})
    assert bearing(tokens, tokens.refresh_token).get(BOOKS).status_code == 401


def test_without_the_switch_nothing_of_it_happens(visitor: Client, cognito: LocalCognito) -> None:
    tokens = an_hour_ago(cognito)
    answer = bearing(tokens, tokens.refresh_token).get(BOOKS)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")
    signed_in = sign_in(visitor, "user@example.com", PASSWORD)
    assert not any(header in signed_in for header in HEADERS)
