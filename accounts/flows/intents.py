"""Write-ahead log of changes to accounts after which a person's tokens must end.

A change at Cognito cannot be undone, and the tokens issued before are revoked in our database. So the intent is written
to the database first: without the database, nothing is changed. What was interrupted, because the database, Cognito or
this process failed, is retried until it is done: by a thread of the process that recorded it, DUE_SECONDS later by the
first process that completes a sign-in, or by `manage.py finish_account_changes`.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from django.db import DatabaseError, connections
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from accounts import user_rows
from accounts.cognito import administration
from accounts.cognito.errors import AccountError, CognitoNotAsked, CognitoUnavailable, PersonNotFound
from accounts.models import Intent
from accounts.tokens import revocation

logger = logging.getLogger(__name__)

Act = Intent.Act

# Age at which an intent counts as interrupted: longer than any request takes. A retry claims it for as long.
DUE_SECONDS = 60.0
# Between two queries of one process for interrupted intents of others.
POLL_SECONDS = 60.0
# Between two retries of the process that recorded the intent.
RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)


@contextmanager
def ending_tokens(
    act: Intent.Act,
    sub: str,
    username: str,
    *,
    refusable: bool = False,
    end_sessions: Callable[[], None] | None = None,
) -> Iterator[None]:
    """Record the intent, run the body, then revoke the tokens of `sub` that were issued before.

    Tokens are revoked also when the body fails, since Cognito may have made the change; but not with `refusable` when
    Cognito refused it. `end_sessions` revokes the refresh tokens at Cognito without administrative rights. `sub` is
    empty for an unknown account, so that the steps and their duration are the same.

    Raises DatabaseError before anything was done; later whatever the body, Cognito and the database raise.
    """
    intent = Intent.objects.create(act=act, sub=sub, username=username, due_at=_later())
    try:
        yield
    except Exception as error:
        if refusable and _is_refusal(error):
            with suppress(DatabaseError):
                _end(intent, _withdraw)
        else:
            with suppress(AccountError, DatabaseError):  # retried later; the exception of the body is raised instead
                _end(intent, finish)
        raise
    _end(intent, lambda intent: finish(intent, happened=True, end_sessions=end_sessions))


def finish(intent: Intent, *, happened: bool = False, end_sessions: Callable[[], None] | None = None) -> None:
    """Complete `intent`; idempotent. `happened`: Cognito has confirmed its part.

    Raises AccountError and DatabaseError; then the intent stays recorded.
    """
    deletes = intent.act == Act.DELETE
    if not intent.sub or (deletes and not happened and not is_gone(intent.sub, intent.username)):
        _withdraw(intent)  # the account still exists: the request has failed, and the person can repeat it
        return
    try:
        if intent.act in (Act.CREDENTIAL, Act.SIGN_OUT) and intent.username:
            if end_sessions is not None:
                end_sessions()
            else:
                with suppress(PersonNotFound):
                    administration.sign_out_everywhere(intent.username)
    except AccountError:
        # Access tokens are revoked also while Cognito is unavailable: now, and again once it has responded.
        if not intent.revoked:
            revocation.revoke_person(intent.sub)
            Intent.objects.filter(pk=intent.pk).update(revoked=True)
            intent.revoked = True
        raise
    revocation.revoke_person(intent.sub, beyond_leeway=deletes or intent.act == Act.DISABLE)
    if deletes:
        user_rows.end(intent.sub)
        revocation.forget_sessions_of(intent.sub)
    _withdraw(intent)


def _is_refusal(error: Exception) -> bool:
    """Whether `error` means that Cognito changed nothing. After a time-out it may have made the change."""
    if isinstance(error, CognitoUnavailable):
        return isinstance(error, CognitoNotAsked)
    return isinstance(error, AccountError | ValidationError)


def is_gone(sub: str, username: str) -> bool:
    """Whether the account no longer exists in the pool. Raises AccountError when Cognito cannot be asked."""
    try:
        # By user name: the subject does not find users of another identity provider.
        return administration.account(username).sub != sub
    except PersonNotFound:
        return True


def finish_due() -> tuple[int, int]:
    """Complete the interrupted intents of all processes. Returns the numbers of completed and of failed ones."""
    done = failed = 0
    for intent in _due():
        try:
            _claim(intent)
            done += 1
        except AccountError as error:
            logger.warning("An account change (%s) is not finished: %s", intent.act, type(error).__name__)
            failed += 1
    return done, failed


def _due() -> QuerySet[Intent]:
    return Intent.objects.filter(due_at__lte=timezone.now()).order_by("pk")


def _claim(intent: Intent) -> None:
    """Claim an interrupted intent for DUE_SECONDS and complete it, unless another process has claimed it."""
    if Intent.objects.filter(pk=intent.pk, due_at__lte=timezone.now()).update(due_at=_later()):
        finish(intent)


def _withdraw(intent: Intent) -> None:
    Intent.objects.filter(pk=intent.pk).delete()


def _later() -> datetime:
    return timezone.now() + timedelta(seconds=DUE_SECONDS)


# --- Retries in this process ---


class _Retrier:
    """Retries failed intents of this process in a thread, which ends when none is left."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._unfinished: dict[int, tuple[Intent, Callable[[Intent], None]]] = {}
        self._thread: threading.Thread | None = None
        self._forgotten = threading.Event()
        self._polled_at = float("-inf")

    def add(self, intent: Intent, end: Callable[[Intent], None]) -> None:
        """Retry `end` until it succeeds."""
        with self._guard:
            self._unfinished[intent.pk] = intent, end
            if self._thread is None:
                self._forgotten = threading.Event()
                self._thread = threading.Thread(
                    target=self._repeat, args=(self._forgotten,), name="account-changes", daemon=True
                )
                self._thread.start()

    def forget(self) -> None:
        """Reset to the state of a new process. For tests."""
        with self._guard:
            self._unfinished.clear()
            self._forgotten.set()
            thread, self._thread = self._thread, None
            self._polled_at = float("-inf")
        if thread is not None:
            thread.join()

    def resume_due(self) -> None:
        """Retry interrupted intents of other processes. One query every POLL_SECONDS."""
        if time.monotonic() - self._polled_at < POLL_SECONDS:
            return
        self._polled_at = time.monotonic()
        for intent in _due():
            self.add(intent, _claim)

    def _repeat(self, forgotten: threading.Event) -> None:
        tries = 0
        while not forgotten.wait(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)]):
            tries += 1
            with self._guard:
                left = list(self._unfinished.values())
            for intent, end in left:
                try:
                    end(intent)
                except (AccountError, DatabaseError) as error:
                    logger.warning("An account change (%s) is not finished: %s", intent.act, type(error).__name__)
                    continue
                except Exception:  # a bug with one intent must not block the others; the command reports it again
                    logger.exception("An account change (%s) cannot be finished.", intent.act)
                with self._guard:
                    self._unfinished.pop(intent.pk, None)
            connections.close_all()
            with self._guard:
                if not self._unfinished:
                    if self._thread is threading.current_thread():
                        self._thread = None
                    return


def _end(intent: Intent, end: Callable[[Intent], None]) -> None:
    try:
        end(intent)
    except (AccountError, DatabaseError):
        _retrier.add(intent, _withdraw if end is _withdraw else finish)
        raise


_retrier = _Retrier()
resume_due = _retrier.resume_due
forget = _retrier.forget
