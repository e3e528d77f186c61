"""Registration of a new account: sign-up, confirmation with the mailed code, and the grant of its role."""

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from django.http import HttpRequest
from rest_framework.exceptions import ValidationError

from accounts import administration, throttles
from accounts.cognito import Refused, get_gateway
from accounts.conf import get_config
from accounts.exceptions import AccountError, CognitoUnavailable, PasswordMissing, RoleNotAllowed
from accounts.models import SignUp
from accounts.roles import Role

logger = logging.getLogger(__name__)

# The second code of a sign-up that only some addresses get is sent behind the answer: its time tells nothing.
_behind = ThreadPoolExecutor(max_workers=2, thread_name_prefix="mail")


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

    Without a password, one is asked for at confirmation. Raises RoleNotAllowed, PasswordTooWeak, Throttled.
    """
    allowed = get_config().sign_up_roles
    if role is not None and role not in allowed:
        raise RoleNotAllowed
    if password is not None:
        administration.require_good_password(password)
    with throttles.attempt(request, address="mail_address", account=("mail_account", email)):
        # Noted first: should this process die behind Cognito's answer, the role is granted all the same.
        noted, is_new = SignUp.objects.note(email, Role(role or allowed[0]), needs_password=password is None)
        try:
            get_gateway().sign_up(email, password or _unguessable_password(), attributes)
        except Refused:
            # Somebody has the address. If they are still unconfirmed they get a new code; their password stays.
            if is_new:
                noted.delete()
            _behind.submit(_quietly, get_gateway().resend_code, email)
        except CognitoUnavailable:
            raise  # the account may be there, its answer lost: the note stays for it
        except (AccountError, ValidationError):
            if is_new:
                noted.delete()
            raise
        else:
            # A note of before was about an account that is gone, or never came to be.
            noted.renew(Role(role or allowed[0]), needs_password=password is None)
    return Delivery.by_email(email)


def resend_code(request: HttpRequest, email: str) -> None:
    """Mail a new code to somebody unconfirmed; nothing to anybody else. Raises Throttled."""
    with (
        throttles.attempt(request, address="mail_address", account=("mail_account", email)),
        suppress(Refused),
    ):
        get_gateway().resend_code(email)


def confirm_sign_up(request: HttpRequest, email: str, code: str, password: str | None = None) -> None:
    """Confirm an account, set its password where sign-up had none, and grant its role.

    Raises PasswordMissing, PasswordTooWeak (before the code is spent), CodeMismatch, Throttled.
    """
    noted = SignUp.objects.of(email)
    if password is not None:
        administration.require_good_password(password)
    with throttles.attempt(request, address="code_address", account=("code_account", email)) as attempt:
        if password is None and noted is not None and noted.needs_password:
            raise PasswordMissing
        get_gateway().confirm_sign_up(email, code)
        attempt.succeeded()
    if password is not None:
        administration.set_password(email, password)
    if noted is not None:
        # The account is confirmed whatever happens now; what fails here is made good at the next sign-in.
        try:
            grant_role(noted, email)
        except AccountError as error:
            logger.warning("A role could not be granted at confirmation: %s", error.get_codes())


def grant_role(noted: SignUp, username: str) -> None:
    allowed = get_config().sign_up_roles
    # What was open at sign-up may be closed by now.
    administration.grant(username, Role(noted.role) if noted.role in allowed else allowed[0])
    noted.delete()


def _unguessable_password() -> str:
    # 256 bits and every kind of character a policy may ask for; nobody ever learns it.
    return f"{secrets.token_urlsafe(32)}aA1!"


def _quietly(verb: Callable[[str], None], email: str) -> None:
    try:
        verb(email)
    except (Refused, AccountError) as error:
        logger.info("Mail behind an answer was not sent: %s", type(error).__name__)
