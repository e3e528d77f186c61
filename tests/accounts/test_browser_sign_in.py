"""Signing up and in with a browser, on our own pages, against a real (local) Cognito over HTTP."""

from typing import Any

import pytest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from accounts.cognito.gateway import get_gateway
from accounts.flows import challenges
from accounts.flows.rates import Rate
from accounts.models import User
from local_cognito.server import LocalCognito
from tests.accounts.browsers import PAGES, PROFILE, cut_off, fill_in, is_signed_in, signed_in, text, tokens_of
from tests.accounts.people import BOOKS, NEW_PASSWORD, PASSWORD, Person, app_code, code_for, wait_for_messages
from tests.accounts.test_sessions import invite, with_mfa
from tests.conftest import Client

GRACE = "grace@example.com"
UMA = "user@example.com"

pytestmark = pytest.mark.django_db(transaction=True)


# --- From sign-up to a first visit ---


def test_a_newcomer_signs_up_confirms_and_signs_in(cognito: LocalCognito) -> None:
    browser = Browser()
    answer = fill_in(browser, "sign-up/?next=/api/v1/", email=GRACE, password=NEW_PASSWORD, name="Grace Hopper")
    assert answer.headers["Location"] == f"{PAGES}confirm/?next=%2Fapi%2Fv1%2F"
    page = browser.get(answer.headers["Location"])
    assert "A code has been sent to g***@e***." in text(page)
    assert f'value="{GRACE}"' in page.content.decode()
    answer = fill_in(browser, "confirm/", email=GRACE, code=code_for(cognito, GRACE), next="/api/v1/")
    assert answer.headers["Location"] == f"{PAGES}sign-in/?next=%2Fapi%2Fv1%2F"
    assert f'value="{GRACE}"' in browser.get(answer.headers["Location"]).content.decode()
    answer = fill_in(browser, "sign-in/", email=GRACE, password=NEW_PASSWORD, next="/api/v1/")
    assert answer.headers["Location"] == "/api/v1/"
    profile = browser.get(PROFILE)
    assert "Guest: read" in text(profile)
    assert 'value="Grace Hopper"' in profile.content.decode()
    assert GRACE in text(browser.get("/"))
    assert GRACE in text(browser.get(BOOKS, headers={"Accept": "text/html"}))


def test_a_session_opens_the_api_with_the_roles_of_its_token(cognito: LocalCognito) -> None:
    book = {"title": "Emma", "authors": ["Jane Austen"]}
    assert signed_in(UMA).post(BOOKS, book, "application/json").status_code == 201
    assert signed_in("guest@example.com").post(BOOKS, book, "application/json").status_code == 403


def test_another_code_may_be_asked_for(cognito: LocalCognito) -> None:
    browser = Browser()
    fill_in(browser, "sign-up/", email=GRACE, password=NEW_PASSWORD)
    answer = fill_in(browser, "confirm/", email=GRACE, resend="1")
    assert answer.headers["Location"] == f"{PAGES}confirm/"
    assert [sent["kind"] for sent in wait_for_messages(cognito, GRACE, 2)] == ["sign_up", "resend"]
    assert "Enter a valid email address" in text(fill_in(browser, "confirm/", email="grace", resend="1"))


def test_a_password_that_sign_up_had_none_of_is_asked_for_at_confirmation(
    visitor: Client, cognito: LocalCognito
) -> None:
    visitor.post("/api/v1/accounts/sign-up/", {"email": GRACE})
    browser, code = Browser(), code_for(cognito, GRACE)
    page = fill_in(browser, "confirm/", email=GRACE, code=code)
    assert "the sign-up had none" in text(page)
    assert 'type="password"' in page.content.decode()
    done = fill_in(browser, "confirm/", email=GRACE, code=code, password=NEW_PASSWORD)
    assert done.status_code == 302
    assert is_signed_in(signed_in(GRACE, NEW_PASSWORD))


def test_an_error_is_told_at_its_field(cognito: LocalCognito) -> None:
    page = fill_in(Browser(), "sign-up/", email=GRACE, password="weak").content.decode()
    assert 'id="id_password_error"' in page
    assert 'aria-invalid="true"' in page
    assert page.count("A password has at least 8 characters") == 1
    assert "weak" not in page
    assert "<title>Error: Sign up" in page


def test_nobody_learns_from_the_pages_who_has_an_account(cognito: LocalCognito) -> None:
    stories = [
        ("sign-in/", {"password": "Wr0ng-password"}),
        ("sign-up/", {"password": NEW_PASSWORD}),
        ("forgot-password/", {}),
        ("confirm/", {"resend": "1"}),
        ("confirm/", {"code": "123456"}),
        ("reset-password/", {"code": "123456", "new_password": NEW_PASSWORD}),
    ]
    for page, fields in stories:
        told = []
        for email in (UMA, "uwe@example.org"):
            browser = Browser()
            answer = fill_in(browser, page, email=email, **fields)
            following = browser.get(answer.headers["Location"]) if answer.status_code == 302 else answer
            told.append((answer.status_code, text(following).replace("u***@e***", "")))
        assert told[0] == told[1], page


def test_who_is_not_confirmed_yet_is_led_to_the_page_for_that(cognito: LocalCognito) -> None:
    browser = Browser()
    fill_in(browser, "sign-up/", email=GRACE, password=NEW_PASSWORD)
    answer = fill_in(browser, "sign-in/", email=GRACE, password=NEW_PASSWORD, next="/admin/")
    assert answer.headers["Location"] == f"{PAGES}confirm/?next=%2Fadmin%2F"


def test_a_forgotten_password_is_replaced_and_every_session_ends(cognito: LocalCognito) -> None:
    elsewhere, browser = signed_in(UMA), Browser()
    assert fill_in(browser, "forgot-password/", email=UMA).headers["Location"] == f"{PAGES}reset-password/"
    wrong = fill_in(browser, "reset-password/", email=UMA, code="000000", new_password=NEW_PASSWORD)
    assert 'id="id_code_error"' in wrong.content.decode()
    code = code_for(cognito, UMA)
    answer = fill_in(browser, "reset-password/", email=UMA, code=code, new_password=NEW_PASSWORD)
    assert answer.headers["Location"] == f"{PAGES}sign-in/"
    assert not is_signed_in(elsewhere)
    assert is_signed_in(signed_in(UMA, NEW_PASSWORD))


# --- Where it leads ---


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:///evil.example", "x"],
)
def test_next_never_leads_to_another_site(wanted: str, cognito: LocalCognito) -> None:
    answer = fill_in(Browser(), "sign-in/", email=UMA, password=PASSWORD, next=wanted)
    assert answer.headers["Location"] == "/"
    assert "evil" not in Browser().get(f"{PAGES}sign-in/", {"next": wanted}).content.decode()


def test_who_is_signed_in_already_is_led_on(cognito: LocalCognito) -> None:
    uma = signed_in(UMA)
    assert uma.get(f"{PAGES}sign-in/?next=/api/v1/").headers["Location"] == "/api/v1/"


# --- Challenges ---


def test_somebody_invited_chooses_a_password(cognito: LocalCognito) -> None:
    browser, temporary = Browser(), invite(cognito, "ida@example.com")
    answer = fill_in(browser, "sign-in/", email="ida@example.com", password=temporary, next="/api/v1/")
    challenge = answer.headers["Location"]
    assert challenge == f"{PAGES}sign-in/challenge/?next=%2Fapi%2Fv1%2F"
    assert "Choose a password" in text(browser.get(challenge))
    weak = browser.post(challenge, {"new_password": "weak"})
    assert 'id="id_new_password_error"' in weak.content.decode()
    done = browser.post(challenge, {"new_password": "Lovelace-1815"})
    assert done.headers["Location"] == "/api/v1/"
    assert is_signed_in(browser)


def test_a_code_of_the_app_is_asked_for_and_may_be_mistyped_once(cognito: LocalCognito) -> None:
    secret = with_mfa(Person.signed_in(UMA), cognito)
    browser = Browser()
    assert fill_in(browser, "sign-in/", email=UMA, password=PASSWORD).headers["Location"].endswith("/challenge/")
    assert not is_signed_in(browser)
    assert 'id="id_code_error"' in fill_in(browser, "sign-in/challenge/", code="000000").content.decode()
    right = app_code(cognito, secret, nth=1)
    assert fill_in(browser, "sign-in/challenge/", code=right).status_code == 302
    assert is_signed_in(browser)
    # The question is gone with its answer.
    assert browser.get(f"{PAGES}sign-in/challenge/").headers["Location"] == f"{PAGES}sign-in/"


def test_an_app_is_set_up_where_the_pool_asks_everybody_for_codes(cognito: LocalCognito) -> None:
    get_gateway().administer(
        "set_user_pool_mfa_config", MfaConfiguration="ON", SoftwareTokenMfaConfiguration={"Enabled": True}
    )
    browser = Browser()
    challenge = fill_in(browser, "sign-in/", email=UMA, password=PASSWORD).headers["Location"]
    page = browser.get(challenge).content.decode()
    assert 'src="data:image/svg+xml' in page
    secret = browser.session["accounts_steps"]["shown"]["secret"]
    assert secret in page
    wrong = fill_in(browser, "sign-in/challenge/", code="000000").content.decode()
    assert 'id="id_code_error"' in wrong
    assert secret in wrong, "the app has this one already"
    assert fill_in(browser, "sign-in/challenge/", code=app_code(cognito, secret)).status_code == 302
    assert is_signed_in(browser)
    assert "accounts_steps" not in browser.session


def test_a_challenge_that_took_too_long_starts_again(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, temporary = Browser(), invite(cognito, "ida@example.com")
    fill_in(browser, "sign-in/", email="ida@example.com", password=temporary)
    monkeypatch.setattr(challenges, "LIFETIME_SECONDS", -1)
    answer = fill_in(browser, "sign-in/challenge/", new_password="Lovelace-1815", next="/admin/")
    assert answer.headers["Location"] == f"{PAGES}sign-in/?next=%2Fadmin%2F"
    assert "took too long" in text(browser.get(answer.headers["Location"]))


def test_there_is_no_challenge_without_a_sign_in(cognito: LocalCognito) -> None:
    assert Browser().get(f"{PAGES}sign-in/challenge/").headers["Location"] == f"{PAGES}sign-in/"


# --- Safety ---


def test_the_key_of_the_session_changes_at_sign_in(cognito: LocalCognito) -> None:
    browser = Browser()
    fill_in(browser, "forgot-password/", email=UMA)
    planted = browser.cookies["sessionid"].value
    fill_in(browser, "sign-in/", email=UMA, password=PASSWORD)
    cookie = browser.cookies["sessionid"]
    assert cookie.value != planted
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert 0 < int(cookie["max-age"]) <= 7 * 24 * 3600


def test_a_form_of_another_site_is_refused_with_a_page(cognito: LocalCognito) -> None:
    browser = Browser(enforce_csrf_checks=True)
    for page in ("sign-in/", "sign-up/", "sign-out/"):
        answer = fill_in(browser, page, email=UMA, password=PASSWORD)
        assert (answer.status_code, "That form was too old" in text(answer)) == (403, True)


def test_too_many_attempts_are_told_when_to_try_again(cognito: LocalCognito, settings: Settings) -> None:
    settings.ACCOUNTS_THROTTLES = {**settings.ACCOUNTS_THROTTLES, "sign_in_account": Rate(1, 60)}
    fill_in(Browser(), "sign-in/", email=UMA, password="Wr0ng-password")
    answer = fill_in(Browser(), "sign-in/", email=UMA, password=PASSWORD)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    assert "Try again in" in text(answer)


def test_a_cognito_out_of_reach_is_told_in_the_form(cognito: LocalCognito, settings: Settings) -> None:
    cut_off(settings)
    for page in ("sign-in/", "sign-up/", "forgot-password/"):
        answer = fill_in(Browser(), page, email=UMA, password=NEW_PASSWORD)
        assert (answer.status_code, "does not answer" in text(answer)) == (503, True)
        assert "Retry-After" in answer.headers
        assert "<form" in answer.content.decode()


def test_no_page_and_no_address_holds_anything_secret(cognito: LocalCognito) -> None:
    browser, temporary = Browser(), invite(cognito, "ida@example.com")
    answers: list[Any] = [
        fill_in(browser, "sign-in/", email="ida@example.com", password=temporary),
        browser.get(f"{PAGES}sign-in/challenge/"),
    ]
    handle = browser.session["accounts_steps"]["handle"]
    answers += [
        fill_in(browser, "sign-in/challenge/", new_password="weak-secret"),
        fill_in(browser, "sign-in/challenge/", new_password="Lovelace-1815"),
        *(browser.get(path) for path in ("/", PROFILE, f"{PROFILE}mfa/", f"{PROFILE}password/")),
        browser.get(BOOKS, headers={"Accept": "text/html"}),
    ]
    secrets = [handle, temporary, "weak-secret", "Lovelace-1815", *tokens_of(browser).values()]
    assert len(secrets) == 6
    for answer in answers:
        said = answer.content.decode() + str(answer.headers)
        assert not any(secret in said for secret in secrets)
        assert "ida" not in answer.headers.get("Location", "")
        assert "no-store" in answer.headers["Cache-Control"]


# --- The admin ---


def test_an_administrator_signs_in_to_the_admin_with_cognito(cognito: LocalCognito) -> None:
    browser = Browser()
    asked = browser.get("/admin/", follow=True)
    assert asked.redirect_chain[-1][0] == f"{PAGES}sign-in/?next=%2Fadmin%2F"
    browser = signed_in("admin@example.com", next_="/admin/")
    assert browser.get("/admin/").status_code == 200
    person = User.objects.get()
    assert (person.email, person.is_staff, person.has_usable_password()) == ("admin@example.com", True, False)
    assert browser.get("/admin/login/?next=//evil.example").headers["Location"] == "/admin/"


@pytest.mark.parametrize("email", [UMA, "guest@example.com"])
def test_nobody_else_gets_into_the_admin_nor_into_a_loop(email: str, cognito: LocalCognito) -> None:
    answer = signed_in(email).get("/admin/", follow=True)
    assert answer.status_code == 403
    assert len(answer.redirect_chain) == 1
    assert f"You are signed in as {email}, who is not an administrator" in text(answer)
