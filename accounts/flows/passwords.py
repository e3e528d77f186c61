"""Password reset with a mailed code, and change of a known password."""

from contextlib import suppress

from django.http import HttpRequest

from accounts.cognito import administration
from accounts.cognito.client import ExpectedRefusal
from accounts.cognito.errors import AccountError, PersonNotFound
from accounts.cognito.gateway import get_gateway
from accounts.cognito.results import Account
from accounts.flows import intents, throttling
from accounts.flows.intents import Act
from accounts.flows.own_account import throttle_key
from accounts.flows.sign_out import end_sessions
from accounts.models import SignUp
from accounts.tokens.verifier import Claims


def policy_sentence() -> str:
    """The pool's password policy as a sentence for people; empty while it cannot be read."""
    try:
        return administration.password_policy().sentence()
    except AccountError:
        return ""  # an error of Cognito will state it


def forgot_password(request: HttpRequest, email: str) -> None:
    """Mail a code for a password reset, if there is such an account. Raises Throttled."""
    with (
        throttling.attempt(request, address="mail_address", account=("mail_account", email)),
        suppress(ExpectedRefusal),
    ):
        get_gateway().forgot_password(email)


def reset_password(request: HttpRequest, email: str, code: str, new_password: str) -> None:
    """Set a new password with the mailed code, and end all sessions.

    Raises PasswordTooWeak (before the code is used up), CodeMismatch, PasswordReused, Throttled.
    """
    administration.require_good_password(new_password)
    with throttling.attempt(request, address="code_address", account=("code_account", email)) as attempt:
        # The account is read before the code is used up: afterwards no failure may keep its sessions alive.
        try:
            account = administration.account(email)
        except PersonNotFound:
            account = Account(sub="", username="")
        with intents.ending_tokens(Act.CREDENTIAL, account.sub, account.username, refusable=True):
            get_gateway().reset_password(email, code, new_password)
            attempt.succeeded()
            SignUp.objects.filter(sub=account.sub).update(must_reset=False)


def change_password(request: HttpRequest, access_token: str, claims: Claims, current: str, new: str) -> None:
    """Change one's own password, and end all sessions.

    Raises PasswordTooWeak, CurrentPasswordWrong, PasswordReused, Throttled.
    """
    administration.require_good_password(new)
    # Counted by e-mail address as sign-ins are, so that a stolen token gives no extra guesses.
    counted = throttling.attempt(request, account=("sign_in_account", throttle_key(access_token, claims)))
    ending = intents.ending_tokens(
        Act.CREDENTIAL,
        claims.sub,
        claims.username or claims.sub,
        refusable=True,
        end_sessions=lambda: end_sessions(access_token, claims),
    )
    with counted as attempt, ending:
        get_gateway().change_password(access_token, current, new)
        attempt.succeeded()
