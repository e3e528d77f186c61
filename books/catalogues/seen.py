"""Which row of this file stood for which book already? On disk, so that memory does not grow with the file."""

import sqlite3
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Self


class Earlier(NamedTuple):
    """A row that came before: its line, and its title and authors in the form in which they are compared."""

    line: int
    identity: str


class Seen:
    """Rows by what they are known by: an ISBN, a title with authors and year, the id of a book.

    Use it as a context manager. It is a temporary SQLite database of its own, which goes when it is closed.
    """

    def __init__(self) -> None:
        # An empty name is a private file in the directory for temporary ones, with a cache of some megabytes at most.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, line INTEGER, identity TEXT) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()

    def get(self, key: str) -> Earlier | None:
        """The row known by `key`."""
        row = self._database.execute("SELECT line, identity FROM seen WHERE key = ?", (key,)).fetchone()
        return Earlier(*row) if row else None

    def add(self, rows: Mapping[str, Earlier]) -> None:
        """Remember rows by their keys."""
        self._database.execute("BEGIN")
        self._database.executemany(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", ((key, *earlier) for key, earlier in rows.items())
        )
        self._database.execute("COMMIT")
