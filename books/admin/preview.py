"""Import of an uploaded catalogue, or a dry run of it, with a report that fits into a session."""

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
from books.catalogues.seen import SeenRows

FIRST_ROWS = 10
MAX_REJECTS = 100
MAX_CELLS = 120  # characters of a rejected row

# The options of the command as the form names them.
_FORM_NAMES = {"--map": "“columns with other names”", "--delimiter": "the delimiter", "--encoding": "the encoding"}


class BadFileError(Exception):
    """The file cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to read a file, as chosen in the form: name of the preset, delimiter, encoding, columns by field."""

    preset: str
    delimiter: str
    encoding: str
    columns: Mapping[str, Sequence[str]]


class Summary(TypedDict):
    """The outcomes of the rows, or those that an import would have.

    `remarks` are text, count and first line of each kind of note; `rejects` line, reason and beginning of a row.
    """

    counts: list[tuple[str, int]]
    remarks: list[tuple[str, int, int]]
    ignored: list[str]
    first: list[dict[str, Any]]
    rejects: list[tuple[int, str, str]]
    more_rejects: int


def read(binary: BinaryIO, options: ImportOptions, *, by: str, dry_run: bool) -> Summary:
    """Import a file; with `dry_run` only report what an import would do. Raises BadFileError, DatabaseError.

    Errors of reading `binary` other than OSError are not caught.
    """
    report = Report()
    first: list[Row] = []
    rejected: list[Row] = []
    with SeenRows() as seen:
        try:
            text = decoded(binary, options.encoding)
            records = read_records(physical_lines(text), options.delimiter)
            layout = Layout.of(next(records, None), PRESETS.get(options.preset, OWN), options.columns)
        except (UnreadableError, LookupError, OSError, UnicodeError) as error:
            raise BadFileError(_with_form_names(str(error))) from None
        loader = Loader(seen, dry_run=dry_run, by=by)
        for batch in batches(map(layout.read, records)):
            loader.load(batch)
            report.add(batch)
            first += batch[: FIRST_ROWS - len(first)]
            rejected += [row for row in batch if row.outcome is Outcome.REJECTED][: MAX_REJECTS - len(rejected)]
            # With DEBUG, Django keeps every statement.
            reset_queries()
    return {
        "counts": [("read", report.read), *((str(outcome), report.outcomes[outcome]) for outcome in Outcome)],
        "remarks": list(report.remarks()),
        "ignored": layout.ignored[:100],
        "first": [_shown(row) for row in first],
        "rejects": [(row.line, row.reason, _beginning(row)) for row in rejected],
        "more_rejects": report.outcomes[Outcome.REJECTED] - len(rejected),
    }


def _with_form_names(sentence: str) -> str:
    for option, name in _FORM_NAMES.items():
        sentence = sentence.replace(option, name)
    return sentence


def _shown(row: Row) -> dict[str, Any]:
    values = {name: "" if value is None else str(value) for name, value in row.values.items()}
    authors = ", ".join(row.values.get("author_names", ()))
    return {"line": row.line, "outcome": str(row.outcome), "notes": row.notes, **values, "authors": authors}


def _beginning(row: Row) -> str:
    """The beginning of its cells. Undecodable bytes become question marks, for a page cannot hold them."""
    return " | ".join(row.cells)[:MAX_CELLS].replace("\0", "?").encode("utf-8", "replace").decode()
