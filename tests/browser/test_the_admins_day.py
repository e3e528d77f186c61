"""An administrator's day: the catalogue, its history, and the people, with somebody else looking on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.browser.conftest import Enter

ADA = "admin@example.com"
UMA = "user@example.com"
BOOKS = "/admin/books/book/"
PEOPLE = "/admin/accounts/user/"


def test_a_book_is_edited_and_its_history_tells(enter: Enter) -> None:
    ada = enter().signs_in(ADA).sees(ADA).follows("Admin").is_at("/admin/")
    ada.opens(f"{BOOKS}?q=prejudice").follows("Pride and Prejudice")
    ada.fills("Publisher", "John Murray").presses("Save").is_at(BOOKS).sees("was changed successfully")
    ada.opens(f"{BOOKS}?q=prejudice").follows("Pride and Prejudice").follows("History")
    ada.sees("John Murray").sees(ADA)


def test_the_admin_asks_strangers_to_sign_in_and_sends_others_away(enter: Enter) -> None:
    gus = enter().opens(BOOKS)
    gus.is_at("/accounts/sign-in/").fills("E-mail address", "guest@example.com").fills("Password", "Passw0rd!")
    gus.forgives("status of 403").presses("Sign in").reads("For administrators only")
    assert "Pride and Prejudice" not in gus.page.content()


def test_somebody_demoted_is_no_administrator_from_their_next_request_on(enter: Enter) -> None:
    ada, uma = enter().signs_in(ADA).sees(ADA), enter()
    ada.opens(PEOPLE).follows(UMA).chooses("Role", "Administrator").presses("Change the role")
    ada.sees("is now: Administrator")
    uma.signs_in(UMA).sees(UMA).opens(BOOKS).reads("Select book to change")

    ada.chooses("Role", "User").presses("Change the role").sees("is now: User")
    uma.forgives("status of 403").opens(BOOKS).reads("For administrators only").sees(UMA)
    uma.opens("/api/v1/books/?search=prejudice").reads("Book List")
