"""What becomes of an uploaded catalogue? Read with the parts of `import_books`, told so that a session can keep it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, TypedDict

from django.db import reset_queries

from books.catalogues.layout import Layout, UnreadableError
from books.catalogues.loading import Loader, batches
from books.catalogues.presets import OWN, PRESETS
from books.catalogues.records import decoded, physical_lines, read_records
from books.catalogues.report import Report
from books.catalogues.rows import Outcome, Row
from books.catalogues.seen import Seen

FIRST_ROWS = 10
MAX_REJECTS = 100
MAX_CELLS = 120  # characters of a rejected row

# The options of the command as our form calls them.
_ON_THE_FORM = {"--map": "“columns with other names”", "--delimiter": "the delimiter", "--encoding": "the encoding"}


class BadFileError(Exception):
    """Nothing can be read from it; the text says why."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a file is to be read, as the form asks."""

    preset: str
    delimiter: str
    encoding: str
    columns: Mapping[str, Sequence[str]]


class Account(TypedDict):
    """What became of the rows, or would."""

    counts: list[tuple[str, int]]
    remarks: list[tuple[str, int, int]]
    ignored: list[str]
    first: list[dict[str, Any]]
    rejects: list[tuple[int, str, str]]
    more_rejects: int


def read(binary: BinaryIO, wishes: Wishes, *, by: str, dry_run: bool) -> Account:
    """Import a file, or find out what would happen. Raises BadFileError; DatabaseError when that fails.

    What reading `binary` raises beside OSError comes through.
    """
    report = Report()
    first: list[Row] = []
    rejected: list[Row] = []
    with Seen() as seen:
        try:
            text = decoded(binary, wishes.encoding)
            records = read_records(physical_lines(text), wishes.delimiter)
            layout = Layout.of(next(records, None), PRESETS.get(wishes.preset, OWN), wishes.columns)
        except (UnreadableError, LookupError, OSError, UnicodeError) as error:
            raise BadFileError(_in_words_of_the_form(str(error))) from None
        loader = Loader(seen, dry_run=dry_run, by=by)
        for batch in batches(map(layout.read, records)):
            loader.load(batch)
            report.add(batch)
            first += batch[: FIRST_ROWS - len(first)]
            rejected += [row for row in batch if row.outcome is Outcome.REJECTED][: MAX_REJECTS - len(rejected)]
            # With debug on Django would keep every statement.
            reset_queries()
    return {
        "counts": [("read", report.read), *((str(outcome), report.outcomes[outcome]) for outcome in Outcome)],
        "remarks": list(report.remarks()),
        "ignored": layout.ignored[:100],
        "first": [_shown(row) for row in first],
        "rejects": [(row.line, row.reason, _legible(row)) for row in rejected],
        "more_rejects": report.outcomes[Outcome.REJECTED] - len(rejected),
    }


def _in_words_of_the_form(sentence: str) -> str:
    for option, words in _ON_THE_FORM.items():
        sentence = sentence.replace(option, words)
    return sentence


def _shown(row: Row) -> dict[str, Any]:
    values = {name: "" if value is None else str(value) for name, value in row.values.items()}
    authors = ", ".join(row.values.get("author_names", ()))
    return {"line": row.line, "outcome": str(row.outcome), "notes": row.notes, **values, "authors": authors}


def _legible(row: Row) -> str:
    """The beginning of its cells. Bytes that are no text become question marks: no page can show them."""
    return " | ".join(row.cells)[:MAX_CELLS].replace("\0", "?").encode("utf-8", "replace").decode()
