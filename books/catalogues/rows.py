"""What is known of one row on its way into the catalogue?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What became of a row. Every row has exactly one."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


class RejectedError(Exception):
    """This row cannot become a book; the text is a reason a person can act on."""


@dataclass(slots=True)
class Row:
    """A row: where it starts, what stood in it, and what it says about a book.

    `values` are ready for the columns of Book, and only those the row has: an empty cell, or one whose value had to be
    left out, says nothing. `notes` are kinds of remarks, to be counted.
    """

    line: int
    cells: Sequence[str]
    values: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    outcome: Outcome | None = None
    reason: str = ""

    def reject(self, reason: str) -> None:
        """It goes no further."""
        self.outcome, self.reason = Outcome.REJECTED, reason
