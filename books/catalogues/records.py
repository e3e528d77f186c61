"""CSV record reader that recovers from unclosed quotes, in time linear in the length of the file."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TextIO

MAX_RECORD = 1 << 20  # characters; a quote that is not closed within them counts as unclosed

BAD_QUOTES = 'A quoted cell is not closed properly: end it with a quote, and write quotes inside it twice ("").'
TOO_LONG = f"The row is longer than {MAX_RECORD:,} characters."

_LINE_ENDS = ("\n", "\r")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the file.

    `line` is the physical line it starts in, from 1. `fault` says why it could not be read; the cells are then a guess.
    `cut`: the last line has no line end, as in all truncated files and some complete ones.
    """

    line: int
    cells: list[str]
    fault: str = ""
    cut: bool = False


def decoded(binary: IO[bytes], encoding: str) -> TextIO:
    """The text of `binary`. UTF-8 may begin with a byte order mark. Undecodable bytes become low surrogates.

    Raises LookupError for an unknown encoding.
    """
    name = codecs.lookup(encoding).name
    return io.TextIOWrapper(binary, "utf-8-sig" if name == "utf-8" else name, errors="books.undecodable", newline="")


def _undecodable(error: UnicodeError) -> tuple[str, int]:
    # surrogateescape of Python fails for bytes below 128, which can be undecodable in UTF-16.
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("books.undecodable", _undecodable)


def physical_lines(text: TextIO) -> Iterator[str]:
    """The lines of `text` with their ends; of a line longer than MAX_RECORD only the beginning."""
    while line := text.readline(MAX_RECORD + 1):
        rest = line
        while len(rest) > MAX_RECORD and not rest.endswith(_LINE_ENDS):
            rest = text.readline(MAX_RECORD + 1)
        yield line


def read_records(lines: Iterable[str], delimiter: str = ",") -> Iterator[Record]:
    """The records of a CSV file (RFC 4180) from its physical lines, without blank ones; holds one at a time.

    If a record cannot be read, only its first line is skipped, so that an unclosed quote does not hide the rest of the
    file. No line is parsed more than three times: see `_salvaged`.
    """
    csv.field_size_limit(MAX_RECORD)
    source = _Source(lines)
    while True:
        try:
            for cells in csv.reader(source, delimiter=delimiter, strict=True):
                line, taken = source.finish()
                if record := _record(line, cells, taken[-1]):
                    yield record
            return
        except (csv.Error, _TooLongError) as error:
            line, taken = source.give_up(is_end="end of data" in str(error))
            yield _faulty(line, taken[0], delimiter)
            yield from _salvaged(line + 1, taken[1:], delimiter)


def _salvaged(first: int, lines: Sequence[str], delimiter: str) -> Iterator[Record]:
    """The records among `lines`, which were read as the inside of an unclosed quoted cell.

    Each line is either a complete record or ends inside a quoted cell. In the second case the parser is in the same
    state at the end of the line as before, so it would fail at the same place; reading on would take quadratic time.
    (If it failed for the length of the record alone, a shorter one might have ended in time; that is not tried.)
    """
    for line, text in enumerate(lines, first):
        try:
            for cells in csv.reader([text], delimiter=delimiter, strict=True):
                if record := _record(line, cells, text):
                    yield record
        except csv.Error:
            yield _faulty(line, text, delimiter)


def _record(line: int, cells: list[str], last: str) -> Record | None:
    """The record that begins in `line` and ends in the physical line `last`; None for a blank one."""
    if len(cells) > 1 or any(map(str.strip, cells)):
        return Record(line, cells, cut=not last.endswith(_LINE_ENDS))
    return None


def _faulty(line: int, text: str, delimiter: str) -> Record:
    """The record of a line that cannot be read; only the last line of a file has no line end."""
    fault = TOO_LONG if len(text) > MAX_RECORD else BAD_QUOTES
    cells = next(csv.reader([text[:MAX_RECORD].rstrip("\r\n")], delimiter=delimiter), [])
    return Record(line, cells, fault, cut=not text.endswith(_LINE_ENDS))


class _TooLongError(Exception):
    """The record is longer than MAX_RECORD."""


class _Source:
    """Iterator of lines for csv.reader that records the lines of the current record and can push back the last one."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: list[str] = []
        self._taken: list[str] = []
        self._size = 0
        self._first = 1

    def __iter__(self) -> "_Source":
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        self._taken.append(line)
        self._size += len(line)
        if self._size > MAX_RECORD:
            raise _TooLongError
        return line

    def finish(self) -> tuple[int, list[str]]:
        """End the current record; returns the number of its first line, and its lines."""
        line, taken = self._first, self._taken
        self._begin(line + len(taken))
        return line, taken

    def give_up(self, *, is_end: bool) -> tuple[int, list[str]]:
        """Give up the current record; returns the number of its first line, and its lines.

        The line that showed the fault is pushed back, unless it is the only one or the file ended (`is_end`).
        """
        line, taken = self._first, self._taken
        if len(taken) > 1 and not is_end:
            self._again.append(taken.pop())
        self._begin(line + len(taken))
        return line, taken

    def _begin(self, line: int) -> None:
        self._taken = []
        self._size = 0
        self._first = line
