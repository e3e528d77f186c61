"""What a request with, without, or with bad credentials is told: status, code, `WWW-Authenticate` (RFC 6750)."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client as BrowserClient
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts.api import urls as account_urls
from accounts.tokens.authentication import BearerAuthentication
from accounts.tokens.roles import Role
from accounts.tokens.testing import Pool, subject
from accounts.tokens.users import CognitoUser
from accounts.tokens.verifier import get_verifier
from books.models import BookChange
from tests.conftest import Client, MakeMachine

BOOKS = "/api/v1/books/"
BOOK = {"title": "Emma", "authors": ["Jane Austen"]}

pytestmark = pytest.mark.django_db


def test_a_visitor_is_asked_for_credentials_without_an_error(visitor: Client) -> None:
    response = visitor.post(BOOKS, BOOK)
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_refused_token_is_called_invalid_and_told_why(visitor: Client, pool: Pool) -> None:
    response = visitor.bearing(pool.access_token(iat=1, exp=1000000000)).get(BOOKS)
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["code"] == "token_expired"
    assert body["detail"] == "The token expired at 2001-09-09T01:46:40Z."
    assert body["instance"] == BOOKS
    assert body["request_id"] == response["X-Request-ID"]
    challenge = response["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="api", error="invalid_token", error_description="The token expired')


@pytest.mark.parametrize(
    "header",
    [
        "",
        "   ",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNzd29yZA==",
        "Token abc",
        "Bearer a.b.c d.e.f",
        "Bearer a.b.c,Bearer d.e.f",
        "Bearera.b.c",
        "Bearer \x00",
    ],
)
def test_any_other_authorization_header_is_malformed(header: str, visitor: Client) -> None:
    visitor.credentials(HTTP_AUTHORIZATION=header)
    response = visitor.get(BOOKS)
    assert (response.status_code, response.json()["code"]) == (401, "token_malformed")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_written_in_any_case(scheme: str, visitor: Client, pool: Pool) -> None:
    visitor.credentials(HTTP_AUTHORIZATION=f"{scheme} {pool.access_token()}")
    assert visitor.get(BOOKS).status_code == 200


def test_bad_credentials_are_refused_where_none_are_needed(visitor: Client, pool: Pool) -> None:
    assert visitor.get(BOOKS).status_code == 200
    assert visitor.bearing("rubbish").get(BOOKS).status_code == 401


def test_bad_credentials_win_over_an_unknown_path(visitor: Client, pool: Pool) -> None:
    assert visitor.get("/api/v1/nowhere/").json()["code"] == "not_found"
    assert visitor.bearing(pool.access_token()).get("/api/v1/nowhere/").json()["code"] == "not_found"
    assert visitor.bearing("rubbish").get("/api/v1/nowhere/").json()["code"] == "token_malformed"


def test_an_unknown_path_tells_nothing_to_visitors_while_reading_is_closed(
    visitor: Client, pool: Pool, settings: Settings
) -> None:
    settings.BOOKS_PUBLIC_READ = False
    assert visitor.get("/api/v1/nowhere/").status_code == 401
    assert visitor.bearing(pool.access_token()).get("/api/v1/nowhere/").status_code == 404


def test_who_you_are_comes_before_what_you_sent(visitor: Client, gwen: Client) -> None:
    assert visitor.post(BOOKS, {"title": 5}).status_code == 401
    assert gwen.post(BOOKS, {"title": 5}).status_code == 403
    assert gwen.post(BOOKS, "{", content_type="application/json").status_code == 403


def test_a_person_without_the_role_is_refused_without_a_challenge(gwen: Client) -> None:
    response = gwen.post(BOOKS, BOOK)
    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert "WWW-Authenticate" not in response


def test_a_machine_without_the_scope_is_told_which(machine: MakeMachine) -> None:
    response = machine("books/read").post(BOOKS, BOOK)
    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert 'error="insufficient_scope"' in response["WWW-Authenticate"]
    assert 'scope="books/write"' in response["WWW-Authenticate"]


def test_groups_give_a_machine_nothing_and_scopes_give_a_person_nothing(visitor: Client, pool: Pool) -> None:
    claims = pool.access_claims("Uma", scope="books/admin books/write")
    assert visitor.bearing(pool.sign(claims)).post(BOOKS, BOOK).status_code == 403
    grouped = pool.machine_token("books/read", **{"cognito:groups": ["ROLE_ADMIN"]})
    assert visitor.bearing(grouped).post(BOOKS, BOOK).status_code == 403


def test_unknown_groups_are_ignored(visitor: Client, pool: Pool) -> None:
    token = pool.access_token("Uma", ["eu-west-1_Books0001_Google", "role_admin", "ROLE_USER"])
    assert visitor.bearing(token).post(BOOKS, BOOK).status_code == 201


def test_groups_give_the_roles_that_the_settings_name(visitor: Client, pool: Pool, settings: Settings) -> None:
    settings.COGNITO_GROUP_ROLES = {"editors": Role.USER, "it-admins": Role.ADMIN}
    assert visitor.bearing(pool.access_token("Uma", ["editors"])).post(BOOKS, BOOK).status_code == 201
    assert visitor.bearing(pool.access_token("Ada", ["ROLE_ADMIN"])).post(BOOKS, BOOK).status_code == 403
    settings.BOOKS_PUBLIC_READ = False
    assert visitor.bearing(pool.access_token("Ada", ["ROLE_ADMIN"])).get(BOOKS).status_code == 403
    assert visitor.bearing(pool.access_token("Gwen", ["ROLE_GUEST"])).get(BOOKS).status_code == 200


def test_reading_with_a_token_touches_no_table_of_people(uma: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert uma.get(BOOKS).status_code == 200
    assert not [query for query in queries if "accounts_user" in query["sql"]]


def test_without_keys_nobody_is_let_in_and_nobody_is_called_bad(
    visitor: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: str) -> bytes:
        raise OSError

    monkeypatch.setattr("accounts.tokens.keys.fetch_document", down)
    response = visitor.bearing(pool.access_token()).get(BOOKS)
    assert (response.status_code, response.json()["code"]) == (503, "keys_unavailable")
    assert 1 <= int(response["Retry-After"]) <= 5
    assert "WWW-Authenticate" not in response


def test_an_id_token_may_be_asked_for_instead(visitor: Client, pool: Pool, settings: Settings) -> None:
    settings.COGNITO_TOKEN_USE = "id"
    assert visitor.bearing(pool.id_token("Uma", ["ROLE_USER"])).post(BOOKS, BOOK).status_code == 201
    assert visitor.bearing(pool.access_token("Uma", ["ROLE_USER"])).get(BOOKS).json()["code"] == "token_wrong_use"


def test_another_spelling_of_the_issuer_works_by_setting_it(visitor: Client, pool: Pool, settings: Settings) -> None:
    issuer = "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Books0001"
    settings.COGNITO_ISSUER = issuer
    assert visitor.bearing(pool.access_token(iss=issuer)).get(BOOKS).status_code == 200
    assert visitor.bearing(pool.access_token()).get(BOOKS).json()["code"] == "token_wrong_pool"


def test_a_token_for_another_service_opens_nothing_here(visitor: Client, pool: Pool, settings: Settings) -> None:
    token = pool.access_token("Ada", ["ROLE_ADMIN"], aud="https://payments.example.com")
    response = visitor.bearing(token).get(BOOKS)
    assert (response.status_code, response.json()["code"]) == (401, "token_wrong_audience")
    assert 'error="invalid_token"' in response["WWW-Authenticate"]
    settings.COGNITO_RESOURCE_IDENTIFIERS = ["https://payments.example.com"]
    assert visitor.post(BOOKS, BOOK).status_code == 201


def test_a_delegated_token_is_refused_unless_it_is_accepted(visitor: Client, pool: Pool, settings: Settings) -> None:
    visitor.bearing(pool.access_token("Uma", ["ROLE_USER"], act={"sub": "agent-7"}))
    response = visitor.get(BOOKS)
    assert (response.status_code, response.json()["code"]) == (401, "token_delegated")
    settings.COGNITO_DELEGATED_TOKENS = "accept"
    assert visitor.get(BOOKS).status_code == 200


def test_an_actor_gives_no_role_and_takes_none(visitor: Client, pool: Pool, settings: Settings) -> None:
    settings.COGNITO_DELEGATED_TOKENS = "accept"
    actor = {"sub": subject("Ada"), "cognito:groups": ["ROLE_ADMIN"], "scope": "books/admin"}
    visitor.bearing(pool.access_token("Gwen", ["ROLE_GUEST"], act=actor))
    assert visitor.post(BOOKS, BOOK).json()["code"] == "permission_denied"
    visitor.bearing(pool.access_token("Uma", ["ROLE_USER"], act={"sub": "agent-7"}))
    assert visitor.post(BOOKS, BOOK).json()["added_by"] == subject("Uma")


def test_an_actor_is_in_the_log_line_and_in_the_record_of_each_change(
    visitor: Client, pool: Pool, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.COGNITO_DELEGATED_TOKENS = "accept"
    visitor.bearing(pool.access_token("Uma", ["ROLE_USER"], act={"sub": "agent-7"}))
    with caplog.at_level("INFO", "config.requests"):
        book = visitor.post(BOOKS, BOOK).json()
        assert visitor.patch(f"{BOOKS}{book['id']}/", {"title": "Emma!"}).status_code == 200
        assert visitor.delete(f"{BOOKS}{book['id']}/").status_code == 204
    told = [record.fields for record in caplog.records if record.name == "config.requests"]  # type: ignore[attr-defined]
    assert [(fields["sub"], fields["actor"]) for fields in told] == [(subject("Uma"), "agent-7")] * 3
    changes = BookChange.objects.order_by("id").values_list("action", "by", "actor")
    assert list(changes) == [(action, subject("Uma"), "agent-7") for action in ("added", "changed", "deleted")]


def test_whoever_acts_themselves_is_nobodys_actor(uma: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "config.requests"):
        assert uma.post(BOOKS, BOOK).status_code == 201
    (fields,) = [record.fields for record in caplog.records if record.name == "config.requests"]  # type: ignore[attr-defined]
    assert "actor" not in fields
    assert BookChange.objects.get().actor == ""


ACCOUNT_PATHS = [
    ("post", "sign-up/"),
    ("post", "confirm-sign-up/"),
    ("post", "resend-code/"),
    ("post", "sign-in/"),
    ("post", "sign-in/challenge/"),
    ("post", "refresh/"),
    ("post", "sign-out/"),
    ("post", "forgot-password/"),
    ("post", "reset-password/"),
    ("post", "change-password/"),
    ("get", "me/"),
    ("patch", "me/"),
    ("delete", "me/"),
    ("post", "me/delete/"),
    ("post", "me/verify-email/"),
    ("get", "me/mfa/"),
    ("get", "users/"),
    ("put", f"users/{subject('Uma')}/role/"),
    ("post", f"users/{subject('Uma')}/disable/"),
]


@pytest.mark.parametrize("method, path", ACCOUNT_PATHS)
def test_account_paths_refuse_a_delegated_token_also_where_books_accept_it(
    method: str, path: str, visitor: Client, pool: Pool, settings: Settings
) -> None:
    settings.COGNITO_DELEGATED_TOKENS = "accept"
    visitor.bearing(pool.access_token("Ada", ["ROLE_ADMIN"], act={"sub": "agent-7"}))
    response = getattr(visitor, method)(f"/api/v1/accounts/{path}")
    assert (response.status_code, response.json()["code"]) == (401, "token_delegated")
    assert 'error="invalid_token"' in response["WWW-Authenticate"]


def test_every_account_view_refuses_delegated_tokens() -> None:
    views = [getattr(pattern.callback, "view_class") for pattern in account_urls.urlpatterns]  # noqa: B009
    assert len(views) > 15
    for view in views:
        (bearer, *_) = view().get_authenticators()
        assert isinstance(bearer, BearerAuthentication)
        assert not bearer.takes_delegated, view


def test_a_token_of_before_1970_is_old_and_not_revoked(visitor: Client, pool: Pool, settings: Settings) -> None:
    assert visitor.bearing(pool.access_token(iat=-5)).get(BOOKS).status_code == 200
    settings.COGNITO_MAX_TOKEN_AGE_SECONDS = 3600
    assert visitor.get(BOOKS).json()["code"] == "token_expired"


def test_who_signed_in_how_is_known_of_the_request_user(pool: Pool, settings: Settings) -> None:
    settings.COGNITO_DELEGATED_TOKENS = "accept"
    told: dict[str, Any] = {"acr": "urn:cognito:loa:3", "amr": ["hwk"], "act": {"sub": "agent-7"}}
    user = CognitoUser.from_claims(get_verifier().verify(pool.access_token("Ada", **told), "access"))
    assert (user.actor, user.acr, user.amr) == ("agent-7", "urn:cognito:loa:3", ("hwk",))
    silent = CognitoUser.from_claims(get_verifier().verify(pool.access_token("Ada"), "access"))
    assert (silent.actor, silent.acr, silent.amr) == (None, None, ())


def test_a_name_or_address_of_another_type_in_an_access_token_harms_nobody(visitor: Client, pool: Pool) -> None:
    claims = pool.access_claims("Uma", ["ROLE_USER"]) | {"name": {}, "email": ["uma@example.com"]}
    assert visitor.bearing(pool.sign(claims)).post(BOOKS, BOOK).status_code == 201


@pytest.mark.parametrize("claims", [{"sub": "u" * 256}, {"sub": "u\0"}, {"username": "u" * 256}, {"username": "\0"}])
def test_an_identifier_that_the_database_cannot_keep_is_malformed(
    claims: dict[str, str], visitor: Client, pool: Pool
) -> None:
    response = visitor.bearing(pool.access_token("Uma", ["ROLE_USER"], **claims)).post(BOOKS, BOOK)
    assert (response.status_code, response.json()["code"]) == (401, "token_malformed")


def test_the_longest_identifiers_are_kept(visitor: Client, pool: Pool) -> None:
    token = pool.access_token("Uma", ["ROLE_USER"], sub="u" * 255, username="n" * 255, origin_jti="o" * 255)
    assert visitor.bearing(token).post(BOOKS, BOOK).json()["added_by"] == "u" * 255


def test_a_session_needs_the_csrf_token_to_write(pool: Pool) -> None:
    browser = BrowserClient(enforce_csrf_checks=True)
    session = browser.session
    session["cognito_access_token"] = pool.access_token("Uma", ["ROLE_USER"])
    session.save()
    assert browser.get(BOOKS).status_code == 200
    refused = browser.post(BOOKS, BOOK, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    browser.get("/accounts/sign-in/")
    token = browser.cookies["csrftoken"].value
    accepted = browser.post(BOOKS, BOOK, content_type="application/json", headers={"X-CSRFToken": token})
    assert accepted.status_code == 201


def test_a_session_ends_with_its_token(pool: Pool) -> None:
    browser = BrowserClient()
    session = browser.session
    session["cognito_access_token"] = pool.access_token("Uma", ["ROLE_USER"], iat=1, exp=1000)
    session.save()
    assert browser.post(BOOKS, BOOK, content_type="application/json").json()["code"] == "not_authenticated"


def test_what_a_request_user_does_not_have_is_an_error(pool: Pool) -> None:
    verifier = get_verifier()
    user = CognitoUser.from_claims(verifier.verify(pool.access_token("Ada", ["ROLE_ADMIN"]), "access"))
    with pytest.raises(AttributeError):
        _ = user.is_superuser  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        user.roles = frozenset()  # type: ignore[misc]


def test_the_key_set_is_shared_by_all_requests(visitor: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def fetch(url: str) -> bytes:
        calls.append(url)
        return pool.key_set()

    monkeypatch.setattr("accounts.tokens.keys.fetch_document", fetch)
    for name in ("Uma", "Ulf", "Gwen"):
        assert visitor.bearing(pool.access_token(name)).get(BOOKS).status_code == 200
    assert calls == ["https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Books0001/.well-known/jwks.json"]
