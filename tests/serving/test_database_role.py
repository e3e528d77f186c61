"""The service works with a database role that has rights to rows only; migrations belong to the owner.

A real PostgreSQL of our own, which asks the service's role for its password.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from config.postgresql.pooler import TIMEOUTS
from local_cognito import demo
from local_cognito.server import LocalCognito
from tests.faults.services import PostgreSQL, program
from tests.service import ROOT, Service, production

BOOKS = "/api/v1/books/"
ROLE, PASSWORD, ANOTHER = "books_service", "A1b2C3d4E5f6G7h8", "Z9y8X7w6V5u4T3s2"


class Guarded(PostgreSQL):
    """A PostgreSQL that trusts everybody but the service's role, and logs every statement."""

    def _make(self) -> None:
        super()._make()
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"host all {ROLE} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write("log_statement = 'all'\n")

    def service_url(self, password: str = PASSWORD) -> str:
        """DATABASE_URL of the service's role."""
        return f"postgresql://{ROLE}:{password}@127.0.0.1:{self.port}/books"

    def log(self) -> str:
        """What the server has written."""
        return self._log.read_text()


@pytest.fixture(scope="module")
def server() -> Iterator[Guarded]:
    """The server, running, with an empty database whose owner may make roles, as the master user of RDS may."""
    try:
        program("initdb")
    except AssertionError:
        pytest.skip("PostgreSQL's programs are not here: apt-get install postgresql")
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        running = Guarded(Path(name))
        running.start()
        running.execute(f"CREATE ROLE {running.role} LOGIN CREATEROLE")
        running.execute(f"CREATE DATABASE books OWNER {running.role}")
        yield running
        running.stop()


@pytest.fixture(scope="module")
def owner(stand_in: LocalCognito, tmp_path_factory: pytest.TempPathFactory, server: Guarded) -> dict[str, str]:
    """The environment of one-off commands: the owner's database, and the role to make."""
    stand_in.reset()
    urls = {"DATABASE_URL": server.url("books"), "DATABASE_SERVICE_URL": server.service_url()}
    environment = production(stand_in, tmp_path_factory.mktemp("role") / "unused", **urls)
    for command in (["migrate", "-v", "0"], ["database_role"]):
        assert run(environment, *command).returncode == 0
    return environment


def run(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_service_does_all_its_work_with_rights_to_rows(owner: dict[str, str], server: Guarded) -> None:
    environment = {**owner, "DATABASE_URL": server.service_url()}
    del environment["DATABASE_SERVICE_URL"]
    assert run(environment, "import_books", "books/sample_catalogue.csv").returncode == 0
    service = Service(environment, workers=1)
    service.start()
    try:
        uma = {"email": "user@example.com", "password": demo.PASSWORD}
        tokens = service.ask("POST", "/api/v1/accounts/sign-in/", uma).body
        token = tokens["access_token"]
        added = service.ask("POST", BOOKS, {"title": "Kindred", "authors": ["Octavia E. Butler"]}, token)
        assert added.status == 201
        path = f"{BOOKS}{added.body['id']}/"
        assert service.ask("PATCH", path, {"published_year": 1979}, token).body["published_year"] == 1979
        found = service.ask("GET", f"{BOOKS}?search=kindred").body["results"]
        assert [book["title"] for book in found] == ["Kindred"]
        assert service.ask("DELETE", path, token=token).status == 204
        out = {"refresh_token": tokens["refresh_token"]}
        assert service.ask("POST", "/api/v1/accounts/sign-out/", out, token).status == 204
        assert service.ask("GET", "/api/v1/accounts/me/", token=token).body["code"] == "token_revoked"
        assert service.ask("GET", "/readyz").body["checks"]["migrations"] == "ok"
    finally:
        service.stop()
    assert run(environment, "clearsessions").returncode == 0


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "DROP TABLE books_book",
        "ALTER TABLE books_book ADD COLUMN mine int",
        "TRUNCATE books_book CASCADE",
        "CREATE ROLE mine",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('books', '9999', now())",
        "SELECT * FROM pg_authid",
    ],
)
def test_and_may_do_nothing_else(owner: dict[str, str], server: Guarded, statement: str) -> None:
    with psycopg.connect(server.service_url()) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


def test_a_table_of_the_next_migration_is_open_to_it(owner: dict[str, str], server: Guarded) -> None:
    with psycopg.connect(server.url("books"), autocommit=True) as connection:
        connection.execute("CREATE TABLE shelves (id bigint GENERATED BY DEFAULT AS IDENTITY, name text)")
    with psycopg.connect(server.service_url(), autocommit=True) as connection:
        connection.execute("INSERT INTO shelves (name) VALUES ('Fiction')")
        assert connection.execute("SELECT count(*) FROM shelves").fetchone() == (1,)
        assert connection.execute("SELECT nextval(pg_get_serial_sequence('shelves', 'id'))").fetchone() == (2,)


def test_it_has_the_time_outs_that_no_pooler_passes_on(owner: dict[str, str], server: Guarded) -> None:
    with psycopg.connect(server.service_url()) as connection:
        for name, value in TIMEOUTS.items():
            assert connection.execute("SELECT current_setting(%s)", [name]).fetchone() == (value,)


def test_another_password_replaces_the_former_one(owner: dict[str, str], server: Guarded) -> None:
    again = run({**owner, "DATABASE_SERVICE_URL": server.service_url(ANOTHER)}, "database_role")
    assert (again.returncode, again.stderr) == (0, "")
    with psycopg.connect(server.service_url(ANOTHER)) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (ROLE,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.service_url())
    assert run(owner, "database_role").returncode == 0  # as it was, for the other tests


def test_the_password_reaches_no_log_of_the_server(owner: dict[str, str], server: Guarded) -> None:
    log = server.log()
    assert f'CREATE ROLE "{ROLE}" LOGIN PASSWORD \'SCRAM-SHA-256$' in log
    assert PASSWORD not in log


@pytest.mark.parametrize(
    "service, sentence",
    [
        ("", "DATABASE_SERVICE_URL must name the role and its password"),
        ("postgresql://books_service@127.0.0.1/books", "DATABASE_SERVICE_URL must name the role and its password"),
        ("postgresql://books:secret@127.0.0.1/books", "names the owner"),  # pragma: allowlist secret
    ],
)
def test_what_names_no_role_of_its_own_is_refused(
    stand_in: LocalCognito, tmp_path: Path, service: str, sentence: str
) -> None:
    urls = {"DATABASE_URL": "postgresql://books@127.0.0.1:9/books", "DATABASE_SERVICE_URL": service}
    answer = run(production(stand_in, tmp_path / "unused", **urls), "database_role")
    assert (answer.returncode, sentence in answer.stderr) == (1, True), answer.stderr
    assert "secret" not in answer.stderr


def test_sqlite_has_no_roles(stand_in: LocalCognito, tmp_path: Path) -> None:
    answer = run(production(stand_in, tmp_path / "books.sqlite3"), "database_role")
    assert (answer.returncode, "other databases have no roles" in answer.stderr) == (1, True)
