"""Registration of a new account: sign-up, confirmation with the mailed code, and the grant of its role."""

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from django.http import HttpRequest
from rest_framework.exceptions import ValidationError

from accounts.cognito import administration
from accounts.cognito.client import ExpectedRefusal
from accounts.cognito.gateway import get_gateway
from accounts.flows import throttling
from accounts.models import SignUp
from accounts.tokens.conf import get_config
from accounts.tokens.exceptions import (
    AccountError,
    CognitoUnavailable,
    PasswordMissing,
    PasswordResetRequired,
    PasswordReused,
    PersonNotFound,
    RoleNotAllowed,
)
from accounts.tokens.roles import Role

logger = logging.getLogger(__name__)

# The second code of a sign-up that only some addresses get is sent behind the answer: its time tells nothing.
_mail_executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="mail")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a code was sent, for the person to recognise."""

    medium: str
    destination: str

    @classmethod
    def by_email(cls, email: str) -> "Delivery":
        """Masked by a rule of ours from the address given: what Cognito says depends on whether it is known."""
        name, _, domain = email.partition("@")
        return cls("EMAIL", f"{name[:1]}***@{domain[:1]}***")


def sign_up(
    request: HttpRequest, email: str, password: str | None = None, role: str | None = None, **attributes: str
) -> Delivery:
    """Make an unconfirmed account and mail its code; the same answer when the address has one already.

    Confirmation asks for a password where none was given, and after a second sign-up with the address: nobody's earlier
    choice opens the account. Raises RoleNotAllowed, PasswordTooWeak, Throttled.
    """
    allowed = get_config().sign_up_roles
    if role is not None and role not in allowed:
        raise RoleNotAllowed
    if password is not None:
        administration.require_good_password(password)
    with throttling.attempt(request, address="mail_address", account=("mail_account", email)):
        # Noted first: should this process die behind Cognito's answer, the role is granted all the same.
        pending, is_new = SignUp.objects.record(email, Role(role or allowed[0]), needs_password=password is None)
        try:
            pending.set_subject(get_gateway().sign_up(email, password or _unguessable_password(), attributes))
        except ExpectedRefusal:
            # Somebody has the address. If they are still unconfirmed they get a new code.
            pending.set_subject(None)
            _mail_executor.submit(_log_failure, get_gateway().resend_code, email)
        except CognitoUnavailable:
            # The account may be there, its answer lost: the note stays, and whose password it has is not known.
            pending.needs_password = True
            pending.save(update_fields=["needs_password"])
            raise
        except (AccountError, ValidationError):
            if is_new:
                pending.delete()
            raise
    return Delivery.by_email(email)


def resend_code(request: HttpRequest, email: str) -> None:
    """Mail a new code to somebody unconfirmed; nothing to anybody else. Raises Throttled."""
    with (
        throttling.attempt(request, address="mail_address", account=("mail_account", email)),
        suppress(ExpectedRefusal),
    ):
        get_gateway().resend_code(email)


def confirm_sign_up(request: HttpRequest, email: str, code: str, password: str | None = None) -> None:
    """Confirm an account, set the password if one is given, and grant its role.

    Raises PasswordMissing and PasswordTooWeak (before the code is spent), CodeMismatch, Throttled; and
    PasswordResetRequired when the code was right but the account is not the one that the sign-up made: its password is
    somebody else's choice, and is gone.
    """
    pending = SignUp.objects.of(email)
    if password is not None:
        administration.require_good_password(password)
    with throttling.attempt(request, address="code_address", account=("code_account", email)) as attempt:
        if password is None and pending is not None and pending.needs_password:
            raise PasswordMissing
        sub = _sub_of(email)
        get_gateway().confirm_sign_up(email, code)
        attempt.succeeded()
    if pending is not None:
        is_own = pending.sub in (None, sub)
        pending.sub = sub
        if pending.needs_password or not is_own:
            _remove_mfa(email)
        if password is None and not is_own:
            _require_reset(pending, email)
            raise PasswordResetRequired
    if password is not None:
        _set_password(pending, email, password)
    if pending is not None:
        # The account is confirmed whatever happens now; what fails here is made good at the next sign-in.
        try:
            grant_role(pending, email)
        except AccountError as error:
            logger.warning("A role could not be granted at confirmation: %s", error.get_codes())
            pending.save(update_fields=["sub"])  # by which the next sign-in finds it


def _sub_of(email: str) -> str | None:
    try:
        return administration.account(email).sub
    except PersonNotFound:
        return None


def _set_password(pending: SignUp | None, email: str, password: str) -> None:
    """Set the password of somebody just confirmed. Fails closed: a former one does not open the account then."""
    try:
        administration.set_password(email, password)
    except PasswordReused:
        return  # a new account has had one password only: this one
    except AccountError:
        if pending is not None:
            _require_reset(pending, email)
        raise


def _require_reset(pending: SignUp, email: str) -> None:
    """Let nobody sign in with the password of the account before it was reset with a mailed code."""
    pending.must_reset = True
    pending.save(update_fields=["sub", "must_reset"])
    try:
        administration.set_password(email, _unguessable_password())
    except AccountError as error:
        logger.warning("A void password could not be replaced: %s", error.get_codes())


def _remove_mfa(email: str) -> None:
    try:
        administration.end_mfa(email)
    except AccountError as error:
        logger.warning("An authenticator app could not be taken away: %s", error.get_codes())


def grant_role(pending: SignUp, username: str) -> None:
    """Put somebody into the group that their sign-up asked for, if that is still open, and forget the sign-up."""
    allowed = get_config().sign_up_roles
    # What was open at sign-up may be closed by now.
    administration.grant(username, Role(pending.role) if pending.role in allowed else allowed[0])
    pending.delete()


def _unguessable_password() -> str:
    # 256 bits and every kind of character a policy may ask for; nobody ever learns it.
    return f"{secrets.token_urlsafe(32)}aA1!"


def _log_failure(verb: Callable[[str], None], email: str) -> None:
    try:
        verb(email)
    except (ExpectedRefusal, AccountError) as error:
        logger.info("Mail behind an answer was not sent: %s", type(error).__name__)
