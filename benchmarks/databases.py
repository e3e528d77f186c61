"""Temporary PostgreSQL databases for benchmarks."""

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
from psycopg import sql

TABLES = ("books_author", "books_book", "books_authorship")


class Databases:
    """Scratch databases beside DATABASE_URL's on PostgreSQL, or SQLite files in `folder`. None is shared."""

    def __init__(self, folder: Path) -> None:
        given = os.environ.get("DATABASE_URL", "")
        self.is_postgresql = urlsplit(given).scheme in ("postgresql", "postgres")
        self._given, self._folder, self._made = given, folder, list[str]()

    def __str__(self) -> str:
        return "PostgreSQL (DATABASE_URL)" if self.is_postgresql else "SQLite (no DATABASE_URL of PostgreSQL)"

    def create(self, template: str = "") -> str:
        """The URL of a new database: empty, or a copy of the one at `template`."""
        name = f"books_benchmark_{secrets.token_hex(4)}"
        if self.is_postgresql:
            origin = sql.Identifier(_name(template) if template else "template1")
            self._run(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), origin))
            url = urlsplit(self._given)._replace(path=f"/{name}").geturl()
        else:
            file = self._folder / f"{name}.sqlite3"
            if template:
                shutil.copy(template.removeprefix("sqlite:///"), file)
            url = f"sqlite:///{file}"
        self._made.append(url)
        return url

    def drop(self, url: str) -> None:
        """Delete one of them. SQLite's files go with their folder."""
        if self.is_postgresql:
            self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(_name(url))))
        self._made.remove(url)

    def drop_all(self) -> None:
        """Delete all that are left."""
        for url in [*self._made]:
            self.drop(url)

    def analyze(self, url: str) -> None:
        """Let the planner know what is in it, as autovacuum does in time."""
        if self.is_postgresql:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")

    def cpu_seconds(self, url: str) -> float | None:
        """CPU of the server processes of the connections to `url`; None on SQLite, or when they run elsewhere."""
        if not self.is_postgresql:
            return None
        with psycopg.connect(url, autocommit=True) as connection:
            rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()").fetchall()
            own = connection.info.backend_pid
        total, seen = 0.0, False
        for (pid,) in rows:
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                if not process.name().startswith("postgres"):
                    return None
                seen = True
                total += sum(process.cpu_times()[:2]) if pid != own else 0.0
        return total if seen else None

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._given, autocommit=True) as connection:
            connection.execute(statement)


class Copy:
    """PostgreSQL's COPY of the rows that an import made: the yardstick for the import."""

    def __init__(self, imported: str) -> None:
        """Keep what is in the tables at `imported`, generated columns apart."""
        self._tables: list[tuple[sql.Composed, bytes]] = []
        with psycopg.connect(imported) as connection:
            for table in TABLES:
                found: list[Any] = connection.execute(
                    "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() "
                    "AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
                    [table],
                ).fetchall()
                columns = sql.SQL(", ").join(sql.Identifier(name) for (name,) in found)
                target = sql.SQL("{} ({})").format(sql.Identifier(table), columns)
                with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(target)) as copy:
                    self._tables.append((target, b"".join(bytes(part) for part in copy)))

    def into(self, empty: str) -> None:
        """COPY it into the same tables, with their indexes and constraints, in one transaction."""
        with psycopg.connect(empty) as connection, connection.cursor() as cursor:
            for target, rows in self._tables:
                with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(target)) as copy:
                    copy.write(rows)


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")
