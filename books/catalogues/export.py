r"""CSV export: safe in spreadsheets, and read back by `import_books` without loss.

An apostrophe goes before a cell that a spreadsheet would take for a formula, and before one that begins like a guarded
cell. The same holds after a semicolon, a tab or a line break inside a cell, where spreadsheets of countries with a
decimal comma begin another cell. Names in a list are separated by semicolons; a semicolon in a name is written `\;`.
`plain_cell` and `split_names` undo both, for files with our own columns.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from books.book_fields import FIELD_NAMES, TRACKED_FIELDS

# OWASP, "CSV Injection"; the wide signs count in Japanese spreadsheets.
_SIGNS = r"=+\-@＝＋－＠"  # noqa: RUF001
_FORMULA = re.compile(rf"'*\s*[{_SIGNS}\t\r]")
_INNER = re.compile(rf"(?<=[;\t\r\n])(?='* *[{_SIGNS}])")
_GUARDED_INNER = re.compile(rf"(?<=[;\t\r\n])'(?='* *[{_SIGNS}])")
_BETWEEN_NAMES = re.compile(r"(?<!\\);")


class _Line:
    """The target of csv.writer: it returns each line instead of storing it."""

    def write(self, line: str) -> str:
        return line


def lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The file, line by line, of rows with TRACKED_FIELDS. It begins with a byte order mark, for spreadsheets."""
    writer = csv.writer(_Line())
    yield "\ufeff" + writer.writerow(FIELD_NAMES)
    for row in rows:
        yield writer.writerow([guarded_cell(_text(row[name])) for name in TRACKED_FIELDS])


def guarded_cell(text: str) -> str:
    """`text` with an apostrophe wherever a spreadsheet would see a formula."""
    text = _INNER.sub("'", text)
    return f"'{text}" if _FORMULA.match(text) else text


def plain_cell(text: str) -> str:
    """The text that `guarded_cell` was given."""
    if text.startswith("'") and _FORMULA.match(text, 1):
        text = text[1:]
    return _GUARDED_INNER.sub("", text)


def split_names(text: str) -> list[str]:
    """The names in an exported cell of a list."""
    return [name.replace("\\;", ";") for name in _BETWEEN_NAMES.split(text)]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(map(_name, value))
    return "" if value is None else str(value)


def _name(name: Any) -> str:
    escaped = str(name).replace(";", "\\;")
    # A blank separates a backslash at the end from the semicolon that follows.
    return f"{escaped} " if escaped.endswith("\\") else escaped
