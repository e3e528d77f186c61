"""Result tables as text and Markdown: medians with minimum and maximum."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Table:
    """Figures of one kind. `head` names the columns with their units; `notes` follow the table."""

    title: str
    head: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """For a terminal: the first column to the left, figures to the right."""
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]

        def line(cells: Sequence[str]) -> str:
            first, *others = [
                cell.rjust(width) if place else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ]
            return "  ".join([first, *others]).rstrip()

        rule = "  ".join("-" * width for width in widths)
        return "\n".join([f"== {self.title}", line(self.head), rule, *map(line, self.rows), *self.notes, ""])

    def markdown(self) -> str:
        """For a document."""
        rule = ["---", *["---:"] * (len(self.head) - 1)]
        lines = [f"| {' | '.join(cells)} |" for cells in (self.head, rule, *self.rows)]
        return "\n".join([f"### {self.title}", "", *lines, "", *[f"{note}\n" for note in self.notes]])


def spread(values: Iterable[float], digits: int = 0) -> str:
    """Median, least and most: `612 (598-640)`."""
    known = sorted(values)
    return f"{median(known):,.{digits}f} ({known[0]:,.{digits}f}-{known[-1]:,.{digits}f})"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
