"""The pages for people: whole, in the product's look, and made of nothing from elsewhere."""

import time
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.test import Client as Browser
from django.test import RequestFactory
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from accounts.tokens.roles import Role
from accounts.tokens.testing import Pool, subject
from books import writing
from config import problems

PAGES = {
    "/": "Books behind Amazon Cognito",
    "/api/v1/": "Cognito Books",
    "/api/v1/books/": "Book List",
    "/api/v1/books/?search=emma&min_rating=3": "Book List",
    "/api/v1/authors/": "Author List",
    "/api/docs/": "API documentation",
    "/api/redoc/": "API reference",
    "/accounts/sign-in/": "Sign in",
    "/accounts/sign-up/": "Sign up",
    "/accounts/confirm/": "Confirm your account",
    "/accounts/forgot-password/": "Forgotten password",
    "/accounts/reset-password/": "Choose a new password",
}
STAFF_PAGES = {"/admin/": "The catalogue and its people", "/admin/books/book/": "Select book to change"}

pytestmark = pytest.mark.django_db


class Page(HTMLParser):
    """What the tests ask about a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.title = self.lang = ""
        self.assets: list[str] = []
        self.inline: list[str] = []
        self.unlabelled: set[str] = set()
        self.landmarks: list[str] = []
        self._inside = ""
        self._labels: set[str] = set()
        self.feed(html)
        self.unlabelled -= self._labels

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._inside = tag
        self.landmarks.append(tag)
        if tag == "html":
            self.lang = found.get("lang", "")
        if tag == "label":
            self._labels.add(found.get("for", ""))
        typed_in = tag in ("input", "select", "textarea") and found.get("type") not in ("hidden", "submit")
        if typed_in and "aria-label" not in found:
            self.unlabelled.add(found.get("id", "without an id"))
        if "src" in found:
            self.assets.append(found["src"])
        if tag == "link":
            self.assets.append(found["href"])
        # A script of type application/json is data.
        script = tag == "script" and "src" not in found and found.get("type") != "application/json"
        if tag == "style" or script or "style" in found or any(name.startswith("on") for name in found):
            self.inline.append(self.get_starttag_text() or tag)

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


def page_of(browser: Browser, path: str, status: int = 200) -> Page:
    response = browser.get(path, headers={"Accept": "text/html"})
    assert response.status_code == status
    assert response["Content-Type"].startswith("text/html")
    return Page(response.content.decode())


@pytest.fixture
def browser() -> Browser:
    """A browser that nobody has signed in with."""
    return Browser()


@pytest.fixture
def adas_browser(pool: Pool) -> Browser:
    """A browser that an administrator has signed in with."""
    ada = User.objects.create(
        sub=subject("Ada"), username="ada", email="ada@example.com", is_staff=True, is_superuser=True
    )
    browser = Browser()
    browser.force_login(ada, "accounts.browser.backends.CognitoBackend")
    session = browser.session
    session["cognito_access_token"] = pool.access_token("Ada", [Role.ADMIN], exp=int(time.time()) + 600)
    session.save()
    return browser


@pytest.mark.parametrize("path, title", PAGES.items())
def test_a_page_is_whole_and_its_own(path: str, title: str, browser: Browser) -> None:
    page = page_of(browser, path)
    assert title in page.title
    assert "Cognito Books" in page.title
    assert page.lang.startswith("en")
    assert page.landmarks.count("header") == 1
    assert page.landmarks.count("main") == (path != "/api/docs/")  # Swagger UI draws its own
    assert page.inline == []
    assert page.unlabelled == set()


@pytest.mark.parametrize("path, title", STAFF_PAGES.items())
def test_the_admin_is_in_the_products_look(path: str, title: str, adas_browser: Browser) -> None:
    page = page_of(adas_browser, path)
    assert title in page.title
    assert "/static/books.css" in page.assets
    assert page.inline == []


@pytest.mark.parametrize("path", [*PAGES, *STAFF_PAGES])
def test_a_page_asks_nobody_else_for_anything(path: str, adas_browser: Browser) -> None:
    response = adas_browser.get(path, headers={"Accept": "text/html"}, follow=True)
    assets = Page(response.content.decode()).assets
    assert "/static/favicon.svg" in assets
    for asset in assets:
        address = urlsplit(asset)
        assert (address.scheme, address.netloc) == ("", ""), asset
        if address.path.startswith("/static/"):
            assert finders.find(address.path.removeprefix("/static/")), asset


def test_a_books_page_has_forms_for_those_who_may_change_it_only(browser: Browser, adas_browser: Browser) -> None:
    book = writing.add(title="Emma", author_names=["Jane Austen"])
    path = f"/api/v1/books/{book.pk}/"
    assert "textarea" not in page_of(browser, path).landmarks
    page = page_of(adas_browser, path)
    assert "textarea" in page.landmarks
    assert page.unlabelled == set()
    assert page.inline == []


def test_a_filtered_list_shows_what_it_was_filtered_by(browser: Browser) -> None:
    html = browser.get("/api/v1/books/?min_rating=4&search=%22emma", headers={"Accept": "text/html"}).content.decode()
    assert "<details open>" in html
    assert 'value="4"' in html
    assert 'value="&quot;emma"' in html


def test_the_admin_sends_visitors_to_the_sign_in(browser: Browser) -> None:
    assert browser.get("/admin/login/").headers["Location"] == "/accounts/sign-in/?next=%2Fadmin%2F"


def test_signing_out_leads_home(adas_browser: Browser) -> None:
    assert "ada@example.com" in adas_browser.get("/").content.decode()
    response = adas_browser.post("/admin/logout/")
    assert response.headers["Location"] == "/"
    assert "Sign in" in adas_browser.get("/").content.decode()


def test_nothing_at_a_path_is_a_page_for_people(browser: Browser) -> None:
    page = page_of(browser, "/nowhere/", 404)
    assert page.title.startswith("There is nothing here")
    assert page.inline == []


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404"])
def test_a_page_of_an_error_needs_no_request(name: str) -> None:
    assert Page(render_to_string(f"{name}.html")).title.endswith("Cognito Books")


def test_the_page_of_a_crash_needs_neither_context_nor_database(
    rf: RequestFactory, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        response = problems.server_error(rf.get("/"))
    page = Page(response.content.decode())
    assert response.status_code == 500
    assert page.title.startswith("Something went wrong")
    for asset in page.assets:
        assert finders.find(asset.removeprefix("/static/")), asset
