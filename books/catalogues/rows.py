"""Data class of one row of an import, and its outcome."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """Outcome of a row; each row has exactly one."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


class RejectedError(Exception):
    """The row cannot become a book; the text is a reason that a person can act on."""


@dataclass(slots=True)
class Row:
    """A row: the line it starts in, its cells, and the values of a book.

    `values` are values of columns of Book; an empty cell, or one whose value had to be left out, has none. `notes` are
    kinds of remarks, to be counted.
    """

    line: int
    cells: Sequence[str]
    values: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    outcome: Outcome | None = None
    reason: str = ""

    def reject(self, reason: str) -> None:
        """Set the outcome to rejected."""
        self.outcome, self.reason = Outcome.REJECTED, reason
