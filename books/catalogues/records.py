"""Where does each row of a CSV file begin and end? Also in files where one quote is never closed."""

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TextIO

MAX_RECORD = 1 << 20  # characters; a quote that is not closed within so many never is

BAD_QUOTES = 'A quoted cell is not closed properly: end it with a quote, and write quotes inside it twice ("").'
TOO_LONG = f"The row is longer than {MAX_RECORD:,} characters."

_LINE_ENDS = ("\n", "\r")


@dataclass(frozen=True, slots=True)
class Record:
    """One row as it stands in the file.

    `line` is the physical line it starts in, from 1. `fault` says why it could not be read; the cells are then a guess.
    `cut` is true when the file ends within the row's last line, as all truncated files do and some whole ones.
    """

    line: int
    cells: list[str]
    fault: str = ""
    cut: bool = False


def decoded(binary: IO[bytes], encoding: str) -> TextIO:
    """The text of `binary`. UTF-8 may begin with a byte order mark. Bytes that mean nothing become low surrogates,
    which no text has. Raises LookupError when there is no such encoding."""
    name = codecs.lookup(encoding).name
    return io.TextIOWrapper(binary, "utf-8-sig" if name == "utf-8" else name, errors="books.undecodable", newline="")


def _undecodable(error: UnicodeError) -> tuple[str, int]:
    # Python's own surrogateescape gives up on bytes below 128, which can be wrong in UTF-16.
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("books.undecodable", _undecodable)


def physical_lines(text: TextIO) -> Iterator[str]:
    """The lines of `text` with their ends. Of a line beyond all measure only the beginning."""
    while line := text.readline(MAX_RECORD + 1):
        rest = line
        while len(rest) > MAX_RECORD and not rest.endswith(_LINE_ENDS):
            rest = text.readline(MAX_RECORD + 1)
        yield line


def read_records(lines: Iterable[str], delimiter: str = ",") -> Iterator[Record]:
    """The rows of a CSV file (RFC 4180) from its physical lines, without blank ones; holds one row at a time.

    When a row cannot be read, its first line alone is given up: reading goes on with the line after it, so a quote that
    is never closed does not swallow the rest of the file.
    """
    csv.field_size_limit(MAX_RECORD)
    source = _Source(lines)
    while True:
        try:
            for cells in csv.reader(source, delimiter=delimiter, strict=True):
                line, cut = source.finish()
                if len(cells) > 1 or any(map(str.strip, cells)):
                    yield Record(line, cells, cut=cut)
            return
        except (csv.Error, _TooLongError) as error:
            at_end = "end of data" in str(error)
            line, text = source.give_up()
            fault = TOO_LONG if len(text) > MAX_RECORD else BAD_QUOTES
            cells = next(csv.reader([text[:MAX_RECORD].rstrip("\r\n")], delimiter=delimiter), [])
            yield Record(line, cells, fault, cut=at_end and not text.endswith(_LINE_ENDS))


class _TooLongError(Exception):
    """More characters than a row may have."""


class _Source:
    """Lines for csv.reader, which remembers those of the row at hand and can go back to its second one."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._size = 0
        self._first = 1

    def __iter__(self) -> "_Source":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self._taken.append(line)
        self._size += len(line)
        if self._size > MAX_RECORD:
            raise _TooLongError
        return line

    def finish(self) -> tuple[int, bool]:
        """The row at hand is read. Its first line's number, and whether the last one lacks an end."""
        line, cut = self._first, not self._taken[-1].endswith(_LINE_ENDS)
        self._start_at(line + len(self._taken))
        return line, cut

    def give_up(self) -> tuple[int, str]:
        """The row at hand cannot be read. Its first line's number and text; those after it come again."""
        line, text = self._first, self._taken[0]
        self._again.extendleft(reversed(self._taken[1:]))
        self._start_at(line + 1)
        return line, text

    def _start_at(self, line: int) -> None:
        self._taken.clear()
        self._size = 0
        self._first = line
