"""Challenges, refreshing and signing out: what ends, what lives on, and what a client is told."""

import json
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.cognito.gateway import get_gateway
from accounts.cognito.results import Tokens
from accounts.flows import challenges
from accounts.tokens import revocation
from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, BOOKS, PASSWORD, Person, app_code, claims_of, sign_in
from tests.conftest import Client

pytestmark = pytest.mark.django_db(transaction=True)


def invite(cognito: LocalCognito, email: str) -> str:
    """An administrator creates somebody in the console; gives the temporary password that is mailed."""
    get_gateway().administer(
        "admin_create_user",
        Username=email,
        UserAttributes=[{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}],
    )
    code: str = cognito.messages.all()[-1]["code"]
    return code


def with_mfa(person: Person, cognito: LocalCognito) -> str:
    """Turn MFA on for `person`, with the code of now; gives the secret."""
    secret: str = person.client.post(f"{ACCOUNTS}me/mfa/").json()["secret"]
    assert person.client.put(f"{ACCOUNTS}me/mfa/", {"code": app_code(cognito, secret)}).status_code == 200
    return secret


# --- Challenges ---


def test_somebody_invited_chooses_a_password_at_the_first_sign_in(visitor: Client, cognito: LocalCognito) -> None:
    temporary = invite(cognito, "ida@example.com")
    first = sign_in(visitor, "ida@example.com", temporary).json()
    assert first["challenge"] == "NEW_PASSWORD_REQUIRED"
    answer = {"handle": first["handle"], "new_password": "weak"}
    weak = visitor.post(f"{ACCOUNTS}sign-in/challenge/", answer)
    assert (weak.status_code, weak.json()["code"]) == (400, "password_too_weak")
    done = visitor.post(f"{ACCOUNTS}sign-in/challenge/", {**answer, "new_password": "Lovelace-1815"})
    assert done.status_code == 200
    assert set(done.json()) == {"access_token", "id_token", "refresh_token", "expires_in", "token_type"}
    assert Person.signed_in("ida@example.com", "Lovelace-1815").verdict() == "ok"


def test_a_code_of_the_authenticator_app_is_asked_for(visitor: Client, cognito: LocalCognito) -> None:
    uma = Person.signed_in("user@example.com")
    secret = with_mfa(uma, cognito)
    asked = sign_in(visitor, uma.email, PASSWORD).json()
    assert asked["challenge"] == "SOFTWARE_TOKEN_MFA"
    wrong = visitor.post(f"{ACCOUNTS}sign-in/challenge/", {"handle": asked["handle"], "code": "000000"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "code_mismatch")
    right = {"handle": asked["handle"], "code": app_code(cognito, secret, nth=1)}
    assert visitor.post(f"{ACCOUNTS}sign-in/challenge/", right).status_code == 200


@pytest.mark.parametrize(
    "answer, pointer",
    [
        ({}, "#/code"),
        ({"new_password": "Lovelace-1815"}, "#/code"),
        ({"code": None}, "#/code"),
        ({"code": 123456}, "#/code"),
    ],
)
def test_the_answer_must_be_what_was_asked_for(
    answer: dict[str, Any], pointer: str, visitor: Client, cognito: LocalCognito
) -> None:
    uma = Person.signed_in("user@example.com")
    with_mfa(uma, cognito)
    handle = sign_in(visitor, uma.email, PASSWORD).json()["handle"]
    refused = visitor.post(f"{ACCOUNTS}sign-in/challenge/", {"handle": handle, **answer})
    assert refused.status_code == 400
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


@pytest.mark.parametrize("handle", ["x", "a.b.c", "eyJ9:1:x", "x" * 8000, "é", "\U0001f511"])
def test_a_handle_that_is_none_has_expired(handle: str, visitor: Client, cognito: LocalCognito) -> None:
    refused = visitor.post(f"{ACCOUNTS}sign-in/challenge/", {"handle": handle, "code": "123456"})
    assert (refused.status_code, refused.json()["code"]) == (400, "challenge_expired")


def test_a_handle_is_used_up_and_grows_old(
    visitor: Client, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = invite(cognito, "ida@example.com")
    handle = sign_in(visitor, "ida@example.com", temporary).json()["handle"]
    answer = {"handle": handle, "new_password": "Lovelace-1815"}
    with monkeypatch.context() as later:
        later.setattr(challenges, "LIFETIME_SECONDS", -1)
        assert visitor.post(f"{ACCOUNTS}sign-in/challenge/", answer).json()["code"] == "challenge_expired"
    assert visitor.post(f"{ACCOUNTS}sign-in/challenge/", answer).status_code == 200
    assert visitor.post(f"{ACCOUNTS}sign-in/challenge/", answer).json()["code"] == "challenge_expired"


# --- Refreshing ---


def test_a_refresh_token_gives_fresh_tokens_of_the_same_sign_in(visitor: Client, cognito: LocalCognito) -> None:
    uma = Person.signed_in("user@example.com")
    cognito.clock.advance(5)
    fresh = uma.refreshed()
    old_claims, new_claims = claims_of(uma.tokens["access_token"]), claims_of(fresh.tokens["access_token"])
    assert old_claims["origin_jti"] == new_claims["origin_jti"]
    assert old_claims["jti"] != new_claims["jti"]
    assert fresh.tokens["refresh_token"] == uma.tokens["refresh_token"]


def test_a_pool_that_rotates_gives_another_refresh_token(
    visitor: Client, cognito: LocalCognito, settings: Settings
) -> None:
    settings.COGNITO_CLIENT_ID, settings.COGNITO_CLIENT_SECRET = cognito.spa_client(), ""
    uma = Person.signed_in("user@example.com")
    fresh = uma.refreshed()
    assert fresh.tokens["refresh_token"] != uma.tokens["refresh_token"]
    cognito.clock.advance(60)  # beyond the grace period
    reused = visitor.post(f"{ACCOUNTS}refresh/", {"refresh_token": uma.tokens["refresh_token"]})
    assert (reused.status_code, reused.json()["code"]) == (401, "refresh_token_invalid")


@pytest.mark.parametrize("token", ["x", "rubbish", "eyJ.a.b", "x" * 8000])
def test_a_refresh_token_that_is_none(token: str, visitor: Client, cognito: LocalCognito) -> None:
    refused = visitor.post(f"{ACCOUNTS}refresh/", {"refresh_token": token})
    assert (refused.status_code, refused.json()["code"]) == (401, "refresh_token_invalid")
    assert refused["WWW-Authenticate"].startswith("Bearer")


def test_an_expired_access_token_may_come_along(visitor: Client, cognito: LocalCognito) -> None:
    cognito.clock.advance(-3600)
    tokens = get_gateway().sign_in("user@example.com", PASSWORD)
    cognito.clock.restore()
    assert isinstance(tokens, Tokens)
    visitor.bearing(tokens.access_token)
    assert visitor.get(BOOKS).json()["code"] == "token_expired"
    assert visitor.post(f"{ACCOUNTS}refresh/", {"refresh_token": tokens.refresh_token}).status_code == 200


def test_the_older_way_of_refreshing_is_the_fallback(
    visitor: Client, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    uma = Person.signed_in("user@example.com")
    gateway = get_gateway()
    asked = []
    call = gateway._call

    def without_the_new_way(operation: str, errors: Any, **parameters: Any) -> Any:
        asked.append(operation)
        if operation == "get_tokens_from_refresh_token":
            raise errors["UnsupportedOperationException"]
        return call(operation, errors, **parameters)

    monkeypatch.setattr(gateway, "_call", without_the_new_way)
    # Nothing but the refresh token is sent: the internal user name for the secret hash is known from before.
    assert uma.refreshed().verdict() == "ok"
    assert asked == ["get_tokens_from_refresh_token", "initiate_auth"]


# --- Signing out ---


def test_signed_out_means_signed_out(visitor: Client, cognito: LocalCognito) -> None:
    phone, laptop = Person.signed_in("user@example.com"), Person.signed_in("user@example.com")
    fresh = phone.refreshed()
    assert (
        phone.client.post(f"{ACCOUNTS}sign-out/", {"refresh_token": phone.tokens["refresh_token"]}).status_code == 204
    )
    assert (phone.verdict(), fresh.verdict(), laptop.verdict()) == ("token_revoked", "token_revoked", "ok")
    again = visitor.post(f"{ACCOUNTS}refresh/", {"refresh_token": phone.tokens["refresh_token"]})
    assert again.json()["code"] == "refresh_token_invalid"


@pytest.mark.parametrize("bearer", ["with", "without"])
@pytest.mark.parametrize("remembered", [True, False], ids=["remembered", "unknown"])
def test_the_session_is_found_however_little_is_sent(
    bearer: str, remembered: bool, visitor: Client, cognito: LocalCognito
) -> None:
    uma = Person.signed_in("user@example.com")
    if not remembered:
        revocation.forget_session(uma.tokens["refresh_token"])
    client = uma.client if bearer == "with" else visitor
    assert client.post(f"{ACCOUNTS}sign-out/", {"refresh_token": uma.tokens["refresh_token"]}).status_code == 204
    assert uma.verdict() == "token_revoked"


def test_an_unknown_or_ended_refresh_token_is_no_error(visitor: Client, cognito: LocalCognito) -> None:
    uma = Person.signed_in("user@example.com")
    for token in ("rubbish", uma.tokens["refresh_token"], uma.tokens["refresh_token"]):
        assert visitor.post(f"{ACCOUNTS}sign-out/", {"refresh_token": token}).status_code == 204


def test_everywhere_ends_all_sessions_and_a_new_sign_in_works_at_once(visitor: Client, cognito: LocalCognito) -> None:
    phone, laptop = Person.signed_in("user@example.com"), Person.signed_in("user@example.com")
    other = Person.signed_in("admin@example.com")
    assert phone.client.post(f"{ACCOUNTS}sign-out/", {"everywhere": True}).status_code == 204
    assert (phone.verdict(), laptop.verdict(), other.verdict()) == ("token_revoked", "token_revoked", "ok")
    assert Person.signed_in("user@example.com").verdict() == "ok"
    for person in (phone, laptop):
        refused = visitor.post(f"{ACCOUNTS}refresh/", {"refresh_token": person.tokens["refresh_token"]})
        assert refused.json()["code"] == "refresh_token_invalid"


def test_everywhere_needs_to_know_who(visitor: Client, cognito: LocalCognito) -> None:
    refused = visitor.post(f"{ACCOUNTS}sign-out/", {"everywhere": True})
    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
    nothing = visitor.post(f"{ACCOUNTS}sign-out/", {})
    assert (nothing.status_code, nothing.json()["errors"][0]["pointer"]) == (400, "#/refresh_token")


@pytest.mark.parametrize("flag", [0, 1, "true", "off", [], None])
def test_everywhere_is_true_or_false(flag: Any, visitor: Client, cognito: LocalCognito) -> None:
    refused = visitor.post(f"{ACCOUNTS}sign-out/", {"everywhere": flag, "refresh_token": "x"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "#/everywhere")


def test_a_revoked_token_is_refused_on_the_paths_for_strangers_too(visitor: Client, cognito: LocalCognito) -> None:
    uma = Person.signed_in("user@example.com")
    uma.client.post(f"{ACCOUNTS}sign-out/", {"everywhere": True})
    answer = uma.client.post(f"{ACCOUNTS}sign-in/", {"email": uma.email, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")


def test_no_answer_of_a_sign_in_is_kept_by_a_cache(visitor: Client, cognito: LocalCognito) -> None:
    answer = sign_in(visitor, "user@example.com", PASSWORD)
    assert answer["Cache-Control"] == "no-store"
    assert json.loads(answer.content)["token_type"] == "Bearer"
