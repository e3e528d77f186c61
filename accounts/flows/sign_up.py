"""Registration of a new account: sign-up, confirmation with the mailed code, grant of its role."""

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass

from django.http import HttpRequest
from rest_framework.exceptions import ValidationError

from accounts.cognito import administration
from accounts.cognito.client import ExpectedRefusal
from accounts.cognito.errors import (
    AccountError,
    CognitoUnavailable,
    PasswordMissing,
    PasswordResetRequired,
    PasswordReused,
    PersonNotFound,
    RoleNotAllowed,
)
from accounts.cognito.gateway import get_gateway
from accounts.flows import intents, throttling
from accounts.flows.intents import Act
from accounts.models import SignUp
from accounts.tokens.conf import get_config
from accounts.tokens.roles import Role

logger = logging.getLogger(__name__)

# Sends the repeated code after the response, whose time then does not reveal whether the account exists.
_mail_executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="mail")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivery of a code: the medium, and the masked destination."""

    medium: str
    destination: str

    @classmethod
    def by_email(cls, email: str) -> "Delivery":
        """Mask the given address. Cognito's own mask would reveal whether the address is known."""
        name, _, domain = email.partition("@")
        return cls("EMAIL", f"{name[:1]}***@{domain[:1]}***")


def sign_up(
    request: HttpRequest, email: str, password: str | None = None, role: str | None = None, **attributes: str
) -> Delivery:
    """Create an unconfirmed account and mail its code; the same result when the address has an account.

    Confirmation requires a password if none was given, and after a second sign-up with the address, so that a password
    chosen by another person does not open the account. Raises RoleNotAllowed, PasswordTooWeak, Throttled.
    """
    allowed = get_config().sign_up_roles
    if role is not None and role not in allowed:
        raise RoleNotAllowed
    if password is not None:
        administration.require_good_password(password)
    with throttling.attempt(request, address="mail_address", account=("mail_account", email)):
        # Recorded first: the role is granted even if this process ends right after the call.
        pending, is_new = SignUp.objects.record(email, Role(role or allowed[0]), needs_password=password is None)
        try:
            pending.set_subject(get_gateway().sign_up(email, password or _unguessable_password(), attributes))
        except ExpectedRefusal:
            # The address has an account. If it is unconfirmed, it gets a new code.
            pending.set_subject(None)
            _mail_executor.submit(_log_failure, get_gateway().resend_code, email)
        except CognitoUnavailable:
            # The account may exist although the response was lost; then it is unknown whose password it has.
            pending.store(needs_password=True)
            raise
        except (AccountError, ValidationError):
            if is_new:
                pending.delete()
            raise
    return Delivery.by_email(email)


def resend_code(request: HttpRequest, email: str) -> None:
    """Mail a new code if the account is unconfirmed. Raises Throttled."""
    with (
        throttling.attempt(request, address="mail_address", account=("mail_account", email)),
        suppress(ExpectedRefusal),
    ):
        get_gateway().resend_code(email)


def confirm_sign_up(request: HttpRequest, email: str, code: str, password: str | None = None) -> None:
    """Confirm an account, set the password if one is given, and grant its role.

    Raises PasswordMissing and PasswordTooWeak (before the code is used up), CodeMismatch, Throttled; and
    PasswordResetRequired when the code is right but the account was created by another sign-up: its password was chosen
    by another person, and is replaced.
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
    is_own = pending is None or pending.sub in (None, sub)
    is_shared = pending is not None and (pending.needs_password or not is_own)  # another person may know its password
    if pending is not None:
        pending.sub = sub
    try:
        # Whoever knows an earlier password may have signed in since the confirmation.
        with intents.ending_tokens(Act.CREDENTIAL, sub or "", sub or "") if is_shared else nullcontext():
            if pending is not None and password is None and not is_own:
                _require_reset(pending, email)
                raise PasswordResetRequired
            if password is not None:
                _set_password(pending, email, password)
    finally:
        if is_shared:
            _remove_mfa(email)  # last: a session that has ended registers no other authenticator app
    if pending is not None:
        # The account is confirmed in any case; a role that cannot be granted now is granted at the next sign-in.
        try:
            grant_role(pending, email)
        except AccountError as error:
            logger.warning("The role could not be granted at confirmation: %s", error.get_codes())
            pending.store(sub=sub)  # the next sign-in finds the record by it


def _sub_of(email: str) -> str | None:
    try:
        return administration.account(email).sub
    except PersonNotFound:
        return None


def _set_password(pending: SignUp | None, email: str, password: str) -> None:
    """Set the password of a confirmed account. Fails closed: the earlier password no longer opens the account."""
    try:
        administration.set_password(email, password)
    except PasswordReused:
        return  # a new account has had no other password
    except AccountError:
        if pending is not None:
            _require_reset(pending, email)
        raise


def _require_reset(pending: SignUp, email: str) -> None:
    """Require a password reset with a mailed code before the next sign-in, and replace the password."""
    pending.must_reset = True
    pending.save()  # also if a sign-in with the earlier password has deleted the row meanwhile
    try:
        administration.set_password(email, _unguessable_password())
    except AccountError as error:
        logger.warning("The password could not be replaced: %s", error.get_codes())


def _remove_mfa(email: str) -> None:
    try:
        administration.end_mfa(email)
    except AccountError as error:
        logger.warning("TOTP could not be turned off: %s", error.get_codes())


def grant_role(pending: SignUp, username: str) -> None:
    """Grant the role of a pending sign-up, if it is still allowed, else the default; then delete the record."""
    allowed = get_config().sign_up_roles
    # The allowed roles may have changed since the sign-up.
    administration.grant(username, Role(pending.role) if pending.role in allowed else allowed[0])
    pending.delete()


def _unguessable_password() -> str:
    # 256 random bits, plus each kind of character that a policy may require. It is never stored.
    return f"{secrets.token_urlsafe(32)}aA1!"


def _log_failure(verb: Callable[[str], None], email: str) -> None:
    try:
        verb(email)
    except (ExpectedRefusal, AccountError) as error:
        logger.info("The repeated code was not mailed: %s", type(error).__name__)
