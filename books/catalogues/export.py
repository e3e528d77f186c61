r"""How is the catalogue written as CSV, so that a spreadsheet does no harm with it and `import_books` reads it back?

A cell that a spreadsheet would take for a formula gets an apostrophe before it, as does one that looks as if it had got
one already; and so does what follows a semicolon, a tab or a line break inside of it, where spreadsheets of countries
with a decimal comma begin another cell. Names in a list stand between semicolons; one inside a name is written `\;`.
`plain_cell` and `split_names` undo both, for files with our own columns.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from books.catalogues.presets import FIELDS

COLUMNS = tuple("author_names" if name == "authors" else name for name in FIELDS)
"""What is read of a book, in the order of the columns."""

# OWASP, "CSV Injection"; the wide signs count in Japanese spreadsheets.
_SIGNS = r"=+\-@＝＋－＠"  # noqa: RUF001
_FORMULA = re.compile(rf"'*\s*[{_SIGNS}\t\r]")
_INNER = re.compile(rf"(?<=[;\t\r\n])(?='* *[{_SIGNS}])")
_GUARDED_INNER = re.compile(rf"(?<=[;\t\r\n])'(?='* *[{_SIGNS}])")
_BETWEEN_NAMES = re.compile(r"(?<!\\);")


class _Line:
    """What csv.writer writes to: it hands the line on instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The file, line by line, of rows with COLUMNS. It begins with a byte order mark, for spreadsheets."""
    writer = csv.writer(_Line())
    yield "\ufeff" + writer.writerow(FIELDS)
    for row in rows:
        yield writer.writerow([guarded_cell(_text(row[name])) for name in COLUMNS])


def guarded_cell(text: str) -> str:
    """`text` as no spreadsheet takes it for a formula."""
    text = _INNER.sub("'", text)
    return f"'{text}" if _FORMULA.match(text) else text


def plain_cell(text: str) -> str:
    """What `guarded_cell` was given."""
    if text.startswith("'") and _FORMULA.match(text, 1):
        text = text[1:]
    return _GUARDED_INNER.sub("", text)


def split_names(text: str) -> list[str]:
    """The names of a list, as they stand in a cell of ours."""
    return [name.replace("\\;", ";") for name in _BETWEEN_NAMES.split(text)]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(map(_name, value))
    return "" if value is None else str(value)


def _name(name: Any) -> str:
    escaped = str(name).replace(";", "\\;")
    # A blank keeps a backslash at the end from the semicolon after it.
    return f"{escaped} " if escaped.endswith("\\") else escaped
