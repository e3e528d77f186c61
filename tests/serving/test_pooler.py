"""The service behind PgBouncer in transaction mode, set up as docs/scale.md says: every answer is right.

PostgreSQL, PgBouncer with four server connections, and the production server with two workers, all our own.
"""

import csv
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
import requests
from psycopg.rows import dict_row

from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, BOOKS, PASSWORD
from tests.faults.services import PostgreSQL, free_port, program, wait_until
from tests.service import ROOT, Answer, Service, manage, production

POOL = 4  # server connections
SECRET = "of-books-0123456789"
# Members of a book in JSON that are columns of the same name and value.
PLAIN = (
    "id", "isbn", "title", "subtitle", "publisher", "published_year", "language", "page_count", "subjects",
    "description",
)  # fmt: skip

Books = dict[int, dict[str, Any]]


def documented(language: str) -> str:
    """The block in this language under "Connection pooler" in docs/scale.md."""
    section = (ROOT / "docs" / "scale.md").read_text().partition("### Connection pooler")[2].partition("\n## ")[0]
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return str(block)


class PgBouncer:
    """PgBouncer with the documented file before `database`; `more` are further lines of its section [pgbouncer]."""

    def __init__(self, folder: Path, database: PostgreSQL, *more: str) -> None:
        path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
        command = shutil.which("pgbouncer", path=path)
        if command is None:
            pytest.skip("PgBouncer is not here: apt-get install pgbouncer")
        self.port = free_port()
        users, file, self._log = folder / "userlist.txt", folder / "pgbouncer.ini", folder / "pgbouncer.log"
        text = documented("ini")
        for documented_value, ours in (
            ("port=5432", f"port={database.port}"),
            ("listen_port = 6432", f"listen_port = {self.port}"),
            ("auth_file = /etc/pgbouncer/userlist.txt", f"auth_file = {users}"),
            ("default_pool_size = 20", f"default_pool_size = {POOL}"),
        ):
            assert text.count(documented_value) == 1, documented_value
            text = text.replace(documented_value, ours)
        users.write_text("".join(f'"{role}" "{SECRET}"\n' for role in ("books", "careless")))
        file.write_text("\n".join([text, "unix_socket_dir =", *more, ""]))
        for readable in (users, file):
            readable.chmod(0o644)
        self._command = [command, str(file)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it leads to the database."""
        # It refuses to run as root.
        user: Any = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd="/", stdout=log, stderr=log, **user)
        wait_until("PgBouncer answers", self._answers)

    def _answers(self) -> bool:
        try:
            self.connection().close()
        except psycopg.OperationalError:
            assert self._process is not None
            assert self._process.poll() is None, self._log.read_text()[-3000:]
            return False
        return True

    def url(self, role: str = "books") -> str:
        """DATABASE_URL of the database behind it."""
        return f"postgresql://{role}:{SECRET}@127.0.0.1:{self.port}/books"

    def connection(self) -> "psycopg.Connection[Any]":
        """A connection through it, in which nothing is prepared."""
        return psycopg.connect(self.url(), prepare_threshold=None)

    def stop(self) -> None:
        """Stop it at once."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user may look into, unlike those of pytest."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[PostgreSQL]:
    """PostgreSQL with the role as documented, another one that has no time-outs, and an empty database."""
    try:
        program("initdb")
    except AssertionError:
        pytest.skip("PostgreSQL's programs are not here: apt-get install postgresql")
    server = PostgreSQL(folder)
    server.start()
    server.execute(f"CREATE ROLE books LOGIN PASSWORD '{SECRET}'")
    server.execute(f"CREATE ROLE careless LOGIN PASSWORD '{SECRET}' IN ROLE books")
    server.execute("CREATE DATABASE books OWNER books")
    with psycopg.connect(server.url("books"), autocommit=True) as connection:  # as the role itself
        connection.execute(documented("sql").encode())
    # Times must be read right whatever the time zone of the sessions is.
    server.execute("ALTER DATABASE books SET timezone = 'Pacific/Auckland'")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def pooler(folder: Path, database: PostgreSQL) -> Iterator[PgBouncer]:
    """PgBouncer before it, running."""
    running = PgBouncer(folder, database)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def environment(stand_in: LocalCognito, folder: Path, pooler: PgBouncer) -> dict[str, str]:
    """That of a service behind it, with a catalogue; visitors read through it as well. All made by its commands."""
    stand_in.reset()
    urls = {"DATABASE_URL": pooler.url(), "DATABASE_REPLICA_URL": pooler.url()}
    environment = production(stand_in, folder / "unused", DATABASE_POOLER="transaction", **urls)
    manage(environment, "migrate", "-v", "0")
    manage(environment, "seed_books", "1200")
    manage(environment, "import_books", str(ROOT / "books" / "sample_catalogue.csv"))
    return environment


@pytest.fixture(scope="module")
def service(environment: dict[str, str], folder: Path) -> Iterator[Service]:
    """The service behind it, with two workers, running."""
    running = Service(environment, log=folder / "service.log")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def books(environment: dict[str, str], database: PostgreSQL) -> Books:
    """What PostgreSQL itself says of each book, by id."""
    with psycopg.connect(database.url("books"), row_factory=dict_row) as connection:
        rows = connection.execute("SELECT *, extract(epoch FROM created_at) AS created FROM books_book").fetchall()
    assert len(rows) > 1300
    return {row["id"]: row for row in rows}


def is_right(shown: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether a book in JSON says what its row says."""
    return (
        all(shown[name] == row[name] for name in PLAIN)
        and shown["authors"] == row["author_names"]
        and shown["rating"] == (None if row["rating"] is None else float(row["rating"]))
        and shown["created_at"].endswith("Z")
        and datetime.fromisoformat(shown["created_at"]).timestamp() == pytest.approx(float(row["created"]))
    )


def walked(service: Service, query: str, token: str = "") -> Iterator[dict[str, Any]]:
    """Every book of a list, page by page."""
    path = f"{BOOKS}?{query}"
    while path:
        answer = service.ask("GET", path, token=token)
        assert answer.status == 200, answer
        yield from answer.body["results"]
        path = (answer.body["next"] or "").removeprefix(service.url)


def signed_in(service: Service, email: str) -> str:
    """Somebody's access token."""
    answer = service.ask("POST", f"{ACCOUNTS}sign-in/", {"email": email, "password": PASSWORD})
    assert answer.status == 200, answer
    token: str = answer.body["access_token"]
    return token


def test_every_page_has_every_row_once_while_several_walk(service: Service, books: Books) -> None:
    uma = signed_in(service, "user@example.com")
    walks = [
        (f"ordering={ordering}&page_size={size}", token)
        for ordering, size in (("title", 7), ("-created_at", 20), ("rating", 33), ("-published_year", 100))
        for token in ("", uma)
    ]
    with ThreadPoolExecutor(len(walks)) as threads:
        found = list(threads.map(lambda walk: list(walked(service, *walk)), walks))
    for shown in found:
        assert sorted(book["id"] for book in shown) == sorted(books)
        assert [book for book in shown if not is_right(book, books[book["id"]])] == []


class Load:
    """A thousand requests of all kinds by several threads; what was answered wrongly is kept."""

    def __init__(self, service: Service, books: Books, token: str) -> None:
        self.asked = 0
        self.failed: list[Answer] = []
        self.wrong: list[tuple[str, Any]] = []
        self._service, self._books, self._token = service, books, token
        self._guard = threading.Lock()

    def run(self, seed: int, count: int) -> None:
        """Ask about `count` times, drawn from `seed`."""
        draw = random.Random(seed)
        acts: list[Callable[[random.Random], int]] = [
            self.page,
            self.page,
            self.one,
            self.one,
            self.found,
            self.written,
        ]
        done = 0
        while done < count:
            done += draw.choice(acts)(draw)

    def ask(self, method: str, path: str, body: object = None, token: str = "") -> Answer:
        """The answer, which is counted."""
        answer = self._service.ask(method, path, body, token)
        with self._guard:
            self.asked += 1
            if answer.status >= 500:
                self.failed.append(answer)
        return answer

    def held(self, what: str, is_so: bool, shown: object) -> None:
        """Keep what is wrong."""
        if not is_so:
            with self._guard:
                self.wrong.append((what, shown))

    def page(self, draw: random.Random) -> int:
        """A page of those that were there before, from any place."""
        wanted = sorted(draw.sample(sorted(self._books), draw.randint(1, 60)))
        answer = self.ask(
            "GET", f"{BOOKS}?id={','.join(map(str, wanted))}&page_size=100", token=draw.choice(["", self._token])
        )
        shown = answer.body["results"] if answer.status == 200 else []
        self.held("page", sorted(book["id"] for book in shown) == wanted, answer)
        self.held("rows of a page", all(is_right(book, self._books[book["id"]]) for book in shown), shown)
        return 1

    def one(self, draw: random.Random) -> int:
        """One of them, or one that is not there."""
        pk = draw.choice([*draw.sample(sorted(self._books), 9), 10**9])
        answer = self.ask("GET", f"{BOOKS}{pk}/", token=draw.choice(["", self._token]))
        if pk in self._books:
            self.held("one", answer.status == 200 and is_right(answer.body, self._books[pk]), answer)
        else:
            self.held("none", answer.status == 404, answer)
        return 1

    def found(self, draw: random.Random) -> int:
        """One of them by its ISBN, and by the words of its title."""
        row = draw.choice([row for row in self._books.values() if row["isbn"]])
        answer = self.ask("GET", f"{BOOKS}?isbn={row['isbn']}")
        self.held("ISBN", answer.status == 200 and [b["id"] for b in answer.body["results"]] == [row["id"]], answer)
        words = urllib.parse.urlencode({"search": row["title"], "page_size": 100})
        answer = self.ask("GET", f"{BOOKS}?{words}")
        shown = answer.body["results"] if answer.status == 200 else []
        self.held("search", row["title"] in {book["title"] for book in shown}, answer)
        return 2

    def written(self, draw: random.Random) -> int:
        """A new book: added, seen, changed, seen changed, deleted, not seen any more."""
        title, said = f"Book {draw.random()}", f"Said {draw.random()}"
        added = self.ask("POST", BOOKS, {"title": title, "authors": ["Ann", f"Bob {draw.random()}"]}, self._token)
        self.held("added", added.status == 201 and added.body["title"] == title, added)
        if added.status != 201:
            return 1
        path = f"{BOOKS}{added.body['id']}/"
        for method, body, status, expected in (
            ("GET", None, 200, added.body),
            ("PATCH", {"description": said}, 200, {**added.body, "description": said}),
            ("GET", None, 200, {**added.body, "description": said}),
            ("DELETE", None, 204, None),
            ("GET", None, 404, None),
        ):
            answer = self.ask(method, path, body, self._token)
            shown = {**answer.body, "updated_at": ""} if expected and answer.body else None
            right = answer.status == status and shown == (expected and {**expected, "updated_at": ""})
            self.held(f"{method} of a new book", right, answer)
        return 6


def test_a_thousand_mixed_requests_are_answered_rightly(service: Service, books: Books) -> None:
    load = Load(service, books, signed_in(service, "user@example.com"))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(load.run, range(8), [125] * 8))
    assert load.asked >= 1000
    assert (load.failed, load.wrong) == ([], [])


def test_whoever_signed_out_is_refused_by_both_workers(service: Service) -> None:
    uma = {"email": "user@example.com", "password": PASSWORD}
    tokens = service.ask("POST", f"{ACCOUNTS}sign-in/", uma).body
    out = {"refresh_token": tokens["refresh_token"]}
    assert service.ask("POST", f"{ACCOUNTS}sign-out/", out, tokens["access_token"]).status == 204
    time.sleep(1)
    answers = [service.ask("GET", BOOKS, token=tokens["access_token"]) for _ in range(16)]
    assert {(answer.status, answer.body.get("code")) for answer in answers} == {(401, "token_revoked")}


def test_a_second_import_finds_every_book_as_it_was(environment: dict[str, str], books: Books) -> None:
    catalogue = ROOT / "books" / "sample_catalogue.csv"
    said = run(environment, "import_books", str(catalogue))
    titles = {row["title"] for row in csv.DictReader(io.StringIO(catalogue.read_text()))}
    rows = len(catalogue.read_text().splitlines()) - 1
    assert titles <= {book["title"] for book in books.values()}
    assert re.search(rf"unchanged\D*{rows}\b|{rows} unchanged", said), said


def test_the_export_of_the_admin_has_every_book(service: Service, books: Books) -> None:
    ada, csrf = requests.Session(), "c" * 32
    ada.cookies.set("csrftoken", csrf)
    form = {"email": "admin@example.com", "password": PASSWORD, "csrfmiddlewaretoken": csrf}
    assert ada.post(f"{service.url}/accounts/sign-in/", form, allow_redirects=False, timeout=60).status_code == 302
    answer = ada.get(f"{service.url}/admin/books/book/export/", allow_redirects=False, timeout=60)
    assert answer.status_code == 200
    rows = [*csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))]
    exported = sorted(
        (row["isbn"], row["title"].removeprefix("'"), row["published_year"].removeprefix("'")) for row in rows
    )
    there = sorted((b["isbn"] or "", b["title"], str(b["published_year"] or "")) for b in books.values())
    assert exported == there


def test_nothing_is_left_in_a_server_connection(service: Service, pooler: PgBouncer, books: Books) -> None:
    """A setting, a prepared statement or a lock there would be some other client's."""
    for _ in walked(service, "page_size=100"):
        pass
    with ExitStack() as stack:
        # Each holds a server connection until it ends: together all that there are.
        held = [stack.enter_context(pooler.connection()) for _ in range(POOL)]
        for connection in held:
            # What PgBouncer itself sets for whoever comes next is left out.
            state = connection.execute(
                "SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'),"
                " current_setting('lock_timeout'), current_setting('TimeZone'),"
                " (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors),"
                " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),"
                " (SELECT count(*) FROM pg_class WHERE relpersistence = 't')"
            ).fetchone()
            assert state == ("15s", "30s", "0", "Pacific/Auckland", 0, 0, 0, 0)
        assert len({connection.execute("SELECT pg_backend_pid()").fetchone() for connection in held}) == POOL


def test_after_a_restart_of_the_database_everybody_is_served_again(
    service: Service, database: PostgreSQL, books: Books
) -> None:
    token = signed_in(service, "user@example.com")
    database.stop()
    answers = [service.ask("GET", BOOKS, token=token) for _ in range(8)]
    assert {(answer.status, answer.body["code"]) for answer in answers} == {(503, "database_unavailable")}
    database.start()
    wait_until("the database is back", lambda: service.ask("GET", BOOKS, token=token).status == 200, 60)
    assert sorted(book["id"] for book in walked(service, "page_size=100", token)) == sorted(books)


def run(environment: dict[str, str], *arguments: str) -> str:
    """What `manage.py` says in that environment."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


def readyz(environment: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Status and body of `/readyz` in that environment, asked without a server."""
    program = (
        "import django; django.setup()\n"
        "from django.test import Client\n"
        "answer = Client().get('/readyz'); print(answer.status_code, answer.content.decode())"
    )
    command = [sys.executable, "-c", program]
    said = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    status, _, body = said.strip().rpartition("\n")[2].partition(" ")
    return int(status), json.loads(body)


def test_the_documented_set_up_is_well(service: Service, environment: dict[str, str]) -> None:
    answer = service.ask("GET", "/readyz")
    assert (answer.status, answer.body["checks"]["pooler"]) == (200, "ok")
    assert answer.body["checks"]["database"] == answer.body["checks"]["migrations"] == "ok"
    assert "PgBouncer" not in run(environment, "check", "--deploy")


def test_a_pooler_that_nobody_told_of_is_named(
    environment: dict[str, str], folder: Path, database: PostgreSQL, pooler: PgBouncer
) -> None:
    # It refuses our start-up options: nothing is served, and the reason is told.
    unaware = {**environment, "DATABASE_POOLER": "none"}
    status, body = readyz(unaware)
    assert (status, body["checks"]["database"]) == (503, "unavailable")
    assert body["checks"]["pooler"] == "PgBouncer, without DATABASE_POOLER=transaction"
    # It drops them: requests would be answered, some of them wrongly.
    (folder / "second").mkdir()
    lenient = PgBouncer(folder / "second", database, "ignore_startup_parameters = options")
    lenient.start()
    try:
        unaware |= {"DATABASE_URL": lenient.url(), "DATABASE_REPLICA_URL": ""}
        service = Service(unaware, workers=1, log=folder / "unaware.log")
        service.start()
        try:
            answer = service.ask("GET", "/readyz")
        finally:
            service.stop()
    finally:
        lenient.stop()
    assert (answer.status, answer.body["status"]) == (200, "degraded")
    assert answer.body["checks"]["pooler"] == "PgBouncer, without DATABASE_POOLER=transaction"
    lines = [json.loads(line) for line in (folder / "unaware.log").read_text().splitlines()]
    (told,) = [line for line in lines if line["logger"] == "config.serve"]
    assert "PgBouncer, without DATABASE_POOLER=transaction" in told["message"]


def test_a_role_without_time_outs_is_told_of_with_the_statement_that_it_lacks(
    environment: dict[str, str], pooler: PgBouncer
) -> None:
    careless = {**environment, "DATABASE_URL": pooler.url("careless")}
    status, body = readyz(careless)
    assert (status, body["status"]) == (200, "degraded")
    assert body["checks"]["pooler"] == "the role lacks statement_timeout, idle_in_transaction_session_timeout"
    said = " ".join(run(careless, "check", "--deploy").split())
    assert "ALTER ROLE \"careless\" SET statement_timeout = '15s';" in said
    assert "ALTER ROLE \"careless\" SET idle_in_transaction_session_timeout = '30s';" in said


def test_a_database_without_a_pooler_is_taken_for_one_without(
    environment: dict[str, str], database: PostgreSQL
) -> None:
    direct = {
        **environment,
        "DATABASE_POOLER": "none",
        "DATABASE_URL": database.url("books"),
        "DATABASE_REPLICA_URL": "",
    }
    status, body = readyz(direct)
    assert (status, body["checks"]["pooler"]) == (200, "ok")
