"""What every kind of answer says to browsers and caches, in its headers."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from config.csp import NOT_A_PAGE, PERMISSIONS
from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, BOOKS, PASSWORD, Person, sign_in
from tests.conftest import Client

pytestmark = pytest.mark.django_db

JSON, HTML = {"Accept": "application/json"}, {"Accept": "text/html"}
ORIGIN = {"Origin": "https://spa.example"}

# Every kind of answer: method, path, headers sent, status.
KINDS = {
    "JSON": ("GET", BOOKS, JSON, 200),
    "a problem": ("GET", "/api/v1/nowhere/", JSON, 404),
    "a refusal": ("GET", f"{ACCOUNTS}me/", JSON, 401),
    "a method that is not there": ("TRACE", BOOKS, JSON, 405),
    "the browsable API": ("GET", BOOKS, HTML, 200),
    "a page": ("GET", "/", HTML, 200),
    "a form": ("GET", "/accounts/sign-in/", HTML, 200),
    "a page that is not there": ("GET", "/nowhere/", HTML, 404),
    "a form without its CSRF token": ("POST", "/accounts/sign-in/", HTML, 403),
    "a slash that is missing": ("GET", "/admin", HTML, 301),
    "the admin, for strangers": ("GET", "/admin/", HTML, 302),
    "Swagger UI": ("GET", "/api/docs/", HTML, 200),
    "Redoc": ("GET", "/api/redoc/", HTML, 200),
    "the schema": ("GET", "/api/schema/", {}, 200),
    "a static file": ("GET", "/static/admin/css/base.css", {}, 200),
    "an unknown host": ("GET", "/", {"Host": "evil.example"}, 400),
    "a preflight": ("OPTIONS", BOOKS, {**ORIGIN, "Access-Control-Request-Method": "GET"}, 200),
}


@pytest.fixture
def over_https(settings: Settings) -> None:
    """The settings that DJANGO_HTTPS makes (tests/config/test_settings.py)."""
    settings.SECURE_SSL_REDIRECT = settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    settings.SECURE_HSTS_SECONDS = 365 * 24 * 3600
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN["Origin"]]


def answer(method: str, path: str, headers: dict[str, str]) -> Any:
    """What a browser is answered."""
    browser = Browser(enforce_csrf_checks=True, raise_request_exception=False)
    return browser.generic(method, path, headers=headers, secure=True)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, over_https: None) -> Iterator[HttpResponseBase]:
    """An answer of each kind."""
    method, path, headers, status = KINDS[request.param]
    response = answer(method, path, headers)
    assert response.status_code == status
    yield response
    response.close()


def test_nobody_guesses_frames_follows_or_downgrades_an_answer(kind: HttpResponseBase) -> None:
    assert kind["X-Content-Type-Options"] == "nosniff"
    assert kind["Referrer-Policy"] == "same-origin"
    assert kind["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert "frame-ancestors 'none'" in kind["Content-Security-Policy"]
    assert kind.get("X-Frame-Options", "DENY") == "DENY"  # for older browsers; the policy says it to all
    assert kind["X-Request-ID"]


def test_no_answer_gives_the_powers_of_the_device_away(kind: HttpResponseBase) -> None:
    assert kind["Permissions-Policy"] == PERMISSIONS
    assert {"camera=()", "geolocation=()", "microphone=()"} <= set(PERMISSIONS.split(", "))


def test_a_window_of_another_site_holds_none_of_ours(kind: HttpResponseBase, request: pytest.FixtureRequest) -> None:
    # Swagger UI opens Cognito's pages in a window and must hear from it: it holds nothing before that.
    swagger = "Swagger UI" in request.node.name
    assert kind["Cross-Origin-Opener-Policy"] == ("same-origin-allow-popups" if swagger else "same-origin")


def test_what_is_no_page_may_do_nothing_in_a_browser(kind: HttpResponseBase) -> None:
    is_page = kind["Content-Type"].startswith("text/html")
    assert (kind["Content-Security-Policy"] == NOT_A_PAGE) is not is_page


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_is_kept_by_nobody_and_taken_for_nothing_else(path: str) -> None:
    response = answer("GET", path, {})
    assert response["Cache-Control"] == "no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Type"] == "application/json"


def test_without_https_the_only_answer_is_the_way_to_it(over_https: None) -> None:
    response = Browser().get("/")
    assert (response.status_code, response["Location"]) == (301, "https://testserver/")
    assert (response.content, response.cookies) == (b"", {})


# --- Caches ---


@pytest.mark.parametrize("name", ["a problem", "a refusal", "a method that is not there"])
def test_no_cache_keeps_a_problem(name: str) -> None:
    method, path, headers, _ = KINDS[name]
    assert answer(method, path, headers)["Cache-Control"] == "no-store"


def test_no_cache_keeps_what_is_said_about_people(cognito: LocalCognito) -> None:
    ada = Person.signed_in("admin@example.com")
    answers = [
        sign_in(Client(), ada.email, PASSWORD),
        sign_in(Client(), ada.email, "Wrong-1815"),
        Client().post(f"{ACCOUNTS}refresh/", {"refresh_token": ada.tokens["refresh_token"]}),
        Client().post(f"{ACCOUNTS}forgot-password/", {"email": "nobody@example.com"}),
        *(ada.client.get(f"{ACCOUNTS}{path}") for path in ("me/", "me/mfa/", "users/", f"users/{ada.sub}/")),
        ada.client.get(f"{ACCOUNTS}users/nobody/"),
        ada.client.patch(f"{ACCOUNTS}me/", {"name": "Ada"}),
        ada.client.post(f"{ACCOUNTS}me/mfa/"),
        ada.client.post(f"{ACCOUNTS}sign-out/", {"everywhere": True}),
    ]
    assert [response["Cache-Control"] for response in answers] == ["no-store"] * len(answers)


def test_no_shared_cache_keeps_what_one_person_asked_for(uma: Client) -> None:
    for path in (f"{BOOKS}?added_by=me", BOOKS):
        control = {part.strip() for part in uma.get(path)["Cache-Control"].split(",")}
        assert "private" in control or "no-store" in control, control


def test_no_shared_cache_keeps_anything_once_reading_is_closed(gwen: Client, settings: Settings) -> None:
    settings.BOOKS_PUBLIC_READ = False
    control = {part.strip() for part in gwen.get(BOOKS)["Cache-Control"].split(",")}
    assert "private" in control
    assert "public" not in control


def test_an_answer_says_what_it_depends_on(visitor: Client, over_https: None) -> None:
    varied = {name.strip().lower() for name in answer("GET", BOOKS, {**JSON, **ORIGIN})["Vary"].split(",")}
    # JSON or a page, and whose script may read it.
    assert {"accept", "origin"} <= varied
    page = {name.strip().lower() for name in answer("GET", BOOKS, HTML)["Vary"].split(",")}
    assert {"accept", "cookie"} <= page  # a page shows who has signed in
