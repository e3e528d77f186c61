"""The books of the tests."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from accounts.models import User
from books import writing
from books.models import Book
from tests.conftest import Client

BOOKS = "/api/v1/books/"
AUTHORS = "/api/v1/authors/"

Shelve = Callable[..., Book]


def titles(response: Any) -> list[str]:
    """The titles on a page."""
    assert response.status_code == 200, response.content
    return [book["title"] for book in response.json()["results"]]


def problems(response: Any, status: int = 400) -> dict[str, str]:
    """What is wrong, by JSON pointer or by name of the parameter."""
    assert response.status_code == status, response.content
    assert response.json()["code"] == "invalid"
    return {error.get("pointer") or error["parameter"]: error["code"] for error in response.json()["errors"]}


def walk(client: Client, url: str, link: str = "next") -> list[list[Any]]:
    """The ids on each page from `url` on, as far as the links lead."""
    pages = []
    following: str | None = url
    while following:
        page = client.get(following).json()
        pages.append([book["id"] for book in page["results"]])
        following = page[link]
        assert len(pages) < 100
    return pages


@pytest.fixture
def shelve(db: None) -> Shelve:
    """Puts a book on the shelf, without the API."""

    def put(title: str = "Moby-Dick", *authors: str, **values: Any) -> Book:
        return writing.add(title=title, author_names=list(authors) or ["Herman Melville"], **values)

    return put


@pytest.fixture(params=[True, False], ids=["fast", "slow"])
def fast_paths(request: pytest.FixtureRequest, settings: Settings) -> bool:
    """The switch of what exists for speed alone, on and off: a test that uses it runs both ways."""
    settings.BOOKS_FAST_PATHS = request.param
    return bool(request.param)


@pytest.fixture
def browser(db: None, settings: Any) -> Browser:
    """A browser in which Ada, an administrator, is signed in."""
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    client = Browser()
    client.force_login(User.objects.create_superuser("Ada", email="ada@example.com"))
    return client
