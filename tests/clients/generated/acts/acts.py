"""The eight acts that each Python client does, and how they are reported: one JSON object, act by act."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

URL = os.environ["BOOKS_URL"]
TOTAL = int(os.environ["BOOKS_TOTAL"])
EMAIL, PASSWORD = os.environ["BOOKS_EMAIL"], os.environ["BOOKS_PASSWORD"]

BOOK = {
    "title": "Persuasion",
    "subtitle": "A novel",
    "authors": ["Jane Austen"],
    "publisher": "John Murray",
    "language": "en",
    "published_year": 1817,
    "rating": 4.35,
    "subjects": ["Courtship"],
    "description": "Sir Walter Elliot, of Kellynch Hall …",
}
# Both mistakes are beyond what a schema can tell: a check digit, and a name that is there twice once it is trimmed.
MISTAKEN = {"title": "Emma", "authors": ["Jane Austen", "Jane Austen "], "isbn": "9780141439519"}
POINTERS = ["#/authors/1", "#/isbn"]


def refused(status: int, problem: Any, wanted: int, code: str) -> None:
    """Raises AssertionError unless the answer is a problem with this status and code."""
    assert status == wanted == problem.status, (status, problem)
    assert str(getattr(problem.code, "value", problem.code)) == code, problem


def pointed(pointers: Iterable[str]) -> None:
    """Raises AssertionError unless these are the pointers to what is wrong with MISTAKEN."""
    assert sorted(pointers) == POINTERS


def changed_only(before: Mapping[str, Any], after: Mapping[str, Any], *members: str) -> None:
    """Raises AssertionError unless these members, and no others, differ; `updated_at` may."""
    changed = [name for name in before if before[name] != after[name] and name != "updated_at"]
    assert changed == list(members), (before, after)


def cursor_of(following: str | None) -> str | None:
    """The parameter `cursor` of the address of the next page."""
    return parse_qs(urlsplit(following).query)["cursor"][0] if following else None


def report(acts: Mapping[str, Callable[[], None]]) -> None:
    """Does the acts one after another, and prints how each went."""
    told = {}
    for name, act in acts.items():
        try:
            act()
            told[name] = "yes"
        except Exception as error:
            told[name] = f"{type(error).__name__}: {error}"
    print(json.dumps(told))
