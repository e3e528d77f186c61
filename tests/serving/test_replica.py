"""Visitors read a replica, never one that is far behind; whoever has a token reads what was written, at once.

A real primary and a real standby that streams from it, both our own.
"""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.db import OperationalError

from books.replica import CACHE_CONTROL, MAX_BEHIND_SECONDS, Distance
from local_cognito.server import LocalCognito
from tests.faults.services import PostgreSQL, program, wait_until
from tests.service import Service, manage, production

BOOKS = "/api/v1/books/"


class Standby(PostgreSQL):
    """A copy of a PostgreSQL, which follows it."""

    def __init__(self, folder: Path, primary: PostgreSQL) -> None:
        self._primary = primary
        super().__init__(folder)

    def _make(self) -> None:
        self._data.chmod(0o700)
        source = ["-h", "127.0.0.1", "-p", str(self._primary.port), "-U", "postgres"]
        command = [program("pg_basebackup"), *source, "-D", str(self._data), "-R", "-c", "fast", "-X", "stream"]
        subprocess.run(command, cwd="/", check=True, **self._as)  # type: ignore[call-overload]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user may look into, unlike those of pytest."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def primary(folder: Path) -> Iterator[PostgreSQL]:
    """The primary, running, with an empty database."""
    try:
        program("pg_basebackup")
    except AssertionError:
        pytest.skip("PostgreSQL's programs are not here: apt-get install postgresql")
    (folder / "primary").mkdir()
    server = PostgreSQL(folder / "primary")
    server.start()
    server.execute(f"CREATE ROLE {server.role} LOGIN")
    server.execute(f"CREATE DATABASE books OWNER {server.role}")
    yield server
    server.stop()


@pytest.fixture
def standby(folder: Path, primary: PostgreSQL) -> Iterator[Standby]:
    """A standby of it, running."""
    (folder / "standby").mkdir()
    server = Standby(folder / "standby", primary)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def service(stand_in: LocalCognito, tmp_path: Path, primary: PostgreSQL, standby: Standby) -> Iterator[Service]:
    """The service with both, running."""
    stand_in.reset()
    urls = {"DATABASE_URL": primary.url("books"), "DATABASE_REPLICA_URL": standby.url("books")}
    environment = production(stand_in, tmp_path / "unused", **urls)
    manage(environment, "migrate", "-v", "0")
    running = Service(environment, workers=1)  # each worker finds out for itself
    running.start()
    yield running
    running.stop()


def read(service: Service, token: str = "") -> tuple[list[str], str]:
    """The titles on the first page, and what caches may do with it."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(service.url + BOOKS, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        body: Any = json.load(response)
        if response.headers["Cache-Control"] == CACHE_CONTROL:
            assert {"Authorization", "Cookie"} <= {name.strip() for name in response.headers["Vary"].split(",")}
        return [book["title"] for book in body["results"]], response.headers["Cache-Control"]


def test_visitors_read_the_replica_while_it_is_near(service: Service, standby: Standby) -> None:
    signed_in = service.ask(
        "POST", "/api/v1/accounts/sign-in/", {"email": "admin@example.com", "password": "Passw0rd!"}
    )
    ada = signed_in.body["access_token"]

    def add(title: str) -> None:
        assert service.ask("POST", BOOKS, {"title": title, "authors": ["A"]}, ada).status == 201

    written: list[str] = []
    for number in range(5):
        add(f"Book {number}")
        written.insert(0, f"Book {number}")
        assert read(service, ada) == (written, "private, no-cache")  # at once, from the primary
        wait_until("visitors see it too", lambda: read(service) == (written, CACHE_CONTROL))

    standby.execute("SELECT pg_wal_replay_pause()")
    add("While it stands still")
    assert read(service, ada)[0][0] == "While it stands still"
    wait_until("visitors are sent to the primary", lambda: read(service)[1] == "private, no-cache", 40)
    assert read(service)[0][0] == "While it stands still"

    standby.execute("SELECT pg_wal_replay_resume()")
    wait_until("visitors are back at the replica", lambda: read(service)[1] == CACHE_CONTROL, 40)
    assert read(service)[0][0] == "While it stands still"

    standby.stop()
    wait_until("visitors are served without it", lambda: service.ask("GET", BOOKS).status == 200, 40)
    assert service.ask("GET", "/readyz").body["checks"]["replica"] == "unavailable"
    add("Without a replica")
    assert read(service, ada)[0][0] == "Without a replica"


class Pair:
    """A primary and a replica, as far as their distance goes, and a clock."""

    now, here, there = 0.0, 0, 0
    away: str | None = None

    def ask(self, alias: str, _: str) -> int:
        if alias == self.away:
            raise OperationalError("It is away.")
        return self.there if alias == "replica" else self.here

    def distance(self, monkeypatch: pytest.MonkeyPatch) -> Distance:
        monkeypatch.setattr("books.replica._ask", self.ask)
        return Distance(lambda: self.now)


def test_a_replica_is_near_as_long_as_it_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair()
    distance = pair.distance(monkeypatch)
    for second in range(100):
        pair.now, pair.here, pair.there = float(second), second * 10, max(0, (second - 3) * 10)
        assert distance.is_near(), second  # three seconds behind


def test_a_replica_that_stands_still_is_near_until_somebody_writes_and_five_seconds_have_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = Pair()
    distance = pair.distance(monkeypatch)
    near = {}
    for second in range(40):
        pair.now, pair.here = float(second), 0 if second < 10 else 1
        near[second] = distance.is_near()
    last = 9 + int(MAX_BEHIND_SECONDS)  # at 9 it had all there was
    assert [second for second, is_near in near.items() if is_near] == list(range(last + 1))
    pair.there = 1
    pair.now += 1
    assert distance.is_near()


def test_a_replica_that_is_away_is_not_asked_and_then_it_is_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair()
    distance = pair.distance(monkeypatch)
    near = []
    for pair.now, pair.away in ((0.0, None), (1.0, "replica"), (1.5, None), (2.0, "replica"), (3.0, None)):
        near.append(distance.is_near())
    assert near == [True, False, False, False, True]


def test_while_the_primary_is_away_the_replica_serves_as_long_as_it_is_known_to_be_near(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = Pair()
    distance = pair.distance(monkeypatch)
    assert distance.is_near()
    pair.away = "default"
    near = []
    for second in range(1, 9):
        pair.now = float(second)
        near.append(distance.is_near())
    assert near == [True] * int(MAX_BEHIND_SECONDS) + [False] * (8 - int(MAX_BEHIND_SECONDS))
