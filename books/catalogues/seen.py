"""Index of the rows of a file that were read, on disk, so that memory does not grow with the file."""

import sqlite3
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Self


class EarlierRow(NamedTuple):
    """An earlier row: its line, and its title and authors in the form that is compared."""

    line: int
    identity: str


class SeenRows:
    """Context manager of a mapping from keys to rows. Keys: an ISBN, a title with authors and year, the id of a book.

    It is a temporary SQLite database, deleted at the end.
    """

    def __init__(self) -> None:
        # An empty name is a private temporary file, with a cache of some megabytes at most.
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

    def get(self, key: str) -> EarlierRow | None:
        """The row with this key, or None."""
        row = self._database.execute("SELECT line, identity FROM seen WHERE key = ?", (key,)).fetchone()
        return EarlierRow(*row) if row else None

    def add(self, rows: Mapping[str, EarlierRow]) -> None:
        """Add rows by key."""
        self._database.execute("BEGIN")
        self._database.executemany(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", ((key, *earlier) for key, earlier in rows.items())
        )
        self._database.execute("COMMIT")
