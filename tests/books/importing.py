"""Runs `import_books` on small files, and reads what it said."""

import csv
import re
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from django.core.management import call_command

OUTCOMES = ("created", "updated", "unchanged", "rejected")

_COUNT = re.compile(r"^(read|created|updated|unchanged|rejected) +([0-9,]+)$", re.MULTILINE)


@dataclass
class Imported:
    """What an import said: all of it, the counts of its summary, and the rows of its rejects file."""

    said: str
    counts: dict[str, int]
    rejects: list[dict[str, str]]

    @property
    def happened(self) -> dict[str, int]:
        """The outcomes that occurred."""
        return {name: self.counts[name] for name in OUTCOMES if self.counts[name]}

    @property
    def reasons(self) -> dict[int, str]:
        """Why rows were rejected, by line."""
        return {int(row["line"]): row["reason"] for row in self.rejects}


def import_file(path: Path | str, *options: str, rejects: Path | None = None) -> Imported:
    """Import a file. The counts must account for every row."""
    out = StringIO()
    more = ("--rejects", str(rejects)) if rejects else ()
    call_command("import_books", str(path), *options, *more, stdout=out, stderr=out)
    counts = {name: int(count.replace(",", "")) for name, count in _COUNT.findall(out.getvalue())}
    if counts:
        assert counts["read"] == sum(counts[name] for name in OUTCOMES)
    rows = list(csv.DictReader(StringIO(rejects.read_text("utf-8"), newline=""))) if rejects else []
    assert not rejects or len(rows) == counts["rejected"]
    return Imported(out.getvalue(), counts, rows)


def import_text(tmp_path: Path, text: str | bytes, *options: str) -> Imported:
    """Import a file with this content."""
    path = tmp_path / "catalogue.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_file(path, *options, rejects=tmp_path / "rejects.csv")
