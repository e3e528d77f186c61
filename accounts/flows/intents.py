"""Write-ahead log of changes to accounts after which a person's tokens must end.

Changing a password at Cognito or deleting an account there cannot be undone, and the tokens issued before end here, in
the database. So the intention is written to the database first: while that is away, nothing is changed. What could not
be finished, because the database, Cognito or this process went away meanwhile, is repeated until it is done: by a
thread of the process that knows of it, else by the first process that signs somebody in DUE_SECONDS later, or by
`manage.py finish_account_changes`.
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

from accounts.cognito import administration
from accounts.models import Intent, User
from accounts.tokens import revocation
from accounts.tokens.exceptions import AccountError, CognitoNotAsked, CognitoUnavailable, PersonNotFound

logger = logging.getLogger(__name__)

Act = Intent.Act

# How long after it was written an intention counts as left over: longer than any request takes. A try takes the
# intention for as long.
DUE_SECONDS = 60.0
# How often a process looks for what others have left over.
POLL_SECONDS = 60.0
# Between two tries of the process that knows of it.
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
    """Record the intention, let the body act, then end the tokens of `sub` that were issued before.

    Tokens end also when the body fails, since Cognito may have done its part; but not when `refusable` is given and
    Cognito refused. `end_sessions` ends the refresh tokens at Cognito, where the act needs that and administrative
    rights are not to be used for it. `sub` is empty where there is nobody: the steps are the same.

    Raises DatabaseError before anything was done, and what body, Cognito and database raise later.
    """
    intent = Intent.objects.create(act=act, sub=sub, username=username, due_at=_later())
    try:
        yield
    except Exception as error:
        if refusable and _is_refusal(error):
            with suppress(DatabaseError):
                _end(intent, _withdraw)
        else:
            with suppress(AccountError, DatabaseError):  # repeated later; what the body raised tells more
                _end(intent, finish)
        raise
    _end(intent, lambda intent: finish(intent, happened=True, end_sessions=end_sessions))


def finish(intent: Intent, *, happened: bool = False, end_sessions: Callable[[], None] | None = None) -> None:
    """Do what is left of `intent`, all of which may be repeated. `happened`: Cognito has answered that it did its part.

    Raises AccountError and DatabaseError; then the intention stays.
    """
    deletes = intent.act == Act.DELETE
    if not intent.sub or (deletes and not happened and not is_gone(intent.sub, intent.username)):
        _withdraw(intent)  # an account that is still there: they were told so, and may ask again
        return
    try:
        if intent.act in (Act.CREDENTIAL, Act.SIGN_OUT) and intent.username:
            if end_sessions is not None:
                end_sessions()
            else:
                with suppress(PersonNotFound):
                    administration.sign_out_everywhere(intent.username)
    except AccountError:
        # Ours end even while Cognito does not answer: once now, and once more when it has.
        if not intent.revoked:
            revocation.revoke_person(intent.sub)
            Intent.objects.filter(pk=intent.pk).update(revoked=True)
            intent.revoked = True
        raise
    revocation.revoke_person(intent.sub, beyond_leeway=deletes or intent.act == Act.DISABLE)
    if deletes:
        User.objects.filter(sub=intent.sub).delete()
        revocation.forget_sessions_of(intent.sub)
    _withdraw(intent)


def _is_refusal(error: Exception) -> bool:
    """Whether `error` means that Cognito did nothing. One that did not answer may have done it."""
    if isinstance(error, CognitoUnavailable):
        return isinstance(error, CognitoNotAsked)
    return isinstance(error, AccountError | ValidationError)


def is_gone(sub: str, username: str) -> bool:
    """Whether this person is no longer in the pool. Raises AccountError when nobody can tell now."""
    try:
        # By name: of somebody who signs in through another provider, Cognito knows nothing else.
        return administration.account(username).sub != sub
    except PersonNotFound:
        return True


def finish_due() -> tuple[int, int]:
    """Finish what was left over, by whichever process. Returns how many were finished, and how many could not be."""
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
    """Finish what was left over, unless another process is about to: it has it for DUE_SECONDS, should it die then."""
    if Intent.objects.filter(pk=intent.pk, due_at__lte=timezone.now()).update(due_at=_later()):
        finish(intent)


def _withdraw(intent: Intent) -> None:
    Intent.objects.filter(pk=intent.pk).delete()


def _later() -> datetime:
    return timezone.now() + timedelta(seconds=DUE_SECONDS)


# --- What this process has left over itself ---


class _Retrier:
    """Repeats what failed in this process, in a thread that lives as long as something is left."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._unfinished: dict[int, tuple[Intent, Callable[[Intent], None]]] = {}
        self._thread: threading.Thread | None = None
        self._forgotten = threading.Event()
        self._polled_at = float("-inf")

    def add(self, intent: Intent, end: Callable[[Intent], None]) -> None:
        """Repeat `end` until it raises nothing."""
        with self._guard:
            self._unfinished[intent.pk] = intent, end
            if self._thread is None:
                self._forgotten = threading.Event()
                self._thread = threading.Thread(
                    target=self._repeat, args=(self._forgotten,), name="account-changes", daemon=True
                )
                self._thread.start()

    def forget(self) -> None:
        """Start afresh, as a new process would. For tests."""
        with self._guard:
            self._unfinished.clear()
            self._forgotten.set()
            thread, self._thread = self._thread, None
            self._polled_at = float("-inf")
        if thread is not None:
            thread.join()

    def resume_due(self) -> None:
        """Find what other processes have left over, now and then. Costs one query every POLL_SECONDS."""
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
                except Exception:  # a fault of ours must not keep the others waiting; the command tells of it again
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
