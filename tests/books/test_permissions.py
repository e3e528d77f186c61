"""Who may do what with books: the table of the contract, role by action."""

from typing import Any

import pytest

from books.permissions import BOOK_POLICY
from tests.books.conftest import AUTHORS, BOOKS, Shelve
from tests.conftest import Client

BOOK = {"title": "Emma", "authors": ["Jane Austen"]}

READING = ("list", "retrieve", "authors", "options")
# What is done to a book of Uma's, and what comes of it.
TABLE = {
    # who:       read  add  change and delete
    "visitor": (200, 401, 401),
    "norole": (200, 403, 403),
    "gwen": (200, 403, 403),
    "uma": (200, 201, 200),
    "ulf": (200, 201, 403),
    "ada": (200, 201, 200),
}
WHEN_READING_IS_CLOSED = {"visitor": 401, "norole": 403, "gwen": 200, "uma": 200, "ulf": 200, "ada": 200}


@pytest.fixture
def hers(uma: Client, db: None) -> str:
    """The address of a book that Uma added."""
    response = uma.post(BOOKS, BOOK)
    assert response.status_code == 201
    return str(response["Location"])


def act(client: Client, action: str, url: str) -> Any:
    match action:
        case "list":
            return client.get(BOOKS)
        case "retrieve":
            return client.get(url)
        case "authors":
            return client.get(AUTHORS)
        case "options":
            return client.options(url)
        case "create":
            return client.post(BOOKS, BOOK)
        case "update":
            return client.put(url, BOOK)
        case "partial_update":
            return client.patch(url, {"title": "Persuasion"})
    return client.delete(url)


@pytest.mark.parametrize("who", TABLE)
@pytest.mark.parametrize("action", [*READING, "create", "update", "partial_update", "destroy"])
def test_the_table_of_roles_and_actions(who: str, action: str, hers: str, request: pytest.FixtureRequest) -> None:
    reading, adding, changing = TABLE[who]
    expected = reading if action in READING else adding if action == "create" else changing
    if action == "destroy" and expected == 200:
        expected = 204
    response = act(request.getfixturevalue(who), action, hers)
    assert response.status_code == expected, response.content
    if expected in (401, 403):
        code = {401: "not_authenticated", 403: "permission_denied"}[expected]
        assert response.json()["code"] == code
        assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("who", WHEN_READING_IS_CLOSED)
@pytest.mark.parametrize("action", READING)
def test_reading_needs_a_role_when_public_read_is_off(
    who: str, action: str, hers: str, request: pytest.FixtureRequest, settings: Any
) -> None:
    settings.BOOKS_PUBLIC_READ = False
    assert act(request.getfixturevalue(who), action, hers).status_code == WHEN_READING_IS_CLOSED[who]


@pytest.mark.parametrize(
    "scopes, reading, adding, changing",
    [
        ((), 403, 403, 403),
        (("books/read",), 200, 403, 403),
        (("books/write",), 200, 201, 403),
        (("books/read", "books/admin"), 200, 201, 200),
    ],
)
def test_a_machine_may_what_its_scopes_say(
    scopes: tuple[str, ...], reading: int, adding: int, changing: int, hers: str, machine: Any, settings: Any
) -> None:
    settings.BOOKS_PUBLIC_READ = False
    robot = machine(*scopes)
    for action, expected in (("list", reading), ("create", adding), ("partial_update", changing)):
        response = act(robot, action, hers)
        assert response.status_code == expected, action
        if expected == 403:
            assert 'error="insufficient_scope"' in response["WWW-Authenticate"]


@pytest.mark.parametrize("who, status", [("visitor", 401), ("gwen", 403)])
def test_who_you_are_is_asked_before_what_you_sent(
    who: str, status: int, hers: str, request: pytest.FixtureRequest
) -> None:
    client: Client = request.getfixturevalue(who)
    garbage: Any = {"data": "{not json", "content_type": "application/json"}
    assert client.post(BOOKS, **garbage).status_code == status
    assert client.put(hers, **garbage).status_code == status
    assert client.patch(hers, {"title": 1}, headers={"If-Match": '"stale"'}).status_code == status


def test_somebody_elses_book_is_refused_before_what_you_sent_is_read(ulf: Client, hers: str) -> None:
    assert ulf.put(hers, "{not json", content_type="application/json").status_code == 403


def test_a_book_of_nobody_is_changed_by_administrators_only(uma: Client, ada: Client, shelve: Shelve) -> None:
    url = f"{BOOKS}{shelve().pk}/"
    assert uma.patch(url, {"title": "Mine"}).status_code == 403
    assert ada.patch(url, {"title": "Ours"}).status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_authors_are_read_only(ada: Client, shelve: Shelve, method: str) -> None:
    shelve()
    assert getattr(ada, method)(f"{AUTHORS}1/" if method != "post" else AUTHORS, {}).status_code == 405


def test_every_action_is_in_the_table() -> None:
    assert set(BOOK_POLICY) == {
        "list", "retrieve", "metadata", "create", "update", "partial_update", "destroy",
    }  # fmt: skip
