"""Signing in through Cognito's hosted pages: code, PKCE, state and nonce, each of them once."""

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.test import Client as Browser
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.browser import pending
from accounts.models import User
from local_cognito.server import LocalCognito
from tests.accounts.browsers import (
    PAGES,
    PROFILE,
    cut_off,
    fill_in,
    is_signed_in,
    let_pass,
    signed_in,
    text,
    tokens_of,
)
from tests.accounts.people import BOOKS, PASSWORD
from tests.conftest import Client
from tests.local_cognito.browser import Browser as Outside

UMA = "user@example.com"
HOSTED = f"{PAGES}hosted/"
CALLBACK = f"{HOSTED}callback/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _registered(cognito: LocalCognito) -> Iterator[None]:
    cognito.register_app("http://testserver")
    yield
    cognito.forget_app("http://testserver")


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def way_back(browser: Browser, outside: Outside, next_: str = "") -> str:
    """Uma goes to Cognito's pages and signs in there; gives the address she is sent back to."""
    asked = browser.get(HOSTED, {"next": next_} if next_ else {}).headers["Location"]
    page = outside.open(asked)
    page = outside.open(page.location) if page.status == 302 and "/login" in page.location else page
    if page.status == 200:
        page = outside.fill_in(page, username=UMA, password=PASSWORD)
    back = page.location
    assert back.startswith(f"http://testserver{CALLBACK}?"), back
    return back.removeprefix("http://testserver")


def is_calm(answer: Any, status: int) -> bool:
    """Whether it is the one page that failed callbacks end on, and says nothing of Cognito's."""
    said = text(answer)
    return (
        answer.status_code == status
        and "That did not work just now" in said
        and f'href="{PAGES}sign-in/' in answer.content.decode()
        and not any(word in said for word in ("invalid_grant", "state", "nonce", "access_denied", "Traceback"))
    )


def seconds_kept(browser: Browser) -> float:
    """How long the server keeps the session of this browser from now on."""
    (row,) = Session.objects.filter(session_key=browser.cookies["sessionid"].value)
    return (row.expire_date - timezone.now()).total_seconds()


def test_a_visitor_who_goes_to_the_hosted_pages_is_kept_for_minutes(settings: Settings) -> None:
    browser = Browser()
    browser.get(HOSTED)
    assert seconds_kept(browser) <= 600
    assert browser.cookies["sessionid"]["max-age"] == 600
    browser.get(way_back(browser, Outside()))
    assert settings.SESSION_COOKIE_AGE - 60 < seconds_kept(browser) <= settings.SESSION_COOKIE_AGE


def test_a_visitor_who_fills_in_a_form_is_kept_for_minutes() -> None:
    browser = Browser()
    fill_in(browser, "forgot-password/", email=UMA)
    assert seconds_kept(browser) <= 600


def test_the_session_of_somebody_signed_in_is_not_cut_short(settings: Settings) -> None:
    browser = signed_in(UMA)
    browser.get(HOSTED)
    fill_in(browser, "forgot-password/", email=UMA)
    assert seconds_kept(browser) > settings.SESSION_COOKIE_AGE - 60


def test_an_attempt_asks_for_bound_tokens_where_an_audience_is_required(settings: Settings) -> None:
    assert "resource" not in query_of(Browser().get(HOSTED).headers["Location"])
    settings.COGNITO_RESOURCE_IDENTIFIERS = ["https://books.example.com"]
    settings.COGNITO_REQUIRE_AUDIENCE = True
    assert query_of(Browser().get(HOSTED).headers["Location"])["resource"] == "https://books.example.com"


def test_somebody_signs_in_through_the_hosted_pages(visitor: Client) -> None:
    browser = Browser()
    asked = query_of(browser.get(HOSTED).headers["Location"])
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"http://testserver{CALLBACK}"
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    answer = browser.get(way_back(browser, Outside(), "/api/v1/books/"))
    assert answer.headers["Location"] == "/api/v1/books/"
    assert UMA in text(browser.get(PROFILE))
    assert browser.post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]}, "application/json").status_code == 201
    # Of two attempts, the one that came back is used up.
    assert list(browser.session["accounts_hosted"]) == [asked["state"]]


def test_both_ways_in_lead_to_the_same_person() -> None:
    browser = Browser()
    browser.get(way_back(browser, Outside()))
    signed_in(UMA)
    assert User.objects.count() == 1


def test_next_never_leads_to_another_site() -> None:
    browser = Browser()
    assert browser.get(way_back(browser, Outside(), "https://evil.example/")).headers["Location"] == "/"


def test_a_hosted_session_is_renewed_like_any_other(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser()
    browser.get(way_back(browser, Outside()))
    let_pass(3600, cognito, monkeypatch)
    assert is_signed_in(browser)


def test_signing_out_ends_cognitos_session_too(cognito: LocalCognito, visitor: Client) -> None:
    browser, outside = Browser(), Outside()
    browser.get(way_back(browser, outside))
    token = tokens_of(browser)["cognito_access_token"]
    away = fill_in(browser, "sign-out/").headers["Location"]
    assert away.startswith(f"{cognito.url}/logout?")
    assert query_of(away)["logout_uri"] == "http://testserver/"
    assert outside.open(away).location == "http://testserver/"
    assert not is_signed_in(browser)
    assert visitor.bearing(token).get(BOOKS).json()["code"] == "token_revoked"
    # Cognito asks for the password again.
    assert outside.open(outside.open(browser.get(HOSTED).headers["Location"]).location).status == 200


def test_a_sign_in_of_ours_signs_out_without_cognitos_pages() -> None:
    assert fill_in(signed_in(UMA), "sign-out/").headers["Location"] == "/"


# --- Callbacks that lead nowhere ---


def test_a_replayed_callback_signs_nobody_in() -> None:
    browser = Browser()
    back = way_back(browser, Outside())
    assert browser.get(back).status_code == 302
    fill_in(browser, "sign-out/")
    assert is_calm(browser.get(back), 400)
    assert not is_signed_in(browser)


def test_a_callback_of_another_browser_signs_nobody_in() -> None:
    mallory, uma = Browser(), Browser()
    uma.get(HOSTED)
    assert is_calm(uma.get(way_back(mallory, Outside())), 400)
    assert not is_signed_in(uma)


def test_a_callback_that_comes_too_late_signs_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser()
    back = way_back(browser, Outside())
    monkeypatch.setattr(pending, "HOSTED_SECONDS", -1)
    assert is_calm(browser.get(back), 400)
    monkeypatch.undo()
    assert is_calm(browser.get(back), 400), "used up all the same"


@pytest.mark.parametrize(
    "given",
    [
        {"error": "access_denied", "error_description": "invalid_grant <script>"},
        {"error": "server_error", "code": "x"},
        {"code": "made-up"},
        {"code": ""},
        {},
    ],
)
def test_a_refusal_or_a_wrong_code_ends_on_a_calm_page(given: dict[str, str]) -> None:
    browser = Browser()
    state = query_of(browser.get(HOSTED, {"next": "/admin/"}).headers["Location"])["state"]
    answer = browser.get(CALLBACK, {"state": state, **given})
    assert is_calm(answer, 400)
    assert f"{PAGES}sign-in/?next=%2Fadmin%2F" in answer.content.decode()
    assert "script>" not in answer.content.decode().split("<main", 1)[1]
    assert is_calm(browser.get(CALLBACK), 400)
    assert not is_signed_in(browser)


def test_an_error_counts_even_beside_a_good_code() -> None:
    browser = Browser()
    back = way_back(browser, Outside())
    assert is_calm(browser.get(f"{back}&error=access_denied"), 400)
    assert not is_signed_in(browser)


def change_attempt(browser: Browser, **changes: str) -> None:
    """Somebody tampers with what the server keeps."""
    session = browser.session
    (kept,) = session["accounts_hosted"].values()
    kept["attempt"] |= changes
    session.save()


@pytest.mark.parametrize("name", ["nonce", "verifier"])
def test_tokens_for_another_sign_in_are_refused(name: str) -> None:
    browser = Browser()
    back = way_back(browser, Outside())
    change_attempt(browser, **{name: "x" * 64})
    assert is_calm(browser.get(back), 400)
    assert not is_signed_in(browser)


def test_a_token_that_does_not_verify_signs_nobody_in(settings: Settings) -> None:
    browser = Browser()
    back = way_back(browser, Outside())
    settings.COGNITO_ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other0001"
    assert is_calm(browser.get(back), 400)
    assert User.objects.count() == 0


def test_a_cognito_out_of_reach_is_a_503(settings: Settings) -> None:
    browser = Browser()
    back = way_back(browser, Outside())
    cut_off(settings, "COGNITO_DOMAIN")
    answer = browser.get(back)
    assert is_calm(answer, 503)
    assert "Retry-After" in answer.headers


def test_a_wrong_client_secret_is_our_fault(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    browser = Browser()
    back = way_back(browser, Outside())
    settings.COGNITO_CLIENT_SECRET = "not the secret"
    assert is_calm(browser.get(back), 500)
    assert "refused: invalid_client" in caplog.text


# --- What shows ---


def test_the_way_to_the_hosted_pages_shows_only_where_there_are_some(settings: Settings) -> None:
    assert HOSTED in Browser().get(f"{PAGES}sign-in/").content.decode()
    settings.COGNITO_DOMAIN = ""
    assert HOSTED not in Browser().get(f"{PAGES}sign-in/").content.decode()
    assert [Browser().get(path).status_code for path in (HOSTED, CALLBACK)] == [404, 404]


def test_nothing_of_the_exchange_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "accounts")
    browser = Browser()
    back = way_back(browser, Outside())
    (kept,) = browser.session["accounts_hosted"].values()
    secrets: list[Any] = [*kept["attempt"].values(), query_of(back)["code"]]
    browser.get(back)
    assert is_signed_in(browser)
    assert not any(secret in caplog.text for secret in [*secrets, *tokens_of(browser).values()])
