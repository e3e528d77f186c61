"""CSV file of rejected rows, which can be corrected and imported: line, reason, cells."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from books.catalogues.rows import Outcome, Row

SHOWN = 5  # reasons that are kept without a file


class Rejects:
    """Context manager that writes rejected rows to `path`; without a path it keeps the first SHOWN reasons.

    `header` is that of the imported file. Raises OSError when the file cannot be written.
    """

    def __init__(self, path: str | None, header: Sequence[str]) -> None:
        self._first: list[str] = []
        self._count = 0
        self._path = path
        self._file = open(path, "w", encoding="utf-8", newline="") if path else None  # noqa: SIM115  (closed on exit)
        self._writer = csv.writer(self._file) if self._file else None
        if self._writer:
            self._writer.writerow(["line", "reason", *map(_legible, header)])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def add(self, rows: Iterable[Row]) -> None:
        """Write or keep the rejected ones of `rows`."""
        for row in rows:
            if row.outcome is not Outcome.REJECTED:
                continue
            self._count += 1
            if self._writer:
                self._writer.writerow([row.line, row.reason, *map(_legible, row.cells)])
            elif len(self._first) < SHOWN:
                self._first.append(f"Line {row.line}: {row.reason}")

    def lines(self) -> Iterator[str]:
        """Lines for the summary."""
        if self._path:
            yield f"Rejected rows are in {self._path}: correct them there, and import that file."
        elif self._count:
            yield from self._first
            if self._count > len(self._first):
                yield f"... and {self._count - len(self._first):,} more; --rejects FILE keeps them all, with the rows."


def _legible(cell: str) -> str:
    r"""`cell` as text that UTF-8 can hold; undecodable bytes appear as \xe9."""
    return (
        "".join([f"\\x{ord(sign) - 0xDC00:02x}" if "\udc00" <= sign <= "\udcff" else sign for sign in cell])
        .encode("utf-8", "backslashreplace")
        .decode()
    )
