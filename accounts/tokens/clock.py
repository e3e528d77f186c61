"""Estimate of the user pool's clock, from the `Date` header of Cognito's answers (RFC 9110 section 6.6.1).

`iat` of a token is Cognito's time. A cut-off by the clock of this machine alone would be too early by as much as this
machine is behind, and tokens issued in that gap would survive a sign-out.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from accounts.tokens.signals import clock_compared

WINDOW_ANSWERS = 16
MAX_DIFFERENCE_SECONDS = 300.0
"""An answer further away from our clock decides nothing: AWS itself refuses requests signed with such a clock
("Elements of an AWS API request signature", IAM user guide: five minutes)."""


class _Answer(NamedTuple):
    """What one answer says of Cognito's clock, as bounds of (Cognito's time - monotonic time), in seconds."""

    earliest: float
    latest: float


class CognitoClock:
    """What Cognito's clock shows now. Safe to share between threads.

    A `Date` has whole seconds, so one answer tells the time to a second; the bounds of WINDOW_ANSWERS answers together
    are narrower. Kept relative to `clock` (monotonic): they hold when this machine's time, `now`, is set. Both in
    seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._now = now
        self._guard = threading.Lock()
        self._answers: deque[_Answer] = deque(maxlen=WINDOW_ANSWERS)

    def forget(self) -> None:
        """Start afresh, as a new process would. For tests."""
        with self._guard:
            self._answers.clear()

    def observe(self, date: str | None, asked_at: float) -> None:
        """Take in the `Date` header of an answer that has just come to a question asked at `asked_at` (monotonic)."""
        try:
            moment = parsedate_to_datetime(date or "").timestamp()
        except (ValueError, OverflowError):
            return
        answer = _Answer(earliest=moment - self._clock(), latest=moment + 1 - asked_at)
        with self._guard:
            self._answers.append(answer)
            if self._earliest() > self._latest():  # one of the clocks was set: what was heard before is void
                self._answers.clear()
                self._answers.append(answer)
        difference = self.difference()
        if difference is not None:
            clock_compared.send_robust(type(self), seconds=difference)

    def difference(self) -> float | None:
        """By how many seconds Cognito's clock is ahead of this machine's; None before the first answer."""
        with self._guard:
            if not self._answers:
                return None
            middle = (self._earliest() + self._latest()) / 2
        return middle + self._clock() - self._now()

    def bounds(self) -> tuple[float, float] | None:
        """The earliest and the latest that Cognito's clock can show now, in Unix seconds.

        None when no answer was heard, or when it is further than MAX_DIFFERENCE_SECONDS from this machine's clock.
        """
        with self._guard:
            if not self._answers:
                return None
            earliest, latest = self._earliest(), self._latest()
        moment = self._clock()
        if max(abs(bound + moment - self._now()) for bound in (earliest, latest)) > MAX_DIFFERENCE_SECONDS:
            return None
        return earliest + moment, latest + moment

    def _earliest(self) -> float:
        return max(answer.earliest for answer in self._answers)

    def _latest(self) -> float:
        return min(answer.latest for answer in self._answers)


cognito_clock = CognitoClock()
