"""Sign-in with a password and its challenges, token refresh, and the bookkeeping of a completed sign-in."""

import logging

from django.contrib.auth import authenticate
from django.http import HttpRequest

from accounts.cognito import administration
from accounts.cognito.errors import (
    AccountError,
    CognitoMisconfigured,
    InvalidCredentials,
    PasswordResetRequired,
    TokensTooLarge,
)
from accounts.cognito.gateway import get_gateway
from accounts.cognito.results import Challenge, Tokens
from accounts.flows import challenges, intents, throttling
from accounts.flows.rates import RateName
from accounts.flows.sign_up import grant_role
from accounts.models import SignUp, User
from accounts.tokens import revocation
from accounts.tokens.exceptions import KeysUnavailableNow
from accounts.tokens.keys import KeysUnavailable
from accounts.tokens.users import CognitoUser
from accounts.tokens.verifier import Claims, TokenError, TokenTooLarge, get_verifier

logger = logging.getLogger(__name__)


def sign_in(request: HttpRequest, email: str, password: str) -> Tokens | Challenge:
    """Sign in with a password. Raises InvalidCredentials, UserNotConfirmed, PasswordResetRequired, Throttled."""
    with throttling.attempt(request, address="sign_in_address", account=("sign_in_account", email)) as attempt:
        outcome = get_gateway().sign_in(email, password)
        attempt.succeeded()
    return _completed(outcome)


def complete_hosted_sign_in(tokens: Tokens) -> Tokens:
    """Complete a sign-in through Cognito's hosted pages: record its session, grant a role that is still pending.

    The pending sign-up is found by subject, not by the e-mail address of the token, which another identity provider may
    have set unverified. Raises PasswordResetRequired.
    """
    outcome = _completed(tokens)
    return outcome if isinstance(outcome, Tokens) else tokens


def break_glass(request: HttpRequest, username: str, password: str) -> User:
    """Authenticate a local superuser of `manage.py break_glass`, without Cognito.

    Counted by client address only, so that attempts from other addresses cannot lock the superuser out.
    Raises InvalidCredentials, Throttled.
    """
    with throttling.attempt(request, address="sign_in_address"):
        person = authenticate(request, username=username, password=password)
    if not isinstance(person, User):
        raise InvalidCredentials("Name or password is wrong.")
    return person


def answer_challenge(request: HttpRequest, challenge: Challenge, answer: str) -> Tokens | Challenge:
    """Respond to a challenge. Raises ChallengeExpired, CodeMismatch, PasswordTooWeak, PasswordReused, Throttled."""
    if challenges.expected_answer(challenge) == "new_password":
        administration.require_good_password(answer)
    with throttling.attempt(request, address="code_address", account=mfa_account(challenge.username)) as attempt:
        outcome = challenges.respond(challenge, answer)
        attempt.succeeded()
    return _completed(outcome)


def mfa_account(username: str) -> tuple[RateName, str]:
    """Rate and key for MFA codes: separate from mailed codes, so that guesses at those cannot lock MFA."""
    return "code_account", f"mfa {username}"


def refresh(refresh_token: str, claims: Claims | None = None) -> Tokens:
    """New tokens. `claims` are those of the old access token, if it was sent. Raises RefreshTokenInvalid."""
    known = revocation.session_of(refresh_token)
    username = claims.username if claims else known.sub if known else None
    tokens = get_gateway().refresh(refresh_token, username)
    fresh = claims_of_new(tokens)
    if tokens.refresh_token != refresh_token:
        revocation.forget_session(refresh_token)
    revocation.remember_session(tokens.refresh_token, fresh)
    intents.resume_due()
    return tokens


def _completed(outcome: Tokens | Challenge) -> Tokens | Challenge:
    """The outcome of a sign-in step. After the last one, the session is recorded and a pending role is granted.

    Raises PasswordResetRequired when the password is that of an account that another person had signed up.
    """
    if isinstance(outcome, Challenge):
        return outcome
    claims = claims_of_new(outcome)
    pending = SignUp.objects.filter(sub=claims.sub).first()
    if pending is not None and pending.must_reset:
        get_gateway().revoke(outcome.refresh_token)
        raise PasswordResetRequired
    if pending is not None:
        try:
            if not CognitoUser.from_claims(claims).roles:
                grant_role(pending, claims.username or claims.sub)
                outcome = get_gateway().refresh(outcome.refresh_token, claims.username)
                claims = claims_of_new(outcome)
            else:
                pending.delete()
        except AccountError as error:
            logger.warning("The role could not be granted at sign-in: %s", error.get_codes())
    revocation.remember_session(outcome.refresh_token, claims)
    intents.resume_due()
    return outcome


def claims_of_new(tokens: Tokens) -> Claims:
    """The claims of newly issued tokens. Raises CognitoMisconfigured when they do not verify, TokensTooLarge."""
    try:
        return get_verifier().verify(tokens.access_token, "access")
    except TokenTooLarge:
        logger.error("A newly issued token is larger than this service accepts: too many groups.")
        raise TokensTooLarge from None
    except TokenError as error:
        logger.error("A newly issued token is refused: %s. Check the settings of the pool.", error.code)
        raise CognitoMisconfigured from None
    except KeysUnavailable as error:
        raise KeysUnavailableNow(error.retry_after) from None
