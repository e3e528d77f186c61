"""A wall clock with an offset that tests can advance."""

import time
from datetime import UTC, datetime


class Clock:
    """Wall-clock time in seconds since 1970, plus whatever a test has added."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._ahead

    def today(self) -> datetime:
        """The same moment as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.now(), UTC)

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds; codes, sessions and tokens age accordingly."""
        self._ahead += seconds

    def restore(self) -> None:
        """Back to wall-clock time."""
        self._ahead = 0.0
