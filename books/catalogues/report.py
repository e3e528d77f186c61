"""Counts of the outcomes and notes of the rows of a file."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator

from books.catalogues.rows import Outcome, Row


class Report:
    """Counter of outcomes and notes; measures the time since it was made."""

    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.notes: Counter[str] = Counter()
        self._first_line: dict[str, int] = {}
        self._began = time.monotonic()

    def add(self, rows: Iterable[Row]) -> None:
        """Count rows. Raises ValueError for a row without outcome."""
        for row in rows:
            if row.outcome is None:
                raise ValueError(f"The row in line {row.line} has no outcome.")
            self.outcomes[row.outcome] += 1
            for note in row.notes:
                self.notes[note] += 1
                self._first_line.setdefault(note, row.line)

    @property
    def read(self) -> int:
        """Number of rows."""
        return self.outcomes.total()

    def lines(self) -> Iterator[str]:
        """The summary, as a table."""
        seconds = time.monotonic() - self._began
        yield f"{'read':<10}{self.read:>12,}"
        for outcome in Outcome:
            yield f"{outcome:<10}{self.outcomes[outcome]:>12,}"
        yield f"{'seconds':<10}{seconds:>12,.1f}"
        yield f"{'rows/s':<10}{self.read / max(seconds, 0.001):>12,.0f}"
        for note, count, line in self.remarks():
            yield f"  {note}: {count:,} (first in line {line})"

    def remarks(self) -> Iterator[tuple[str, int, int]]:
        """The notes, the most frequent first: text, count, first line."""
        for note, count in self.notes.most_common():
            yield note, count, self._first_line[note]
