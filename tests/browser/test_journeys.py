"""What people come for, from the first page to the last, in a browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local_cognito import totp

if TYPE_CHECKING:
    from local_cognito.server import LocalCognito
    from tests.browser.conftest import Enter
    from tests.browser.person import Person

PASSWORD = "Passw0rd!"
UMA = "user@example.com"
BOOK = {"title": "Middlemarch", "authors": ["George Eliot"], "published_year": 1871}


def signs_in_at_the_hosted_page(person: Person, email: str = UMA) -> None:
    person.opens("/accounts/sign-in/").follows("Sign in with the hosted page")
    person.fills("E-mail", email).fills("Password", PASSWORD).presses("Sign in")


def test_a_newcomer_comes_from_sign_up_to_a_book_of_their_own(enter: Enter, cognito: LocalCognito) -> None:
    nina = enter()
    nina.opens("/").follows("Sign in").follows("Sign up").reads("Sign up")
    nina.fills("Name (may be left out)", "Nina New").fills("E-mail address", "nina@example.com")
    nina.fills("Password", PASSWORD).chooses("What you want to do", "User: add books").presses("Sign up")
    nina.is_at("/accounts/confirm/").fills("Code", nina.code_mailed_to("nina@example.com", cognito.url))
    nina.presses("Confirm").is_at("/accounts/sign-in/").sees("Your account is confirmed")
    nina.fills("Password", PASSWORD).presses("Sign in").sees("nina@example.com")
    nina.follows("Books").is_at("/api/v1/books/")
    nina.fills("JSON", json.dumps(BOOK)).presses("POST").sees("201 Created").sees("George Eliot")
    nina.opens("/api/v1/books/?added_by=me").sees("Middlemarch")


def test_a_guest_finds_no_form_for_books(enter: Enter) -> None:
    gus = enter().signs_in("guest@example.com").sees("guest@example.com").opens("/api/v1/books/")
    gus.reads("Book List").finds_no_button("POST")


def test_a_wrong_password_is_said_at_the_form_and_nothing_of_it_stays(enter: Enter) -> None:
    uma = enter().forgives("status of 401").signs_in(UMA, "Wrong-Passw0rd!")
    uma.is_at("/accounts/sign-in/").sees_no("Wrong-Passw0rd!")
    assert uma.page.get_by_role("alert").count() == 1
    uma.fills("Password", PASSWORD).presses("Sign in").sees(UMA)


def test_somebody_who_forgot_their_password_chooses_another(enter: Enter, cognito: LocalCognito) -> None:
    uma = enter().opens("/accounts/sign-in/").follows("Forgot your password?")
    uma.fills("E-mail address", UMA).page.get_by_role("main").get_by_role("button").first.click()
    uma.is_at("/accounts/reset-password/").fills("Code", uma.code_mailed_to(UMA, cognito.url))
    uma.fills("New password", "Another-1815").page.get_by_role("main").get_by_role("button").first.click()
    uma.is_at("/accounts/sign-in/").fills("Password", "Another-1815").presses("Sign in").sees(UMA)


def test_signing_in_at_the_hosted_page_leads_back_here_and_out_again(enter: Enter) -> None:
    uma = enter()
    signs_in_at_the_hosted_page(uma)
    uma.is_at("/").sees(UMA)
    # Out of both: the hosted page asks for the password again.
    uma.presses("Sign out").is_at("/").sees("Sign in")
    uma.opens("/accounts/sign-in/").follows("Sign in with the hosted page")
    uma.reads("Sign in").sees("E-mail").is_at("/login")


def test_codes_of_an_app_are_set_up_and_asked_for(enter: Enter, cognito: LocalCognito) -> None:
    uma = enter().signs_in(UMA).sees(UMA).opens("/accounts/profile/mfa/").presses("Set it up")
    secret = uma.page.locator("code.key").inner_text()
    uma.fills("Code", totp.code(secret, cognito.clock.now())).presses("Turn codes on")
    uma.is_at("/accounts/profile/").sees("asked for at each sign-in").presses("Sign out")

    uma.is_at("/").signs_in(UMA).reads("Enter your code")
    # A code is good once: the one of the next half minute counts already. One of the last would count no more if the
    # half minute ended before it arrives.
    uma.fills("Code", totp.code(secret, cognito.clock.now() + totp.STEP_SECONDS)).presses("Continue")
    uma.is_at("/").sees(UMA)


def test_after_sign_out_the_back_button_shows_nothing_private(enter: Enter) -> None:
    uma = enter().signs_in(UMA).sees(UMA).opens("/accounts/profile/").reads("Your profile")
    uma.presses("Sign out").is_at("/").sees("You are signed out")
    uma.goes_back().reads("Sign in").sees_no(UMA).sees_no("Uma User")
    assert "Uma User" not in uma.page.content()
