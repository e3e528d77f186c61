"""Benchmark of requests: CPU time of server and PostgreSQL, and latency seen by the client."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import psutil
from stdnum import ean

from benchmarks.load import Answer, Connection, fire, request
from benchmarks.service import Service
from benchmarks.tables import Table, percentile, spread

BOOKS = "/api/v1/books/"
CONNECTIONS = 8
USERS = 1000


class Catalogue:
    """Ways to ask for different things: what the rounds are made of."""

    def __init__(self, service: Service, pages: int) -> None:
        """Meet the service: mint people's tokens, walk over the first rows to learn where twice `pages` pages begin."""
        self._service, self._connection = service, Connection(service.port)
        self._chance = random.Random(1)
        self.tokens = [service.token(f"Reader {number}") for number in range(USERS)]
        self._rotation = cycle(self.tokens)
        first = self.get(f"{BOOKS}?page_size=1").json()["results"][0]
        self._last = int(first["id"])  # ids run from 1: nothing is deleted here
        cursors = [cursor for cursor, _ in self.walk(1, 2 * pages)]
        # Those that memory is watched over stay apart, so that in the rounds each page is asked for once.
        self._cursors, self._further = cycle(cursors[::2]), cycle(cursors[1::2])
        titles = " ".join(book["title"] for _, books in self.walk(100, 10) for book in books)
        words = sorted({word for word in titles.split() if len(word) > 3})
        self._chance.shuffle(words)
        self._words = cycle(words)
        self._isbns = iter(range(99_999_999, 0, -1))

    def get(self, path: str) -> Answer:
        """What is at a path."""
        return self._connection.ask(request("GET", path, self.tokens[0]))

    def walk(self, size: int, steps: int) -> Iterator[tuple[str, list[Any]]]:
        """Follow `next` from the first page on: the cursor of each page after it, and its books."""
        page = self.get(f"{BOOKS}?page_size={size}").json()
        for _ in range(steps):
            if page["next"] is None:
                return
            cursor = parse_qs(urlsplit(page["next"]).query)["cursor"][0]
            page = self.get(f"{BOOKS}?{urlencode({'page_size': size, 'cursor': cursor})}").json()
            yield cursor, page["results"]

    def token(self) -> str:
        """The next of a thousand people's tokens."""
        return next(self._rotation)

    def first_page(self) -> bytes:
        """The list."""
        return request("GET", BOOKS, self.token())

    def fresh(self) -> bytes:
        """The list, with a token that was never seen."""
        return request("GET", BOOKS, self._service.token("Somebody new"))

    def another_page(self) -> bytes:
        """A page that begins at another row each time."""
        return request("GET", f"{BOOKS}?{urlencode({'cursor': next(self._cursors)})}", self.token())

    def further_page(self) -> bytes:
        """A page that `another_page` never asks for."""
        return request("GET", f"{BOOKS}?{urlencode({'cursor': next(self._further)})}", self.token())

    def some_ids(self) -> bytes:
        """Twenty books by id."""
        ids = ",".join(str(self._chance.randint(1, self._last)) for _ in range(20))
        return request("GET", f"{BOOKS}?id={ids}", self.token())

    def some_filter(self) -> bytes:
        """Filters and an ordering in some combination."""
        wanted = {
            "language": self._chance.choice(["en", "de,fr", "es", "it"]),
            "published_from": self._chance.randint(1850, 2000),
            "ordering": self._chance.choice(["-created_at", "created_at", "title", "-title"]),
        }
        return request("GET", f"{BOOKS}?{urlencode(wanted)}", self.token())

    def search(self) -> bytes:
        """Books with a word that some title has, another one each time."""
        return request("GET", f"{BOOKS}?{urlencode({'search': next(self._words)})}", self.token())

    def one_book(self) -> bytes:
        """A book."""
        return request("GET", f"{BOOKS}{self._chance.randint(1, self._last)}/", self.token())

    def create(self) -> bytes:
        """A new book, with an ISBN that no real book has."""
        body = f"9799{next(self._isbns):08}"
        book = {
            "isbn": f"{body}{ean.calc_check_digit(body)}",
            "title": "A Book of the Benchmark",
            "authors": ["Jane Austen", "Mary Shelley"],
            "publisher": "Bench House",
            "published_year": 1999,
            "language": "en",
            "page_count": 321,
            "description": "A book that a benchmark made.",
        }
        return request("POST", BOOKS, self.token(), book)


@dataclass
class Scenario:
    """Requests of one kind, the answer they must get, and what was measured so far."""

    name: str
    make: Callable[[], bytes]
    status: int = 200
    server_us: list[float] = field(default_factory=list)
    database_us: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)

    def run(self, service: Service, count: int) -> None:
        """Measure one round of `count` requests."""
        requests = [self.make() for _ in range(count)]
        before, mine = _busy(), time.process_time()
        database, server = service.databases.cpu_seconds(service.database), service.cpu_seconds()
        began = time.perf_counter()
        self.seconds += fire(service.port, requests, self.status, CONNECTIONS)
        took = time.perf_counter() - began
        used = service.cpu_seconds() - server
        self.server_us.append(used / count * 1e6)
        after = service.databases.cpu_seconds(service.database)
        if database is not None and after is not None:
            self.database_us.append((after - database) / count * 1e6)
            used += after - database
        self.rates.append(count / took)
        self.others.append(max(0.0, (_busy() - before - used - (time.process_time() - mine)) / took))


def costs(service: Service, catalogue: Catalogue, count: int, rounds: int) -> Table:
    """The table of kinds of requests, in interleaved rounds of `count` each."""
    etag = catalogue.get(BOOKS).etag
    scenarios = [
        Scenario("list, 1,000 tokens in rotation", catalogue.first_page),
        Scenario("list, every token fresh", catalogue.fresh),
        Scenario("list, anonymous", lambda: request("GET", BOOKS)),
        Scenario("list, 304 by ETag", lambda: request("GET", BOOKS, catalogue.token(), if_none_match=etag), 304),
        Scenario("every page different, by cursor", catalogue.another_page),
        Scenario("every page different, 20 ids", catalogue.some_ids),
        Scenario("every page different, filters", catalogue.some_filter),
        Scenario("search for a word of a title", catalogue.search),
        Scenario("one book", catalogue.one_book),
        Scenario("create", catalogue.create, 201),
    ]
    for turn in range(rounds):
        for scenario in scenarios:
            if scenario.status == 304:
                # Books were added in the round before.
                etag = catalogue.get(BOOKS).etag
            scenario.run(service, count)
        print(f"   round {turn + 1} of {rounds}", flush=True)
    head = ("request", "server CPU µs", "PostgreSQL CPU µs", "p50 ms", "p99 ms", "requests/s")
    table = Table(f"A request ({CONNECTIONS} connections, {count:,} requests a round)", head)
    for each in scenarios:
        table.rows.append(
            (
                each.name,
                spread(each.server_us),
                spread(each.database_us) if each.database_us else "-",
                f"{percentile(each.seconds, 0.5) * 1e3:.2f}",
                f"{percentile(each.seconds, 0.99) * 1e3:.2f}",
                spread(each.rates),
            )
        )
    others = max(max(each.others) for each in scenarios)
    table.notes.append(f"Medians of {rounds} interleaved rounds (min-max); p50 and p99 over all of them.")
    table.notes.append(
        f"Other programs took up to {others:.1f} cores meanwhile{': run it again in quiet' if others > 0.3 else ''}."
    )
    return table


def memory(service: Service, catalogue: Catalogue, count: int) -> Table:
    """Memory of each worker, before and after `count` requests: the first page, and thousands of others, by turns."""
    parts = 4
    # A worker that has served nobody yet has not imported everything.
    fire(service.port, [catalogue.first_page() for _ in range(400)], 200, 4 * CONNECTIONS)
    found = [_memory(service)]
    for _ in range(parts):
        kinds: Iterator[Callable[[], bytes]] = cycle([catalogue.further_page, catalogue.first_page])
        fire(service.port, [make() for make in islice(kinds, count // parts)], 200, CONNECTIONS)
        found.append(_memory(service))
    marks = [f"after {count * part // parts:,}" for part in range(1, parts + 1)]
    table = Table("Memory of each worker, PSS MB / RSS MB", ("process", "before", *marks))
    for pid in found[-1]:
        table.rows.append((str(pid), *(at.get(pid, "-") for at in found)))
    table.notes.append("PSS counts what processes share in parts, RSS in each; - is a process that was not there yet.")
    return table


def _memory(service: Service) -> dict[int, str]:
    workers = {process.pid: process.memory_full_info() for process in service.worker_processes()}
    return {pid: f"{getattr(info, 'pss', 0) / 1e6:.0f} / {info.rss / 1e6:.0f}" for pid, info in workers.items()}


def _busy() -> float:
    """Seconds that all cores together were busy since the machine started."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def depth(service: Service, catalogue: Catalogue, rows: int, repeat: int) -> Table:
    """Page 1 against a far page, each search, filter and ordering: one client, just after a write and asked again."""
    target = min(39_999 * 20, rows - 40) // 100
    cursor = book = None
    for cursor, books in catalogue.walk(100, target):  # noqa: B007 (the last one)
        book = books[0]
    assert cursor is not None and book is not None  # noqa: S101, PT018 (for mypy: there are rows enough)
    queries: dict[str, dict[str, object]] = {
        "page 1": {},
        f"page {target * 5 + 1:,}": {"cursor": cursor},
        "search, a common word": {"search": "river"},
        "search, a rare word": {"search": "zeugma"},
        "search, an absent word": {"search": "xylotomy"},
        "search, two words": {"search": f"river {book['authors'][0]}"},
        "author": {"author": book["authors"][0]},
        "subject": {"subject": (book["subjects"] or ["Fiction"])[0]},
        "language, common": {"language": "en"},
        "language, rare": {"language": "la"},
        "published_from": {"published_from": 1990},
        "published_to": {"published_to": 1900},
        "min_rating": {"min_rating": 4.5},
        "added_by": {"added_by": "me"},
        "isbn": {"isbn": book["isbn"]},
        "id": {"id": book["id"]},
        **{f"ordering={name}": {"ordering": name} for name in _ORDERINGS},
    }
    admin, connection = service.token("Admin", admin=True), Connection(service.port)
    cold: dict[str, list[float]] = {name: [] for name in queries}
    again: dict[str, list[float]] = {name: [] for name in queries}
    for turn in range(repeat):
        for name, query in queries.items():
            # A write makes every page that is held out of date, so that the first answer is worked out.
            change = {"page_count": 100 + turn}
            connection.ask(request("PATCH", f"{BOOKS}1/", admin, change))
            asked = request("GET", f"{BOOKS}?{urlencode(query)}", catalogue.tokens[0])
            cold[name].append(connection.ask(asked).seconds * 1e3)
            again[name].append(connection.ask(asked).seconds * 1e3)
    head = ("what", "p50 ms just after a write", "of page 1", "p50 ms asked again")
    table = Table(f"Where in {rows:,} books (one client, {repeat} times each)", head)
    for name in queries:
        ratio = f"{median(mine / first for mine, first in zip(cold[name], cold['page 1'], strict=True)):.2f}"
        table.rows.append((name, spread(cold[name], 2), ratio, spread(again[name], 2)))
    return table


_ORDERINGS: Sequence[str] = (
    "created_at",
    "title",
    "-title",
    "published_year",
    "-published_year",
    "rating",
    "-rating",
)
