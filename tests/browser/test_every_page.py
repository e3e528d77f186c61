"""Every page, light and dark, on a desk and on a phone: no complaint, no request elsewhere, nothing axe finds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local_cognito import demo

if TYPE_CHECKING:
    from local_cognito.server import LocalCognito
    from tests.browser.conftest import Enter
    from tests.browser.person import Person

WIDTHS = {"desk": (1280, 900), "phone": (390, 844)}
THEMES = ("light", "dark")

FOR_EVERYBODY = {
    "home": "/",
    "api": "/api/v1/",
    "books": "/api/v1/books/",
    "book": "/api/v1/books/1/",
    "search": "/api/v1/books/?search=austen&min_rating=1",
    "authors": "/api/v1/authors/",
    "docs": "/api/docs/",
    "redoc": "/api/redoc/",
    "not-found": "/nowhere/",
    "sign-up": "/accounts/sign-up/",
    "confirm": "/accounts/confirm/",
    "sign-in": "/accounts/sign-in/",
    "forgot-password": "/accounts/forgot-password/",
    "reset-password": "/accounts/reset-password/",
    "hosted-failed": "/accounts/hosted/callback/?error=access_denied",
}
FOR_UMA = {
    "own-home": "/",
    "own-books": "/api/v1/books/",
    "profile": "/accounts/profile/",
    "profile-email": "/accounts/profile/email/",
    "profile-email-verify": "/accounts/profile/email/verify/",
    "profile-password": "/accounts/profile/password/",
    "profile-mfa": "/accounts/profile/mfa/",
    "profile-sign-out": "/accounts/profile/sign-out/",
    "profile-delete": "/accounts/profile/delete/",
    "no-administrator": "/admin/",
}
FOR_ADA = {
    "admin": "/admin/",
    "admin-books": "/admin/books/book/",
    "admin-book": "/admin/books/book/1/change/",
    "admin-book-add": "/admin/books/book/add/",
    "admin-book-delete": "/admin/books/book/1/delete/",
    "admin-book-history": "/admin/books/book/1/history/",
    "admin-changes": "/admin/books/bookchange/",
    "admin-import": "/admin/books/book/import/",
    "admin-authors": "/admin/books/author/",
    "admin-people": "/admin/accounts/user/",
    "admin-person": "/admin/accounts/user/{uma}/change/",
    "admin-records": "/admin/accounts/auditrecord/",
}
OF_THE_STAND_IN = {"stand-in": "/_local/", "stand-in-problem": "/login"}
# The status of these is part of what they are; Chromium writes it into its console.
_REFUSALS = ("status of 400", "status of 403", "status of 404")


def look(person: Person, name: str, path: str, axe: str, pictures: Path | None) -> None:
    """Open the page in each theme and width; fails when axe finds something, or it is wider than the screen."""
    found = []
    for theme in THEMES:
        person.page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        for width, (x, y) in WIDTHS.items():
            person.page.set_viewport_size({"width": x, "height": y})
            if width == "desk":
                person.opens(path)
                person.page.wait_for_load_state("networkidle")  # until scripts have drawn what they draw
            if pictures:
                person.page.screenshot(caret="initial", path=pictures / f"{name}-{theme}-{width}.png")
            found += [f"{theme} {width}: {finding}" for finding in findings(person, axe)]
    assert found == [], "\n".join(found)


def look_again(person: Person, name: str, axe: str, pictures: Path | None) -> None:
    """As `look`, at the page that is open: one that cannot be opened by its path, such as the answer to a form."""
    found = []
    for theme in THEMES:
        person.page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        for width, (x, y) in WIDTHS.items():
            person.page.set_viewport_size({"width": x, "height": y})
            if pictures:
                person.page.screenshot(caret="initial", full_page=True, path=pictures / f"{name}-{theme}-{width}.png")
            found += [f"{theme} {width}: {finding}" for finding in findings(person, axe)]
    assert found == [], "\n".join(found)


def findings(person: Person, axe: str) -> list[str]:
    """What axe-core sees, each with its first places, and a page that is wider than its window."""
    with person.unheard():  # axe tries styles on, which the policy refuses
        person.page.evaluate(axe)
        results: dict[str, Any] = person.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    found = [
        f"{violation['impact']} {violation['id']}: {[node['target'] for node in violation['nodes']][:4]}"
        for violation in results["violations"]
    ]
    too_wide = person.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*found, *(["wider than the window"] if too_wide else [])]


def calm(person: Person) -> Person:
    for refusal in _REFUSALS:
        person.forgives(refusal)
    return person


@pytest.mark.parametrize("name", FOR_EVERYBODY)
def test_a_page_for_everybody(name: str, enter: Enter, axe: str, pictures: Path | None) -> None:
    look(calm(enter()), name, FOR_EVERYBODY[name], axe, pictures)


@pytest.mark.parametrize("name", FOR_UMA)
def test_a_page_for_people(name: str, enter: Enter, axe: str, pictures: Path | None) -> None:
    uma = enter().signs_in("user@example.com").sees("user@example.com")
    look(calm(uma), name, FOR_UMA[name], axe, pictures)


@pytest.mark.parametrize("name", FOR_ADA)
def test_a_page_for_administrators(
    name: str, enter: Enter, cognito: LocalCognito, axe: str, pictures: Path | None
) -> None:
    path = FOR_ADA[name].format(uma=demo.sub_of(cognito.pool_id, "user@example.com"))
    look(enter().signs_in().sees("admin@example.com"), name, path, axe, pictures)


@pytest.mark.parametrize("name", OF_THE_STAND_IN)
def test_a_page_of_the_stand_in(
    name: str, enter: Enter, cognito: LocalCognito, axe: str, pictures: Path | None
) -> None:
    cognito.messages.send("nina@example.com", "sign_up", "123456")
    look(calm(enter()), name, f"{cognito.url}{OF_THE_STAND_IN[name]}", axe, pictures)


def test_the_hosted_sign_in(enter: Enter, axe: str, pictures: Path | None) -> None:
    look(enter(), "hosted", "/accounts/hosted/", axe, pictures)


def test_setting_up_an_app(enter: Enter, axe: str, pictures: Path | None) -> None:
    uma = enter().signs_in("user@example.com").sees("user@example.com")
    uma.opens("/accounts/profile/mfa/").presses("Set it up").sees("Without a camera")
    look(uma, "profile-mfa-secret", "/accounts/profile/mfa/", axe, pictures)


def test_the_form_of_the_browsable_api_changes_only_what_it_shows(
    enter: Enter, axe: str, pictures: Path | None
) -> None:
    ada, ben, path = enter().signs_in(), enter().signs_in(), "/api/v1/books/1/"
    for person in (ada, ben):
        person.sees("admin@example.com").opens(path).reads("Book")
    ada.forgives("status of 412")
    ben.fills("JSON", '{"title": "Ben\'s title"}').presses("PATCH").sees("Ben's title")
    ada.fills("JSON", '{"title": "Ada\'s title"}').presses("PATCH").sees("precondition_failed")
    assert ada.field("JSON").input_value() == '{"title": "Ada\'s title"}', "what was typed is kept"
    look_again(ada, "book-stale", axe, pictures)
    ada.presses("PATCH").sees("precondition_failed")
    ada.follows("GET").sees("Ben's title").fills("JSON", '{"title": "Ada\'s title"}').presses("PATCH").sees(
        "Ada's title"
    )
    ada.fills("JSON", '{"title": "Ada\'s own"}').presses("PATCH").sees("Ada's own")


def test_a_book_that_somebody_else_saved_meanwhile(enter: Enter, axe: str, pictures: Path | None) -> None:
    ada, path = enter().signs_in().sees("admin@example.com"), "/admin/books/book/1/change/"
    ada.opens(path).fills("Title", "Ada's title")
    ben = enter().signs_in().sees("admin@example.com").opens(path)
    ben.fills("Title", "Ben's title").fills("Description", "Words of Ben. " * 60).fills("Language", "de")
    ben.presses("Save and continue editing").sees("was changed successfully")
    ada.presses("Save and continue editing").sees("Nothing was saved yet").sees(
        "Saving replaces what the catalogue has now: “Ben's title”"
    )
    assert ada.field("Title").input_value() == "Ada's title"
    look_again(ada, "admin-book-stale", axe, pictures)
    ada.presses("Save and continue editing").sees("was changed successfully")
