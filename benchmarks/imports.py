"""Benchmark of catalogue import against PostgreSQL's COPY of the same rows into the same tables."""

import csv
import re
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.databases import Copy
from benchmarks.service import Service
from benchmarks.tables import Table, spread

COLUMNS = (
    *("isbn", "title", "subtitle", "authors", "publisher", "published_year"),
    *("language", "page_count", "rating", "subjects", "description"),
)


def write_csv(file: Path, books: Iterable[dict[str, Any]]) -> None:
    """A catalogue of books as the API tells them."""
    with file.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        for book in books:
            lists = {name: "; ".join(book[name]) for name in ("authors", "subjects")}
            writer.writerow(book | lists)


def importing(service: Service, file: Path, preset: str, rounds: int) -> Table:
    """Rows/s of `import_books` and of COPY, each into a database of its own, in interleaved rounds."""
    imports: list[float] = []
    copies: list[float] = []
    options = ["--preset", preset] if preset else []
    rows = 0
    for _ in range(rounds):
        filled = service.databases.create(service.empty)
        told = service.manage("import_books", str(file), *options, database=filled)
        rows = _told(told, "created")
        imports.append(_told(told, "rows/s"))
        if service.databases.is_postgresql:
            copy, empty = Copy(filled), service.databases.create(service.empty)
            began = time.perf_counter()
            copy.into(empty)
            copies.append(rows / (time.perf_counter() - began))
            service.databases.drop(empty)
        service.databases.drop(filled)
    table = Table(f"Importing {rows:,} books", ("how", "rows/s (min-max)", "of COPY"))
    ratio = f"1/{median(c / i for c, i in zip(copies, imports, strict=True)):.1f}" if copies else "-"
    table.rows.append(("manage.py import_books", spread(imports), ratio))
    if copies:
        table.rows.append(("COPY into the same tables", spread(copies), "1"))
    else:
        table.notes.append("SQLite has no COPY to compare with.")
    return table


def _told(report: str, name: str) -> int:
    """A figure of the command's summary."""
    found = re.search(rf"^{name}\s+([\d,]+)", report, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"import_books told no {name}.")
    return int(found[1].replace(",", ""))
