"""Session of a signed-in browser: holds the tokens of the sign-in on the server.

The rights of a session are those of its access token, which is verified at every request. An expired or revoked access
token is renewed with the refresh token; when Cognito refuses that, the session ends.
"""

import logging
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY, authenticate, login, logout
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts import user_rows
from accounts.cognito.errors import AccountError, InvalidCredentials, RefreshTokenInvalid
from accounts.cognito.results import Tokens
from accounts.flows import sign_in, sign_out
from accounts.tokens import revocation
from accounts.tokens.exceptions import KeysUnavailableNow
from accounts.tokens.keys import KeysUnavailable
from accounts.tokens.roles import Role
from accounts.tokens.state import state_of
from accounts.tokens.users import CognitoUser
from accounts.tokens.verifier import Claims, TokenError, TokenExpired, get_verifier

logger = logging.getLogger(__name__)

# Keys in the session.
_ACCESS = "cognito_access_token"
_REFRESH = "cognito_refresh_token"
_EMAIL = "cognito_email"
_HOSTED = "cognito_hosted"

# Module of the authentication backends in sessions of former releases, and now.
_FORMER_BACKENDS, _BACKENDS = "accounts.backends.", "accounts.browser.backends."


# --- Sign-in ---


def begin(request: HttpRequest, tokens: Tokens, *, hosted: bool = False) -> Any:
    """Sign in the person of `tokens`, under a new session key.

    `hosted`: Cognito's hosted pages have a session too. Raises InvalidCredentials when the tokens do not verify.
    """
    person = authenticate(request, cognito_tokens=tokens)
    if person is None:
        raise InvalidCredentials
    login(request, person)
    request.session[_ACCESS] = tokens.access_token
    request.session[_REFRESH] = tokens.refresh_token
    request.session[_EMAIL] = person.email or ""
    request.session[_HOSTED] = hosted
    # Absolute lifetime: renewals do not extend it.
    request.session.set_expiry(timedelta(seconds=settings.SESSION_COOKIE_AGE))
    state = state_of(request)
    state.session_claims, state.session_checked = None, False
    return person


# --- Validation and renewal ---


def has_cookie(request: HttpRequest) -> bool:
    """Whether the request has a session cookie; no query."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES


def claims_of(request: HttpRequest) -> Claims | None:
    """The claims of the session's access token, renewed if necessary; None when nobody is signed in.

    A session that Cognito has ended is ended here. Raises KeysUnavailableNow or another AccountError (503, 429) when
    the session cannot be validated now.
    """
    if not has_cookie(request):
        return None
    state = state_of(request)
    if not state.session_checked:
        state.session_claims = _current(request)
        state.session_checked = True
    return state.session_claims


def claims_known(request: HttpRequest) -> Claims | None:
    """The result of an earlier `claims_of` for this request, else None. For the log: no calls, no queries."""
    return state_of(request).session_claims


def access_token_of(request: HttpRequest) -> str | None:
    """The access token of the signed-in browser, or None."""
    session = getattr(request, "session", None)
    return session.get(_ACCESS) if session is not None else None


def email_of(request: HttpRequest) -> str:
    """The e-mail address of the signed-in person, which an access token does not hold."""
    email: str = request.session.get(_EMAIL, "")
    return email


def is_hosted(request: HttpRequest) -> bool:
    """Whether the sign-in used Cognito's hosted pages, which then have a session too."""
    return bool(request.session.get(_HOSTED))


def limit_rights(request: HttpRequest, claims: Claims) -> None:
    """Limit the rights of `request.user`, for this request, to those of its token."""
    person = request.user
    if person.is_authenticated and Role.ADMIN not in CognitoUser.from_claims(claims).roles:
        # Not saved: another browser of the person may hold a newer token.
        user_rows.follow_roles(person, frozenset())


def change_email(request: HttpRequest, claims: Claims, email: str) -> None:
    """Store the new verified e-mail address of the signed-in person, unless it is unique and taken in the table."""
    with suppress(IntegrityError), transaction.atomic():
        user_rows.rows(claims.sub).update(email=email)
    request.session[_EMAIL] = email


def _current(request: HttpRequest) -> Claims | None:
    _rename_backend(request)
    token = access_token_of(request)
    if token is None:
        return None
    try:
        try:
            return _verified(token)
        except TokenError:
            return _renewed(request)
    except (TokenError, RefreshTokenInvalid, UpdateError) as error:
        logger.info("The session of a browser has ended: %s", getattr(error, "code", type(error).__name__))
        forget(request)
        return None
    except KeysUnavailable as error:
        raise KeysUnavailableNow(error.retry_after) from None


def _rename_backend(request: HttpRequest) -> None:
    """Rename the backend of a former release: Django takes a session with an unknown backend for an anonymous one."""
    session = getattr(request, "session", {})
    backend = session.get(BACKEND_SESSION_KEY, "")
    if backend.startswith(_FORMER_BACKENDS):
        session[BACKEND_SESSION_KEY] = _BACKENDS + backend.removeprefix(_FORMER_BACKENDS)


def _verified(token: str) -> Claims:
    claims = get_verifier().verify(token, "access")
    revocation.require_current(claims)
    return claims


def _renewed(request: HttpRequest) -> Claims:
    """Renew the access token and store it in the session. Returns its claims.

    Two requests may renew concurrently: Cognito accepts the old refresh token for some seconds, and both new ones are
    valid. A later request reads the stored tokens from the database. Raises RefreshTokenInvalid, TokenError, and
    UpdateError when the browser was signed out meanwhile.
    """
    session = request.session
    if _adopt_stored_tokens(session):
        with suppress(TokenError):
            return _verified(session[_ACCESS])
    if _REFRESH not in session:
        raise RefreshTokenInvalid
    try:
        tokens = sign_in.refresh(session[_REFRESH])
    except RefreshTokenInvalid:
        if not _adopt_stored_tokens(session):
            raise
        return _verified(session[_ACCESS])
    claims = _verified(tokens.access_token)
    person = user_rows.rows(claims.sub).first()
    if person is None or session.get(SESSION_KEY) != person._meta.pk.value_to_string(person):
        raise RefreshTokenInvalid
    session[_ACCESS], session[_REFRESH] = tokens.access_token, tokens.refresh_token
    # Saved now: concurrent requests read it, and the old refresh token may be invalid even if this request fails.
    session.save()
    if user_rows.follow_roles(person, CognitoUser.from_claims(claims).roles):
        # Saved before `request.user`, which is lazy, reads the row.
        person.save(update_fields=["is_staff", "is_superuser"] if user_rows.is_ours() else None)
    return claims


def _adopt_stored_tokens(session: SessionBase) -> bool:
    """Adopt the tokens that a concurrent request has stored. Returns whether there were any."""
    stored = type(session)(session.session_key).load()
    if stored.get(_ACCESS) in (None, session[_ACCESS]):
        return False
    for name in (_ACCESS, _REFRESH):
        session[name] = stored.get(name)
    return True


# --- Sign-out ---


def end(request: HttpRequest) -> None:
    """Sign this browser out: here in any case, at Cognito if it is available."""
    refresh_token = request.session.get(_REFRESH)
    try:
        claims = _last_claims(request)
        if refresh_token is not None:
            sign_out.sign_out(refresh_token, claims)
        elif claims is not None and claims.origin_jti is not None:
            revocation.revoke_session(claims.origin_jti)
        elif claims is not None:  # a token without a session id
            revocation.revoke_person(claims.sub)
    except (AccountError, KeysUnavailable) as error:
        logger.warning("A browser was signed out here, but not at Cognito: %s", type(error).__name__)
    finally:
        forget(request)


def _last_claims(request: HttpRequest) -> Claims | None:
    """The claims of the access token that the session holds, expired or not."""
    try:
        return get_verifier().verify(access_token_of(request) or "", "access")
    except TokenExpired as error:
        return error.claims
    except TokenError:
        return None


def forget(request: HttpRequest) -> None:
    """Delete the session; the rest of this request is anonymous."""
    with suppress(UpdateError):
        logout(request)
    state = state_of(request)
    state.session_claims, state.session_checked = None, True
