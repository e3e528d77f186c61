"""Without the package `books.fast` (`BOOKS_FAST_PATHS=false`) the service gives the same answers, byte for byte."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from books import ranking, writing
from books.models import Book
from tests.books.conftest import AUTHORS, BOOKS
from tests.conftest import Client

NOON = datetime(2026, 11, 27, 12, 0, 0, 250, tzinfo=UTC)
DIFFERS = ("X-Request-ID", "Date")
EMMA = {
    "title": "Emma",
    "authors": ["Jane Austen", "Zoë Z."],
    "isbn": "0-14-143958-0",
    "published_year": 1815,
    "language": "en",
    "rating": 4.05,
    "subjects": ["Love; stories", "größe"],
}
ORDERINGS = ("created_at", "-created_at", "title", "-title", "published_year", "-published_year", "rating", "-rating")
READS = (
    "",
    "?page_size=5",
    *(f"?page_size=9&ordering={ordering}" for ordering in ORDERINGS),
    "?search=emma&page_size=3",
    "?search=emma&page_size=3&ordering=title",
    "?search=an+emma&language=en,de",
    "?search=nowhere",
    "?id=1,3,99",
    "?isbn=9780141439587",
    "?author=author+2",
    "?author=1&ordering=-rating",
    "?subject=GRÖSSE",
    "?published_from=1830&published_to=1890&ordering=-published_year",
    "?min_rating=2.5&ordering=rating",
    "?search=!!!",
    "?cursor=nothing",
    "?colour=red",
    "1/",
    "14/",
    "14/?colour=red",
    "999/",
)

Answer = tuple[str, int, dict[str, str], bytes]


class Story:
    """Everything that Uma, Gwen and a visitor are answered while the catalogue grows and changes."""

    def __init__(self, uma: Client, gwen: Client, visitor: Client) -> None:
        self.uma, self.gwen, self.visitor = uma, gwen, visitor
        self.answers: list[Answer] = []

    def ask(self, client: Client, method: str, url: str, *body: Any, **headers: str) -> Any:
        """The answer to a request, after it was written down."""
        answer = getattr(client, method)(url, *body, headers=headers)
        kept = {name: value for name, value in answer.items() if name not in DIFFERS}
        content = answer.content.replace(answer["X-Request-ID"].encode(), b"")  # problems contain it
        self.answers.append((f"{client.name}: {method} {url}", answer.status_code, kept, content))
        return answer

    def read(self, client: Client, url: str) -> None:
        """Read `url` twice, for the second answer may be cached; with its entity tag, and on to the last page."""
        following: str | None = url
        while following:
            self.ask(client, "get", following)
            answer = self.ask(client, "get", following)
            self.ask(client, "head", following)
            if "ETag" in answer:
                self.ask(client, "get", following, if_none_match=answer["ETag"])
            following = answer.json().get("next")

    def tell(self) -> list[Answer]:
        """The whole story, from an empty catalogue on."""
        writing.add_many(
            [
                {
                    "title": ["Emma", "An Emma", "Emma again", f"Dilemma {number}"][number % 4],
                    "author_names": [f"Author {number % 5}", "Author É"],
                    "published_year": None if number % 3 == 0 else 1800 + 10 * number,
                    "rating": None if number % 3 == 0 else f"{number % 5}.50",
                    "language": ["en", "de", ""][number % 3],
                    "subjects": ["emma", "Größe"] if number % 2 else [],
                }
                for number in range(13)
            ]
        )
        url = self.ask(self.uma, "post", BOOKS, EMMA)["Location"]
        self.ask(self.uma, "post", BOOKS, EMMA)  # a second book of this ISBN
        self.ask(self.uma, "post", BOOKS, {"title": 1})
        for query in READS:
            self.read(self.visitor, f"{BOOKS}{query}")
        self.read(self.gwen, BOOKS)
        self.read(self.uma, f"{BOOKS}?added_by=me")
        for path in ("", "?search=author", "?ordering=-name&page_size=4", "1/", "99/"):
            self.read(self.visitor, f"{AUTHORS}{path}")
        stale = self.ask(self.visitor, "get", url)["ETag"]
        self.ask(self.uma, "patch", url, {"authors": ["Jane Austen", "Somebody New"], "rating": None}, if_match=stale)
        self.ask(self.uma, "patch", url, {"title": "Lost"}, if_match=stale)
        self.read(self.visitor, url)
        self.read(self.visitor, AUTHORS)
        self.ask(self.uma, "delete", url)
        self.read(self.visitor, url)
        self.read(self.visitor, BOOKS)
        return self.answers


@pytest.mark.django_db(transaction=True)
def test_every_answer_is_the_same_without_what_exists_for_speed_alone(
    uma: Client, gwen: Client, visitor: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON)
    monkeypatch.setattr(Book._meta.get_field("created_at"), "_get_default", lambda: NOON)
    monkeypatch.setattr(ranking, "MAX_CANDIDATES", 6)
    monkeypatch.setattr(ranking, "MAX_TITLED", 2)
    stories = []
    for fast in (True, False):
        settings.BOOKS_FAST_PATHS = fast
        call_command("flush", verbosity=0, interactive=False)  # ids begin at 1
        stories.append(Story(uma, gwen, visitor).tell())
    for fast_answer, plain_answer in zip(*stories, strict=True):
        assert fast_answer == plain_answer
