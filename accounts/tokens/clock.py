"""Estimate of the user pool's clock, from the `Date` header of Cognito's answers (RFC 9110 section 6.6.1).

`iat` of a token is Cognito's time. If the clock of this machine is behind, a cut-off by it would be too early, and
tokens issued in the difference would survive a sign-out.
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
"""Estimates further from our clock are ignored: AWS itself refuses requests signed with such a clock
("Elements of an AWS API request signature", IAM user guide: five minutes)."""


class _Answer(NamedTuple):
    """Bounds from one response of (Cognito's time - monotonic time), in seconds."""

    earliest: float
    latest: float


class CognitoClock:
    """Estimate of the time of Cognito's clock. Safe to share between threads.

    A `Date` has whole seconds, so one response gives the time to a second; the bounds of WINDOW_ANSWERS responses
    together are narrower. Stored relative to `clock` (monotonic), so that they stay valid when this machine's time,
    `now`, is set. Both in seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._now = now
        self._guard = threading.Lock()
        self._answers: deque[_Answer] = deque(maxlen=WINDOW_ANSWERS)

    def forget(self) -> None:
        """Reset to the state of a new process. For tests."""
        with self._guard:
            self._answers.clear()

    def observe(self, date: str | None, asked_at: float) -> None:
        """Add the `Date` header of a response just received; the request was sent at `asked_at` (monotonic)."""
        try:
            moment = parsedate_to_datetime(date or "").timestamp()
        except (ValueError, OverflowError):
            return
        answer = _Answer(earliest=moment - self._clock(), latest=moment + 1 - asked_at)
        with self._guard:
            self._answers.append(answer)
            if self._earliest() > self._latest():  # one of the clocks was set: earlier bounds are invalid
                self._answers.clear()
                self._answers.append(answer)
        difference = self.difference()
        if difference is not None:
            clock_compared.send_robust(type(self), seconds=difference)

    def difference(self) -> float | None:
        """Seconds by which Cognito's clock is ahead of this machine's; None before the first response."""
        with self._guard:
            if not self._answers:
                return None
            middle = (self._earliest() + self._latest()) / 2
        return middle + self._clock() - self._now()

    def bounds(self) -> tuple[float, float] | None:
        """Earliest and latest possible time of Cognito's clock now, in Unix seconds.

        None before the first response, or when further than MAX_DIFFERENCE_SECONDS from this machine's clock.
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
