"""`manage.py seed_books N`: adds synthetic books for benchmarks (books/catalogues/synthetic.py)."""

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, reset_queries, transaction
from django.utils import timezone
from tqdm import tqdm

from books import writing
from books.catalogues.loading import ahead
from books.catalogues.synthetic import (
    ABSENT_WORD,
    COMMON_EVERY,
    COMMON_WORD,
    ISBN_PREFIX,
    MAX_NUMBER,
    RARE_EVERY,
    RARE_WORD,
    number_of,
    synthetic_book,
)
from books.models import Book

BATCH = 2000
PAST = timedelta(days=5 * 365)
INTERRUPTED = 130  # the exit status shells expect after Ctrl-C


class Command(BaseCommand):
    """Adds books in batches of one transaction each; continues where the last run ended."""

    help = "Add N synthetic books. Running it again adds the next N."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the arguments."""
        parser.add_argument("count", type=_positive, metavar="N", help="number of books")
        parser.add_argument("--seed", type=_positive, default=1, help="random seed; another one gives other books (1)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Add the books. Raises CommandError when the database fails, SystemExit after Ctrl-C."""
        count: int = options["count"]
        began, done, stopped = time.monotonic(), 0, False
        try:
            first, oldest = _next()
            if first + count - 1 > MAX_NUMBER:
                raise CommandError(f"There are only {MAX_NUMBER:,} synthetic books; {first - 1:,} are here already.")
            step = (timezone.now() - oldest) / count
            with tqdm(total=count, unit=" books", disable=not sys.stderr.isatty()) as bar:
                for books in ahead(_batches(range(first, first + count), options["seed"], oldest, step)):
                    _add(books)
                    done += len(books)
                    bar.update(len(books))
        except KeyboardInterrupt:
            stopped = True
        except DatabaseError as error:
            raise CommandError(f"The database failed after {done:,} books: {error}") from error
        seconds = time.monotonic() - began
        self.stdout.write(f"{done:,} books in {seconds:,.1f} s: {done / max(seconds, 0.001):,.0f} a second.")
        self.stdout.write(
            f"Titles: {COMMON_WORD!r} is in one of {COMMON_EVERY}, {RARE_WORD!r} in one of {RARE_EVERY:,}, "
            f"{ABSENT_WORD!r} in none."
        )
        if stopped:
            self.stderr.write(f"Stopped. Run it again for the other {count - done:,}.")
            sys.exit(INTERRUPTED)


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if number < 1:
        raise ArgumentTypeError("must be a whole number of at least 1.")
    return number


def _next() -> tuple[int, datetime]:
    """The number of the first missing book, and the time when the last one was added."""
    synthetic = Book.objects.filter(isbn__gte=ISBN_PREFIX, isbn__lt=f"{ISBN_PREFIX}~").order_by("-isbn")
    last = synthetic.values_list("isbn", "created_at").first()
    return (number_of(last[0]) + 1, last[1]) if last and last[0] else (1, timezone.now() - PAST)


def _batches(numbers: range, seed: int, since: datetime, step: timedelta) -> Iterator[list[dict[str, Any]]]:
    """The books with these numbers, created `step` after each other."""
    for start in range(0, len(numbers), BATCH):
        places = range(start, min(start + BATCH, len(numbers)))
        yield [synthetic_book(numbers[place], seed, since + step * (place + 1)) for place in places]


def _add(books: Sequence[dict[str, Any]]) -> None:
    with transaction.atomic():
        writing.add_many(books)
    # With DEBUG, Django keeps every statement.
    reset_queries()
