"""A browser's session: renewed in time, following the roles, and over when Cognito says so."""

from typing import Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY
from django.core.management import call_command
from django.test import Client as Browser
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from accounts.browser import profile
from accounts.cognito.results import Tokens
from accounts.flows import sign_in
from accounts.models import User
from accounts.tokens.verifier import get_verifier
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
from tests.accounts.people import ACCOUNTS, BOOKS, Person, claims_of
from tests.conftest import Client

UMA, ADA = "user@example.com", "admin@example.com"
BOOK = {"title": "Emma", "authors": ["Jane Austen"]}
HOUR = 3600

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rotating(cognito: LocalCognito, settings: Settings) -> LocalCognito:
    """A Cognito that gives a new refresh token at each use, and takes the old one for ten seconds more."""
    settings.COGNITO_CLIENT_ID, settings.COGNITO_CLIENT_SECRET = cognito.spa_client(), ""
    return cognito


def change_role(email: str, role: str) -> None:
    """Ada gives somebody another role, through the API."""
    ada, sub = Person.signed_in(ADA), Person.signed_in(email).sub
    assert ada.client.put(f"{ACCOUNTS}users/{sub}/role/", {"role": role}).status_code == 200


# --- Renewal ---


@pytest.mark.parametrize("path", [PROFILE, f"{ACCOUNTS}me/"])
def test_a_session_is_renewed_when_its_token_has_expired(
    path: str, rotating: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    cognito, uma = rotating, signed_in(UMA)
    before = tokens_of(uma)
    let_pass(HOUR, cognito, monkeypatch)
    assert uma.get(path).status_code == 200
    after = tokens_of(uma)
    assert before["cognito_access_token"] != after["cognito_access_token"]
    assert before["cognito_refresh_token"] != after["cognito_refresh_token"]
    let_pass(2 * HOUR, cognito, monkeypatch)
    assert uma.post(BOOKS, BOOK, "application/json").status_code == 201


def test_a_token_that_is_still_good_is_not_renewed(cognito: LocalCognito) -> None:
    uma = signed_in(UMA)
    before = tokens_of(uma)
    assert is_signed_in(uma)
    assert tokens_of(uma) == before


def test_two_requests_may_renew_at_once(rotating: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    cognito, uma, beside = rotating, signed_in(UMA), Browser()
    beside.cookies["sessionid"] = uma.cookies["sessionid"].value
    let_pass(HOUR, cognito, monkeypatch)
    refresh, statuses = sign_in.refresh, []

    def both(refresh_token: str) -> Tokens:
        monkeypatch.setattr(sign_in, "refresh", refresh)
        statuses.append(beside.get(PROFILE).status_code)  # from its beginning to its end, while the other renews
        return refresh(refresh_token)

    monkeypatch.setattr(sign_in, "refresh", both)
    statuses.append(uma.get(PROFILE).status_code)
    assert statuses == [200, 200]
    let_pass(2 * HOUR, cognito, monkeypatch)
    assert [is_signed_in(browser) for browser in (uma, beside)] == [True, True]


def test_what_another_request_has_renewed_is_taken_over(
    rotating: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    cognito, uma, beside = rotating, signed_in(UMA), Browser()
    beside.cookies["sessionid"] = uma.cookies["sessionid"].value
    let_pass(HOUR, cognito, monkeypatch)
    verify, fresh = get_verifier().verify, []

    def slow(token: str, use: Any) -> Any:
        # This request has read its session; now another one renews it, and the grace period passes.
        monkeypatch.setattr(get_verifier(), "verify", verify)
        assert beside.get(PROFILE).status_code == 200
        fresh.append(tokens_of(beside))
        let_pass(60, cognito, monkeypatch)
        return verify(token, use)

    monkeypatch.setattr(get_verifier(), "verify", slow)
    assert uma.get(PROFILE).status_code == 200
    assert [tokens_of(uma)] == fresh


def test_a_page_that_crashes_does_not_lose_the_new_refresh_token(
    rotating: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    uma = signed_in(UMA)
    before = tokens_of(uma)
    let_pass(HOUR, rotating, monkeypatch)

    def crash(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(profile.ProfilePage, "get_initial", crash)
        uma.raise_request_exception = False
        assert uma.get(PROFILE).status_code == 500
    assert tokens_of(uma) != before
    let_pass(60, rotating, monkeypatch)
    assert is_signed_in(uma)


def test_no_session_outlives_its_week_however_often_it_is_renewed(cognito: LocalCognito) -> None:
    session = signed_in(UMA).session
    assert 0 < session.get_expiry_age() <= 7 * 24 * HOUR
    assert session.get_expiry_date() == session.get_expiry_date(), "a fixed moment, not one counted from now"


def test_a_browser_without_a_session_costs_nothing(
    cognito: LocalCognito, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert Browser().get("/").status_code == 200


# --- Roles ---


def test_who_is_no_administrator_any_more_is_out_of_the_admin_at_the_next_request(cognito: LocalCognito) -> None:
    change_role(UMA, "ROLE_ADMIN")
    uma, hers = signed_in(UMA), signed_in(UMA)
    assert uma.get("/admin/").status_code == hers.get("/admin/").status_code == 200
    change_role(UMA, "ROLE_GUEST")
    for browser in (uma, hers):
        assert browser.get("/admin/", follow=True).status_code == 403
        assert is_signed_in(browser)
    person = User.objects.get(email=UMA)
    assert (person.is_staff, person.is_superuser) == (False, False)
    assert uma.post(BOOKS, BOOK, "application/json").status_code == 403


def test_who_becomes_an_administrator_is_one_without_signing_in_again(cognito: LocalCognito) -> None:
    uma = signed_in(UMA)
    assert uma.get("/admin/", follow=True).status_code == 403
    change_role(UMA, "ROLE_ADMIN")
    assert uma.get("/admin/").status_code == 200


def test_rights_in_the_database_are_not_enough(cognito: LocalCognito) -> None:
    uma = signed_in(UMA)
    User.objects.filter(email=UMA).update(is_staff=True, is_superuser=True)
    assert uma.get("/admin/", follow=True).status_code == 403


# --- The end ---


def test_the_session_of_somebody_disabled_is_over(cognito: LocalCognito) -> None:
    uma, ada = signed_in(UMA), Person.signed_in(ADA)
    sub = claims_of(tokens_of(uma)["cognito_access_token"])["sub"]
    assert ada.client.post(f"{ACCOUNTS}users/{sub}/disable/").status_code == 204
    assert not is_signed_in(uma)
    assert tokens_of(uma) == {}
    assert uma.post(BOOKS, BOOK, "application/json").json()["code"] == "not_authenticated"
    assert "Sign in" in text(uma.get("/"))


def test_the_session_of_somebody_signed_out_everywhere_is_over_in_the_api_too(cognito: LocalCognito) -> None:
    uma, elsewhere = signed_in(UMA), Person.signed_in(UMA)
    assert elsewhere.client.post(f"{ACCOUNTS}sign-out/", {"everywhere": True}).status_code == 204
    assert uma.post(BOOKS, BOOK, "application/json").json()["code"] == "not_authenticated"
    assert tokens_of(uma) == {}


def test_a_session_is_over_with_its_refresh_token(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    uma = signed_in(UMA)
    let_pass(40 * 24 * HOUR, cognito, monkeypatch)
    assert uma.get(PROFILE).headers["Location"] == f"{PAGES}sign-in/?next={PROFILE}"
    assert not is_signed_in(uma)


def test_signing_out_ends_the_session_here_and_at_cognito(cognito: LocalCognito, visitor: Client) -> None:
    uma = signed_in(UMA)
    tokens = tokens_of(uma)
    assert "no-store" in uma.get(PROFILE).headers["Cache-Control"]
    assert uma.get(f"{PAGES}sign-out/").status_code == 405
    assert is_signed_in(uma)
    assert fill_in(uma, "sign-out/").headers["Location"] == "/"
    assert not is_signed_in(uma)
    assert visitor.bearing(tokens["cognito_access_token"]).get(BOOKS).json()["code"] == "token_revoked"
    refused = Client().post(f"{ACCOUNTS}refresh/", {"refresh_token": tokens["cognito_refresh_token"]})
    assert refused.json()["code"] == "refresh_token_invalid"
    assert "You are signed out." in text(uma.get("/"))


def test_a_sign_out_without_a_session_leads_home(cognito: LocalCognito) -> None:
    assert fill_in(Browser(), "sign-out/").headers["Location"] == "/"


def test_a_session_without_tokens_is_nobodys(cognito: LocalCognito) -> None:
    signed_in(ADA)
    browser = Browser()
    browser.force_login(User.objects.get(email=ADA), "accounts.browser.backends.CognitoBackend")
    assert browser.get("/admin/", follow=True).redirect_chain[-1][0].startswith(f"{PAGES}sign-in/")


# --- Cognito out of reach ---


def test_a_session_that_cannot_be_renewed_now_is_a_page_with_a_way_on(
    cognito: LocalCognito, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = signed_in(ADA)
    tokens, url = tokens_of(ada), settings.COGNITO_ENDPOINT_URL
    cut_off(settings)
    let_pass(HOUR, cognito, monkeypatch)
    for path in (PROFILE, "/admin/"):
        answer = ada.get(path)
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
        assert f'href="{path}"' in answer.content.decode()
    problem = ada.get(f"{ACCOUNTS}me/")
    assert (problem.status_code, problem.json()["code"]) == (503, "cognito_unavailable")
    # Nothing was lost: it goes on when Cognito is back.
    assert tokens_of(ada) == tokens
    settings.COGNITO_ENDPOINT_URL = url
    let_pass(1, cognito, monkeypatch)
    assert is_signed_in(ada)


def test_nobody_is_kept_from_signing_out(cognito: LocalCognito, settings: Settings, visitor: Client) -> None:
    uma = signed_in(UMA)
    token = tokens_of(uma)["cognito_access_token"]
    cut_off(settings)
    assert fill_in(uma, "sign-out/").headers["Location"] == "/"
    assert tokens_of(uma) == {}
    assert visitor.bearing(token).get(BOOKS).json()["code"] == "token_revoked"


def test_not_even_when_their_session_would_have_to_be_renewed_first(
    cognito: LocalCognito, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    uma = signed_in(UMA)
    cut_off(settings)
    let_pass(HOUR, cognito, monkeypatch)
    assert fill_in(uma, "sign-out/").headers["Location"] == "/"
    assert tokens_of(uma) == {}


def test_a_page_of_ones_own_tells_that_cognito_does_not_answer(cognito: LocalCognito, settings: Settings) -> None:
    uma = signed_in(UMA)
    cut_off(settings)
    answer = uma.get(PROFILE)
    assert (answer.status_code, "does not answer" in text(answer)) == (503, True)


# --- Sessions of former releases ---


def with_the_former_backend(browser: Browser) -> Browser:
    """The browser, with the session as a former release stored it: the module of the backends had another name."""
    session = browser.session
    session[BACKEND_SESSION_KEY] = session[BACKEND_SESSION_KEY].replace("accounts.browser.", "accounts.")
    assert session[BACKEND_SESSION_KEY].startswith("accounts.backends.")
    session.save()
    return browser


def test_an_upgrade_signs_nobody_of_the_pool_out(cognito: LocalCognito) -> None:
    uma = with_the_former_backend(signed_in(UMA))
    assert is_signed_in(uma)
    assert uma.session[BACKEND_SESSION_KEY] == "accounts.browser.backends.CognitoBackend"
    assert is_signed_in(uma)


def test_an_upgrade_signs_no_break_glass_superuser_out(capsys: pytest.CaptureFixture[str]) -> None:
    bea = Browser()
    call_command("break_glass")
    password = capsys.readouterr().out.split()[-1]
    bea.post("/admin/break-glass/", {"username": "break-glass", "password": password})
    assert with_the_former_backend(bea).get("/admin/").status_code == 200


# --- The break-glass superuser ---


def test_a_superuser_of_the_command_enters_the_admin_without_cognito(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    browser, form = Browser(), "/admin/break-glass/"
    assert browser.get(form).status_code == 404
    call_command("break_glass")
    password = capsys.readouterr().out.split()[-1]
    cut_off(settings)
    refused = browser.post(form, {"username": "break-glass", "password": "a guess"})
    assert "Name or password is wrong." in text(refused)
    assert browser.post(form, {"username": "break-glass", "password": password}).headers["Location"] == "/admin/"
    assert browser.get("/admin/").status_code == 200
    assert browser.session.get_expiry_age() <= HOUR
    # Cognito knows nothing of them: no profile, and no loop either.
    assert browser.get(PROFILE).status_code == 403
    call_command("break_glass")
    assert browser.get("/admin/").status_code == 302, "a new password ends the sessions of the old one"
    call_command("break_glass", "--remove")
    assert browser.get(form).status_code == 404


def test_no_password_opens_the_account_of_somebody_of_the_pool(cognito: LocalCognito) -> None:
    signed_in(ADA)
    ada = User.objects.get(email=ADA)
    ada.set_password("a local password")
    ada.save()
    call_command("break_glass")
    for name in (ada.username, ada.email, ada.sub):
        answer = Browser().post("/admin/break-glass/", {"username": name, "password": "a local password"})
        assert answer.status_code == 200
