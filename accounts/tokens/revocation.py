"""Token revocation list: durable in the database, known to every worker within one second.

Each process holds a small list of what was signed out and looks for new rows when it is needed and LOOK_SECONDS old:
no query per request, one look at a time, and nobody is judged by a list older than MAX_AGE_SECONDS. A look that fails
is an error for all who need it, never "not signed out".

Sign out at Cognito first, then here: a refresh between the two would otherwise yield tokens from after the cut-off.

A person's cut-off is compared with `iat`, which is Cognito's time: it follows the later of this machine's clock and
Cognito's (accounts.tokens.clock).
"""

import logging
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction

from accounts.tokens.clock import CognitoClock, cognito_clock
from accounts.tokens.conf import get_config
from accounts.tokens.resilience import SingleFlight
from accounts.tokens.verifier import Claims, TokenError

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.8
MAX_AGE_SECONDS = 1.0
# How long a row may take from its number to its commit and still be found: longer than the time-outs of statements
# and of idle transactions in config/settings.py.
OVERLAP_SECONDS = 35.0
# How many rows may be under way when a process first looks.
OVERLAP_ROWS = 1000
# The whole list is read anew this often: that drops what has expired, and heals whatever happened to the database.
RELOAD_SECONDS = 600.0
WAIT_SECONDS = 20.0
# How long whoever sets a cut-off waits for it to begin, at most: it takes longer only where clocks differ.
CUT_OFF_WAIT_SECONDS = 3.0
# The same for a cut-off beyond the leeway, which is waited for only when somebody disabled is enabled at once.
LEEWAY_WAIT_SECONDS = 15.0

# AWS: "Access token expiration" and "ID token expiration" of an app client are at most one day.
LONGEST_TOKEN_SECONDS = 24 * 3600
# A refresh token may live for ten years, the default is 30 days. The row is renewed by every refresh; one that
# is gone costs a refresh at sign-out, no more.
KNOWN_SESSION_SECONDS = 30 * 24 * 3600
CLEAN_UP_SECONDS = 60.0
CLEAN_UP_ROWS = 5000


class TokenRevoked(TokenError):
    """Signed out, disabled, promoted or deleted since it was issued."""

    code = "token_revoked"
    sentence = "The token has been revoked. Sign in again."


class Session(NamedTuple):
    """What a refresh token belongs to: the `origin_jti` of its tokens, and the person."""

    origin_jti: str
    sub: str


@dataclass(slots=True)
class _Held:
    sessions: set[str] = field(default_factory=set)
    people: dict[str, int] = field(default_factory=dict)


Row = tuple[int, str | None, str | None, int | None]


def _model(name: str) -> Any:
    """A model of the app that this package is part of: not imported, since the token layer imports none above it."""
    app = apps.get_containing_app_config(__name__)
    if app is None:
        raise ImproperlyConfigured("Revocation of tokens needs the `accounts` app in INSTALLED_APPS.")
    return app.get_model(name)


class RevocationList:
    """What was signed out, as one process knows it. Safe to share between threads.

    `clock` is monotonic and `now` is Unix time, both in seconds; `sleep` takes seconds; `cognito` is the pool's clock.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        cognito: CognitoClock | None = None,
    ) -> None:
        self._clock = clock
        self._now = now
        self._sleep = sleep
        self._cognito = cognito or CognitoClock(clock=clock, now=now)
        self.forget()

    def forget(self) -> None:
        """Start afresh, as a new process would. For tests, whose database is rolled back under the list."""
        self._cognito.forget()
        self._held = _Held()
        self._looks = SingleFlight[None]()
        self._looked_at = self._loaded_at = self._marked_at = self._cleaned_at = -math.inf
        # Row numbers: the highest seen, the highest at the last mark, and where each look begins.
        self._newest = self._mark = self._settled = 0

    def require_current(self, claims: Claims) -> None:
        """Raise TokenRevoked when the token of `claims` was signed out; DatabaseError when nobody can tell."""
        moment = self._clock()
        if moment - self._looked_at >= LOOK_SECONDS:
            self._look(fresh=moment - LOOK_SECONDS, usable=moment - MAX_AGE_SECONDS)
        held = self._held
        if claims.origin_jti in held.sessions or claims.issued_at < held.people.get(claims.sub, -math.inf):
            raise TokenRevoked

    def revoke_session(self, origin_jti: str) -> None:
        """Sign out one session: every token that descends from its sign-in. This process knows at once."""
        self._record(self._now(), origin_jti=origin_jti)

    def revoke_person(self, sub: str, *, beyond_leeway: bool = False) -> None:
        """Sign out a person everywhere: every token issued so far. Returns when a new one counts again.

        `iat` has whole seconds, so the cut-off is the next full second, and this waits until that has begun.
        With `beyond_leeway` the cut-off is later by COGNITO_LEEWAY_SECONDS, so that it holds for every token that is
        accepted now, however far Cognito's clock is ahead; nobody waits for it. It is for people who cannot sign in
        any more: whoever can is refused until it has begun.
        """
        bounds = self._cognito.bounds()
        latest = self._now() if bounds is None else max(self._now(), bounds[1])
        cut_off = math.floor(latest) + 1 + (get_config().leeway_seconds if beyond_leeway else 0)
        self._record(max(cut_off, self._now()), sub=sub, not_before=cut_off)
        if not beyond_leeway:
            self._await(cut_off, CUT_OFF_WAIT_SECONDS)

    def await_cut_off(self, sub: str) -> None:
        """Return when new tokens of a person count, who was signed out beyond the leeway a moment ago.

        After LEEWAY_WAIT_SECONDS in any case.
        """
        moment = self._clock()
        self._look(fresh=moment, usable=moment)
        self._await(self._held.people.get(sub, 0), LEEWAY_WAIT_SECONDS)

    def _await(self, cut_off: int, seconds: float) -> None:
        """Sleep until Cognito's clock shows `cut_off`, for `seconds` at most."""
        for _ in range(math.ceil(seconds)):  # a sleep may end early; a clock that is set back must not hold us for ever
            bounds = self._cognito.bounds()
            left = cut_off - (self._now() if bounds is None else bounds[0])
            if left <= 0:
                return
            self._sleep(min(left, 1.0))

    def _record(self, newest: float, **columns: str | int) -> None:
        """Add a row that concerns tokens issued up to `newest` (Unix seconds), and let this process know."""
        expires_at = datetime.fromtimestamp(newest + LONGEST_TOKEN_SECONDS + get_config().leeway_seconds, UTC)
        # Durable: inside another transaction, other workers would not see the row; Django refuses that.
        with transaction.atomic(durable=True):
            _model("Revocation").objects.create(expires_at=expires_at, **columns)
        committed_at = self._clock()
        self._look(fresh=committed_at, usable=committed_at)
        self.clean_up()

    def remember(self, refresh_token: str, session: Session) -> None:
        """Keep which session `refresh_token` belongs to, for KNOWN_SESSION_SECONDS from now."""
        known_session = _model("KnownSession")
        known_session.objects.bulk_create(
            [
                known_session(
                    digest=_digest(refresh_token),
                    origin_jti=session.origin_jti,
                    sub=session.sub,
                    expires_at=self._moment(KNOWN_SESSION_SECONDS),
                )
            ],
            update_conflicts=True,
            # MySQL and MariaDB take any unique key, and Django refuses to be told of one there.
            unique_fields=["digest"] if connection.features.supports_update_conflicts_with_target else None,
            update_fields=["origin_jti", "sub", "expires_at"],
        )
        self.clean_up()

    def session_of(self, refresh_token: str) -> Session | None:
        """The session that `refresh_token` belongs to, when it is known and was used lately."""
        known = _model("KnownSession").objects.filter(digest=_digest(refresh_token), expires_at__gt=self._moment())
        row = known.values_list("origin_jti", "sub").first()
        return None if row is None else Session(*row)

    def clean_up(self) -> None:
        """Delete some of what has expired, now and then. Failing at that is no reason to fail the writer."""
        if self._clock() - self._cleaned_at < CLEAN_UP_SECONDS:
            return
        self._cleaned_at = self._clock()
        try:
            for model in (_model("Revocation"), _model("KnownSession")):
                rows = model.objects.filter(expires_at__lte=self._moment()).order_by("expires_at")
                model.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:CLEAN_UP_ROWS])).delete()
        except DatabaseError as error:
            logger.warning("Expired sign-outs could not be deleted: %s", type(error).__name__)

    def _moment(self, later: float = 0.0) -> datetime:
        return datetime.fromtimestamp(self._now() + later, UTC)

    def _look(self, *, fresh: float, usable: float) -> None:
        """Look for new rows, unless a look began after `fresh`; while another looks, one after `usable` will do."""
        while self._looked_at <= fresh:
            # Raises what the look raised, also the one of another thread: whoever needs it fails with it.
            look, is_own = self._looks.join(self._look_now)
            if is_own or self._looked_at > usable:
                return
            look.result(timeout=WAIT_SECONDS)

    def _look_now(self) -> None:
        began = self._clock()  # before the query: the list is as old as what the query could see
        self._read(began)
        self._looked_at = began

    def _read(self, began: float) -> None:
        anew = began - self._loaded_at >= RELOAD_SECONDS
        held = _Held() if anew else self._held
        rows = _model("Revocation").objects.filter(expires_at__gt=self._moment())
        found = rows if anew else rows.filter(pk__gt=self._settled)
        self._newest = max(self._newest, _add(held, found.values_list("pk", "origin_jti", "sub", "not_before")))
        self._held = held
        if anew:
            if self._loaded_at == -math.inf:
                self._mark, self._marked_at = max(0, self._newest - OVERLAP_ROWS), began
                self._settled = self._mark
            self._loaded_at = began
        if began - self._marked_at >= OVERLAP_SECONDS:
            # Numbers are given before rows are committed: one lower than the highest may still appear.
            self._settled, self._mark, self._marked_at = self._mark, self._newest, began


def _add(held: _Held, rows: Iterable[Row]) -> int:
    """Take `rows` into `held`; gives the highest number among them."""
    highest = 0
    for number, origin_jti, sub, not_before in rows:
        highest = max(highest, number)
        if origin_jti is not None:
            held.sessions.add(origin_jti)
        elif sub is not None and not_before is not None:
            held.people[sub] = max(not_before, held.people.get(sub, 0))
    return highest


def _digest(refresh_token: str) -> str:
    # A refresh token is long and random: its plain hash tells nothing. Any string has one, lone surrogates too.
    return sha256(refresh_token.encode("utf-8", "surrogatepass")).hexdigest()


_revocations = RevocationList(cognito=cognito_clock)
require_current = _revocations.require_current
revoke_session = _revocations.revoke_session
revoke_person = _revocations.revoke_person
await_cut_off = _revocations.await_cut_off
session_of = _revocations.session_of
forget = _revocations.forget


def remember_session(refresh_token: str, claims: Claims) -> None:
    """Keep which session `refresh_token` belongs to: call it at every sign-in and refresh, with the new claims.

    A token without `origin_jti` (its app client has token revocation off) names no session: nothing is kept.
    """
    if claims.origin_jti is not None:
        _revocations.remember(refresh_token, Session(claims.origin_jti, claims.sub))


def forget_session(refresh_token: str) -> None:
    """Forget the session of a refresh token that has ended or was replaced."""
    _model("KnownSession").objects.filter(digest=_digest(refresh_token)).delete()


def forget_sessions_of(sub: str) -> None:
    """Forget every session of a person whose refresh tokens have all ended, as when their account is deleted."""
    _model("KnownSession").objects.filter(sub=sub).delete()
