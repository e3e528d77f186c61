"""Changes to one's own account: profile, e-mail address, TOTP and deletion."""

import time
from collections.abc import Mapping

from django.http import HttpRequest

from accounts.cognito import administration
from accounts.cognito.errors import (
    AccountError,
    ChallengeUnknown,
    CognitoUnavailable,
    CurrentPasswordWrong,
    FreshSignInNeeded,
    InvalidCredentials,
    PasswordNeeded,
)
from accounts.cognito.gateway import get_gateway
from accounts.cognito.results import Challenge, Profile, Tokens
from accounts.flows import challenges, intents, throttling
from accounts.flows.intents import Act
from accounts.flows.sign_in import claims_of_new, mfa_account
from accounts.tokens import revocation
from accounts.tokens.verifier import Claims

FRESH_SECONDS = 300.0  # age of a sign-in that proves identity in place of a password


def profile(access_token: str) -> Profile:
    """Attributes and MFA methods of the account. Raises TokenEnded."""
    return get_gateway().profile(access_token)


def update_profile(request: HttpRequest, access_token: str, attributes: Mapping[str, str | None]) -> None:
    """Change attributes; None removes one. A new e-mail address is mailed a code, and takes effect once verified.

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
        # A call of its own: a refused address must not prevent the other changes.
        with throttling.attempt(request, address="mail_address", account=("mail_account", email)):
            get_gateway().update_profile(access_token, {"email": email})


def send_email_code(request: HttpRequest, access_token: str, claims: Claims) -> None:
    """Mail a code to the e-mail address that is not verified yet. Raises Throttled."""
    with throttling.attempt(
        request, address="mail_address", account=("mail_account", throttle_key(access_token, claims))
    ):
        get_gateway().send_email_code(access_token)


def verify_email(request: HttpRequest, access_token: str, claims: Claims, code: str) -> None:
    """Verify the new e-mail address with its code. Raises CodeMismatch, CodeExpired, Throttled."""
    with throttling.attempt(
        request, address="code_address", account=("code_account", f"verify {claims.sub}")
    ) as attempt:
        get_gateway().verify_email(access_token, code)
        attempt.succeeded()


def begin_mfa(access_token: str) -> str:
    """A new TOTP secret (base32), not in use before `finish_mfa`. Raises TokenEnded."""
    return get_gateway().begin_mfa(access_token)


def finish_mfa(request: HttpRequest, access_token: str, claims: Claims, code: str) -> None:
    """Turn on TOTP with the new secret, proven by a code. Raises CodeMismatch, Throttled."""
    with throttling.attempt(
        request, address="code_address", account=mfa_account(claims.username or claims.sub)
    ) as attempt:
        get_gateway().finish_mfa(access_token, code)
        attempt.succeeded()


def delete_account(request: HttpRequest, access_token: str, claims: Claims, password: str | None = None) -> None:
    """Delete the account in Cognito and the person's data here, except what other models keep.

    People of another identity provider have no password: a sign-in at most FRESH_SECONDS ago is the proof instead.
    Raises CurrentPasswordWrong, PasswordNeeded, FreshSignInNeeded, Throttled.
    """
    if password is None:
        _require_fresh_sign_in(claims)
    else:
        _require_password(request, access_token, claims, password)
    username = claims.username or claims.sub
    with intents.ending_tokens(Act.DELETE, claims.sub, username):
        # Tokens are revoked first: if the database fails, nothing is deleted.
        revocation.revoke_person(claims.sub)
        try:
            get_gateway().delete_account(access_token)
        except CognitoUnavailable:
            if not _is_gone(claims.sub, username):  # only the response was lost
                raise


def _is_gone(sub: str, username: str) -> bool:
    try:
        return intents.is_gone(sub, username)
    except AccountError:
        return False  # unknown while Cognito is unavailable


def end_mfa(request: HttpRequest, access_token: str, claims: Claims, password: str, code: str) -> None:
    """Turn off TOTP, proven by a sign-in with password and code, whose tokens are revoked.

    Raises CurrentPasswordWrong, CodeMismatch, Throttled.
    """
    outcome = _require_password(request, access_token, claims, password)
    if isinstance(outcome, Challenge) and outcome.name == "SELECT_MFA_TYPE":
        outcome = challenges.respond(outcome, "SOFTWARE_TOKEN_MFA")
    if isinstance(outcome, Challenge):
        if outcome.name != "SOFTWARE_TOKEN_MFA":
            raise ChallengeUnknown
        with throttling.attempt(request, address="code_address", account=mfa_account(outcome.username)) as attempt:
            proven = challenges.respond(outcome, code)
            attempt.succeeded()
        if not isinstance(proven, Tokens):
            raise ChallengeUnknown
        get_gateway().revoke(proven.refresh_token)
        if not _belongs_to(proven, claims):
            raise CurrentPasswordWrong
    get_gateway().end_mfa(access_token)


def _require_password(request: HttpRequest, access_token: str, claims: Claims, password: str) -> Tokens | Challenge:
    """Check the password by a sign-in at Cognito. Raises CurrentPasswordWrong, Throttled."""
    email = throttle_key(access_token, claims)
    with throttling.attempt(request, account=("sign_in_account", email)) as attempt:
        try:
            outcome = get_gateway().sign_in(email, password)
        except InvalidCredentials:
            raise CurrentPasswordWrong from None
        if isinstance(outcome, Tokens):
            get_gateway().revoke(outcome.refresh_token)
        if not _belongs_to(outcome, claims):
            raise CurrentPasswordWrong
        attempt.succeeded()
    return outcome


def _belongs_to(outcome: Tokens | Challenge, claims: Claims) -> bool:
    """Whether a sign-in is of the person of `claims`: the address may belong to another account by now."""
    if isinstance(outcome, Tokens):
        return claims_of_new(outcome).sub == claims.sub
    return outcome.username in (claims.username, claims.sub) or not intents.is_gone(claims.sub, outcome.username)


def _require_fresh_sign_in(claims: Claims) -> None:
    """Require a sign-in through another identity provider at most FRESH_SECONDS ago.

    `auth_time` is the time of the sign-in, also in refreshed tokens (OpenID Connect Core, section 2). Raises
    PasswordNeeded for people who have a password, and FreshSignInNeeded.
    """
    if not administration.account(claims.username or claims.sub).is_federated:
        raise PasswordNeeded
    if claims.auth_time is None or time.time() - claims.auth_time > FRESH_SECONDS:
        raise FreshSignInNeeded


def throttle_key(access_token: str, claims: Claims) -> str:
    """The name by which attempts on an account are counted: its e-mail address if verified, else its user name.

    An unverified address may belong to another person, whose limit must not be used up.
    """
    attributes = get_gateway().profile(access_token).attributes
    if attributes.get("email_verified") == "true" and "email" in attributes:
        return attributes["email"]
    return claims.username or claims.sub
