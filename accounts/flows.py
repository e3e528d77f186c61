"""What happens, step by step, when somebody signs up, signs in, changes something or leaves?

The API and the pages for people tell the same stories: here each is told once. Throttles count, Cognito is asked,
and what must be remembered is. Strangers get one answer, whether or not the account exists.
"""

import logging
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from django.http import HttpRequest
from rest_framework.exceptions import ValidationError

from accounts import administration, challenges, revocation, throttles
from accounts.cognito import Challenge, Refused, Tokens, get_gateway
from accounts.conf import get_config
from accounts.exceptions import (
    AccountError,
    ChallengeUnknown,
    CognitoMisconfigured,
    CognitoUnavailable,
    CurrentPasswordWrong,
    InvalidCredentials,
    KeysUnavailableNow,
    PasswordMissing,
    PersonNotFound,
    RefreshTokenInvalid,
    RoleNotAllowed,
)
from accounts.keys import KeysUnavailable
from accounts.models import SignUp, User
from accounts.rates import RateName
from accounts.roles import Role
from accounts.tokens import Claims, TokenError, get_verifier
from accounts.users import CognitoUser

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


# --- Sign-up ---


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
    with throttles.attempt(request, account=("code_account", email)) as attempt:
        if password is None and noted is not None and noted.needs_password:
            raise PasswordMissing
        get_gateway().confirm_sign_up(email, code)
        attempt.succeeded()
    if password is not None:
        administration.set_password(email, password)
    if noted is not None:
        # The account is confirmed whatever happens now; what fails here is made good at the next sign-in.
        try:
            _grant(noted, email)
        except AccountError as error:
            logger.warning("A role could not be granted at confirmation: %s", error.get_codes())


def _grant(noted: SignUp, username: str) -> None:
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


# --- Sign-in ---


def sign_in(request: HttpRequest, email: str, password: str) -> Tokens | Challenge:
    """Sign in with a password. Raises InvalidCredentials, UserNotConfirmed, PasswordResetRequired, Throttled."""
    with throttles.attempt(request, address="sign_in_address", account=("sign_in_account", email)) as attempt:
        outcome = get_gateway().sign_in(email, password)
        attempt.succeeded()
    return _completed(outcome, email)


def signed_in_elsewhere(tokens: Tokens, email: str) -> Tokens:
    """What belongs to a sign-in, for one through Cognito's own pages: its session is known, its role is granted."""
    outcome = _completed(tokens, email)
    return outcome if isinstance(outcome, Tokens) else tokens


def answer_challenge(request: HttpRequest, challenge: Challenge, email: str, answer: str) -> Tokens | Challenge:
    """Answer a challenge. Raises ChallengeExpired, CodeMismatch, PasswordTooWeak, PasswordReused, Throttled."""
    if challenges.needed(challenge) == "new_password":
        administration.require_good_password(answer)
    with throttles.attempt(request, account=_mfa_account(challenge.username)) as attempt:
        outcome = challenges.answered(challenge, answer)
        attempt.succeeded()
    return _completed(outcome, email)


def _mfa_account(username: str) -> tuple[RateName, str]:
    """Codes behind a proven password are counted apart: strangers who guess at mailed codes must not lock MFA."""
    return "code_account", f"mfa {username}"


def refresh(refresh_token: str, claims: Claims | None = None) -> Tokens:
    """Fresh tokens. `claims` are those of the old access token, if it came along. Raises RefreshTokenInvalid."""
    known = revocation.session_of(refresh_token)
    username = claims.username if claims else known.sub if known else None
    tokens = get_gateway().refresh(refresh_token, username)
    fresh = _claims(tokens)
    if tokens.refresh_token != refresh_token:
        revocation.forget_session(refresh_token)
    revocation.remember_session(tokens.refresh_token, fresh)
    return tokens


def _completed(outcome: Tokens | Challenge, email: str) -> Tokens | Challenge:
    """A step of a sign-in; when it is the last, remember the session and make good a role not granted yet."""
    if isinstance(outcome, Challenge):
        return outcome
    claims = _claims(outcome)
    noted = SignUp.objects.of(email)
    if noted is not None:
        try:
            if not CognitoUser.from_claims(claims).roles:
                _grant(noted, claims.username or email)
                outcome = get_gateway().refresh(outcome.refresh_token, claims.username)
                claims = _claims(outcome)
            else:
                noted.delete()
        except AccountError as error:
            logger.warning("A role could not be granted at sign-in: %s", error.get_codes())
    revocation.remember_session(outcome.refresh_token, claims)
    return outcome


def _claims(tokens: Tokens) -> Claims:
    """The claims of tokens that Cognito has just given: they verify, or the settings are wrong."""
    try:
        return get_verifier().verify(tokens.access_token, "access")
    except TokenError as error:
        logger.error("A token that the pool has just given is refused: %s", error.code)
        raise CognitoMisconfigured from None
    except KeysUnavailable as error:
        raise KeysUnavailableNow(error.retry_after) from None


# --- Sign-out ---


def sign_out(refresh_token: str, claims: Claims | None = None) -> None:
    """End one session: its refresh token in Cognito, its access tokens here. An unknown token is no error."""
    known = revocation.session_of(refresh_token)
    session = known.origin_jti if known else claims.origin_jti if claims else None
    ended = [refresh_token]
    if session is None:
        # Whose access tokens are these? Cognito tells only by giving one more.
        with suppress(RefreshTokenInvalid):
            tokens = get_gateway().refresh_of_any_client(refresh_token)
            session = _claims(tokens).origin_jti
            ended.append(tokens.refresh_token)
    try:
        for token in dict.fromkeys(ended):
            get_gateway().revoke(token)
    finally:
        # Ours ends even while Cognito does not answer.
        if session is not None:
            revocation.revoke_session(session)
    revocation.forget_session(refresh_token)


def sign_out_everywhere(access_token: str, claims: Claims) -> None:
    """End all sessions of the person: in Cognito first, so that nothing is refreshed behind our cut-off.

    Cognito takes an access token for that, but not every one: where it does not, we ask as administrators.
    """
    try:
        if claims.username is not None:  # a machine has no sessions
            try:
                get_gateway().sign_out_everywhere(access_token)
            except (Refused, CognitoUnavailable):
                with suppress(PersonNotFound):
                    administration.sign_out_everywhere(claims.username)
    finally:
        # Ours end even while Cognito does not answer.
        revocation.revoke_person(claims.sub)


# --- Passwords ---


def forgot_password(request: HttpRequest, email: str) -> None:
    """Mail a code for a new password, if there is anybody to mail it to. Raises Throttled."""
    with (
        throttles.attempt(request, address="mail_address", account=("mail_account", email)),
        suppress(Refused),
    ):
        get_gateway().forgot_password(email)


def reset_password(request: HttpRequest, email: str, code: str, new_password: str) -> None:
    """Set a new password with the code mailed, and end every session there is.

    Raises PasswordTooWeak (before the code is spent), CodeMismatch, PasswordReused, Throttled.
    """
    administration.require_good_password(new_password)
    with throttles.attempt(request, account=("code_account", email)) as attempt:
        # Whose sessions will end is asked before the code is spent: afterwards nothing may stand in the way.
        try:
            person = administration.person(email)
        except PersonNotFound:
            person = None
        get_gateway().reset_password(email, code, new_password)
        attempt.succeeded()
    if person is not None:
        try:
            administration.sign_out_everywhere(person.username)
        finally:
            revocation.revoke_person(person.sub)


def change_password(request: HttpRequest, access_token: str, claims: Claims, current: str, new: str) -> None:
    """Change one's own password, and end every session there is: whoever knew the old one is out.

    Raises PasswordTooWeak, CurrentPasswordWrong, PasswordReused, Throttled.
    """
    administration.require_good_password(new)
    # By the address, as at sign-in: a stolen token gives no guesses beside those.
    with throttles.attempt(request, account=("sign_in_account", _address(access_token, claims))) as attempt:
        get_gateway().change_password(access_token, current, new)
        attempt.succeeded()
    sign_out_everywhere(access_token, claims)


# --- One's own account ---


def update_profile(request: HttpRequest, access_token: str, attributes: Mapping[str, str | None]) -> None:
    """Change attributes; None removes one. A new e-mail address is mailed a code, and counts once that was shown.

    Raises Throttled for the mail.
    """
    email = attributes.get("email")
    others = {name: value for name, value in attributes.items() if name != "email"}
    changed = {name: value for name, value in others.items() if value is not None}
    if changed:
        get_gateway().update_profile(access_token, changed)
    removed = [name for name, value in others.items() if value is None]
    if removed:
        get_gateway().remove_from_profile(access_token, removed)
    if email is not None:
        # By itself: an address that somebody has must not take the other changes down with it.
        with throttles.attempt(request, address="mail_address", account=("mail_account", email)):
            get_gateway().update_profile(access_token, {"email": email})


def send_email_code(request: HttpRequest, access_token: str, claims: Claims) -> None:
    """Mail a code to the address that waits to be verified. Raises Throttled."""
    with throttles.attempt(request, account=("mail_account", _address(access_token, claims))):
        get_gateway().send_email_code(access_token)


def verify_email(request: HttpRequest, access_token: str, claims: Claims, code: str) -> None:
    """Make the new address count. Raises CodeMismatch, CodeExpired, Throttled."""
    with throttles.attempt(request, account=("code_account", f"verify {claims.sub}")) as attempt:
        get_gateway().verify_email(access_token, code)
        attempt.succeeded()


def finish_mfa(request: HttpRequest, access_token: str, claims: Claims, code: str) -> None:
    """Ask for codes of the new secret from now on. Raises CodeMismatch, Throttled."""
    with throttles.attempt(request, account=_mfa_account(claims.username or claims.sub)) as attempt:
        get_gateway().finish_mfa(access_token, code)
        attempt.succeeded()


def delete_account(request: HttpRequest, access_token: str, claims: Claims, password: str) -> None:
    """Delete the account in Cognito and forget the person here; the books they added stay.

    Raises CurrentPasswordWrong, Throttled.
    """
    _prove_password(request, access_token, claims, password)
    try:
        get_gateway().delete_account(access_token)
    except CognitoUnavailable:
        if not _is_gone(claims):  # only the answer was lost
            raise
    finally:
        # First of all nobody may act in their name any more; only then is their row gone for good.
        revocation.revoke_person(claims.sub)
    User.objects.filter(sub=claims.sub).delete()
    revocation.forget_sessions_of(claims.sub)


def _is_gone(claims: Claims) -> bool:
    try:
        administration.person(claims.username or claims.sub)
    except PersonNotFound:
        return True
    except AccountError:
        return False  # nobody can tell now
    return False


def end_mfa(request: HttpRequest, access_token: str, claims: Claims, password: str, code: str) -> None:
    """Stop asking for codes, proven by a real sign-in whose tokens are thrown away.

    Raises CurrentPasswordWrong, CodeMismatch, Throttled.
    """
    outcome = _prove_password(request, access_token, claims, password)
    if isinstance(outcome, Challenge) and outcome.name == "SELECT_MFA_TYPE":
        outcome = challenges.answered(outcome, "SOFTWARE_TOKEN_MFA")
    if isinstance(outcome, Challenge):
        if outcome.name != "SOFTWARE_TOKEN_MFA":
            raise ChallengeUnknown
        with throttles.attempt(request, account=_mfa_account(outcome.username)) as attempt:
            proven = challenges.answered(outcome, code)
            attempt.succeeded()
        if not isinstance(proven, Tokens):
            raise ChallengeUnknown
        get_gateway().revoke(proven.refresh_token)
    get_gateway().end_mfa(access_token)


def _prove_password(request: HttpRequest, access_token: str, claims: Claims, password: str) -> Tokens | Challenge:
    """Whether it is really them: their password, asked of Cognito. Raises CurrentPasswordWrong, Throttled."""
    email = _address(access_token, claims)
    with throttles.attempt(request, account=("sign_in_account", email)) as attempt:
        try:
            outcome = get_gateway().sign_in(email, password)
        except InvalidCredentials:
            raise CurrentPasswordWrong from None
        attempt.succeeded()
    if isinstance(outcome, Tokens):
        get_gateway().revoke(outcome.refresh_token)
    return outcome


def _address(access_token: str, claims: Claims) -> str:
    """The e-mail address somebody signs in with; an access token does not hold it."""
    return get_gateway().profile(access_token).attributes.get("email", claims.username or claims.sub)
