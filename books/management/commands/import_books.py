"""`manage.py import_books FILE`: imports a CSV catalogue."""

import gc
import os
import stat
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import IO, Any, NoReturn

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, reset_queries
from tqdm import tqdm

from books.book_fields import FIELD_NAMES
from books.catalogues.layout import LISTS, Layout, UnreadableError
from books.catalogues.loading import Loader, ahead, batches
from books.catalogues.presets import OWN, PRESETS
from books.catalogues.records import decoded, physical_lines, read_records
from books.catalogues.rejects import Rejects
from books.catalogues.report import Report
from books.catalogues.rows import Row
from books.catalogues.seen import SeenRows
from books.models import Book

INTERRUPTED = 130  # the exit status shells expect after Ctrl-C


class Command(BaseCommand):
    """Imports in batches and reports the outcome of every row."""

    help = "Import a CSV catalogue with a header. Running it again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the arguments."""
        parser.add_argument("file", help="the CSV file; - is standard input")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help=f"the column of a field, if it has another name; may be repeated. Fields: {', '.join(FIELD_NAMES)}",
        )
        parser.add_argument(
            "--separator",
            action="append",
            default=[],
            metavar="FIELD=TEXT",
            help="separator of authors or of subjects (;)",
        )
        parser.add_argument("--delimiter", default=",", metavar="C", help=r"delimiter of columns (,); \t is a tab")
        parser.add_argument("--encoding", default="utf-8", metavar="NAME", help="encoding of the file (utf-8)")
        parser.add_argument("--preset", choices=sorted(PRESETS), help="a known catalogue")
        parser.add_argument("--dry-run", action="store_true", help="report what would happen, without writing")
        parser.add_argument("--rejects", metavar="FILE", help="a CSV file for rejected rows, with line and reason")
        parser.add_argument("--if-empty", action="store_true", help="do nothing when the catalogue has books")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import. Raises CommandError if the file cannot be read or the database fails, SystemExit after Ctrl-C."""
        try:
            if options["if_empty"] and Book.objects.exists():
                self.stdout.write("The catalogue has books already: nothing was imported.")
                return
            with ExitStack() as stack:
                self._import(stack, options)
        except DatabaseError as error:
            cause = str(error).strip().splitlines()
            raise CommandError(f"The database failed: {cause[0] if cause else type(error).__name__}") from error

    def _import(self, stack: ExitStack, options: dict[str, Any]) -> None:
        # Objects loaded by now stay; without this, collecting garbage among them takes a tenth of an import.
        gc.freeze()
        stack.callback(gc.unfreeze)
        how = ImportOptions(options)
        binary = _opened(options["file"], stack)
        try:
            text = stack.enter_context(decoded(binary, options["encoding"]))
            records = read_records(physical_lines(text), how.delimiter)
            layout = Layout.of(next(records, None), how.preset, how.columns, how.separators)
        except (UnreadableError, LookupError, OSError, UnicodeError) as error:
            raise CommandError(f"{options['file']}: {error}") from None
        if layout.ignored:
            self.stdout.write(f"Ignored columns: {', '.join(layout.ignored)}.")
        rejects = _rejects(options["rejects"], layout, binary, stack)
        loader = Loader(stack.enter_context(SeenRows()), dry_run=options["dry_run"])
        report, bar = Report(), stack.enter_context(_progress(binary))
        stopped = False
        try:
            read = batches(map(layout.read, records))
            # Not ahead of a pipe, which may be slow: Ctrl-C must not wait for the next row.
            for batch in ahead(read) if _is_regular(binary) else read:
                loader.load(batch)
                report.add(batch)
                rejects.add(batch)
                bar.update(binary.tell() - bar.n if bar.total is not None else len(batch))
                if options["verbosity"] > 1:
                    self._write_notes(batch)
                # With DEBUG, Django keeps every statement.
                reset_queries()
        except KeyboardInterrupt:
            stopped = True
        finally:
            bar.close()
            self._write_summary(report, rejects, dry_run=options["dry_run"])
        if stopped:
            self.stderr.write(
                "Stopped. Every batch counted above is in the catalogue, and no part of another. To resume, run the "
                "same command again: it leaves what is there as it is."
            )
            sys.exit(INTERRUPTED)

    def _write_summary(self, report: Report, rejects: Rejects, *, dry_run: bool) -> None:
        for line in (*report.lines(), *rejects.lines()):
            self.stdout.write(line)
        if dry_run:
            self.stdout.write("This was a dry run: nothing was written.")

    def _write_notes(self, rows: list[Row]) -> None:
        for row in rows:
            for note in row.notes:
                self.stdout.write(f"Line {row.line}: {note}")


class ImportOptions:
    """The options of the command line. Raises CommandError for invalid ones."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.preset = PRESETS.get(options["preset"], OWN)
        self.delimiter: str = options["delimiter"].replace("\\t", "\t")
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            raise CommandError("--delimiter takes one character, such as ; or \\t.")
        self.columns: dict[str, list[str]] = {}
        for field, column in _pairs("--map", options["map"], FIELD_NAMES):
            self.columns.setdefault(field, []).append(column)
        self.separators = dict(_pairs("--separator", options["separator"], LISTS))


def _pairs(option: str, pairs: Iterable[str], fields: Sequence[str]) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        field, _, value = pair.partition("=")
        if field not in fields or not value:
            raise CommandError(f"{option} {pair}: write FIELD=..., where FIELD is one of {', '.join(fields)}.")
        yield field, value


def _opened(name: str, stack: ExitStack) -> IO[bytes]:
    if name == "-":
        return sys.stdin.buffer
    try:
        return stack.enter_context(open(name, "rb"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{name}: {getattr(error, 'strerror', None) or error}.") from None


def _rejects(path: str | None, layout: Layout, binary: IO[bytes], stack: ExitStack) -> Rejects:
    try:
        if path and _is_regular(binary) and os.path.exists(path) and os.path.samestat(os.stat(path), _stat(binary)):
            raise CommandError("--rejects names the catalogue itself, which would be lost.")
        return stack.enter_context(Rejects(path, layout.header))
    except OSError as error:
        raise CommandError(f"--rejects {path}: {error.strerror}.") from None


def _progress(binary: IO[bytes]) -> "tqdm[NoReturn]":
    """A progress bar on a terminal: of bytes if the size is known, else of rows."""
    silent = not sys.stderr.isatty()
    if _is_regular(binary):
        return tqdm(total=_stat(binary).st_size, unit="B", unit_scale=True, disable=silent)
    return tqdm(unit=" rows", disable=silent)


def _is_regular(binary: IO[bytes]) -> bool:
    try:
        return stat.S_ISREG(_stat(binary).st_mode)
    except OSError:  # a stream without a file descriptor
        return False


def _stat(binary: IO[bytes]) -> os.stat_result:
    return os.fstat(binary.fileno())
