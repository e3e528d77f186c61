"""What does a browser's session hold, and is it still good? The tokens of its sign-in, on the server only.

The rights of a session are those of its access token, which is verified at every request. When that has expired or was
revoked it is renewed with the refresh token; when Cognito refuses to, the session is over.
"""

import logging
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import SESSION_KEY, authenticate, login, logout
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.http import HttpRequest

from accounts.cognito.errors import AccountError, InvalidCredentials, RefreshTokenInvalid
from accounts.cognito.results import Tokens
from accounts.flows import sign_in, sign_out
from accounts.models import User
from accounts.tokens import revocation
from accounts.tokens.exceptions import KeysUnavailableNow
from accounts.tokens.keys import KeysUnavailable
from accounts.tokens.roles import Role
from accounts.tokens.state import state_of
from accounts.tokens.users import CognitoUser
from accounts.tokens.verifier import Claims, TokenError, TokenExpired, get_verifier

logger = logging.getLogger(__name__)

# The names of what is kept.
_ACCESS = "cognito_access_token"
_REFRESH = "cognito_refresh_token"
_EMAIL = "cognito_email"
_HOSTED = "cognito_hosted"


# --- Its beginning ---


def begin(request: HttpRequest, tokens: Tokens, *, hosted: bool = False) -> User:
    """Sign the person of `tokens` in with this browser; its session gets a new key.

    `hosted` says that Cognito's own pages hold a session too. Raises InvalidCredentials when the tokens do not verify.
    """
    person = authenticate(request, cognito_tokens=tokens)
    if person is None:
        raise InvalidCredentials
    login(request, person)
    request.session[_ACCESS] = tokens.access_token
    request.session[_REFRESH] = tokens.refresh_token
    request.session[_EMAIL] = person.email
    request.session[_HOSTED] = hosted
    # From now, whatever is renewed in between.
    request.session.set_expiry(timedelta(seconds=settings.SESSION_COOKIE_AGE))
    state = state_of(request)
    state.session_claims, state.session_checked = None, False
    return person


# --- While it lasts ---


def has_cookie(request: HttpRequest) -> bool:
    """Whether there may be a session at all, which costs nothing to know."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES


def claims_of(request: HttpRequest) -> Claims | None:
    """The claims of the signed-in browser's access token, a fresh one if need be; None when nobody is signed in.

    A session that Cognito has ended is ended here. Raises KeysUnavailableNow or another AccountError (503, 429) when
    nobody can tell at the moment.
    """
    if not has_cookie(request):
        return None
    state = state_of(request)
    if not state.session_checked:
        state.session_claims = _current(request)
        state.session_checked = True
    return state.session_claims


def claims_known(request: HttpRequest) -> Claims | None:
    """The claims that `claims_of` has found for this request; None before it was asked. For the log: asks nobody."""
    return state_of(request).session_claims


def access_token_of(request: HttpRequest) -> str | None:
    """The access token of the signed-in browser, or None."""
    session = getattr(request, "session", None)
    return session.get(_ACCESS) if session is not None else None


def email_of(request: HttpRequest) -> str:
    """The e-mail address of the signed-in person, which an access token does not know."""
    email: str = request.session.get(_EMAIL, "")
    return email


def is_hosted(request: HttpRequest) -> bool:
    """Whether the sign-in went through Cognito's hosted pages, which then remember the person too."""
    return bool(request.session.get(_HOSTED))


def limit_rights(request: HttpRequest, claims: Claims) -> None:
    """Let `request.user`, this very request's, have no more rights than the token that it came with."""
    person = request.user
    if isinstance(person, User) and Role.ADMIN not in CognitoUser.from_claims(claims).roles:
        # Not saved: another browser of theirs may hold a newer token.
        person.follow_roles(frozenset())


def change_email(request: HttpRequest, claims: Claims, email: str) -> None:
    """Remember the new, verified address of the signed-in person."""
    User.objects.filter(sub=claims.sub).update(email=email)
    request.session[_EMAIL] = email


def _current(request: HttpRequest) -> Claims | None:
    token = access_token_of(request)
    if token is None:
        return None
    try:
        try:
            return _verified(token)
        except TokenError:
            return _renewed(request)
    except (TokenError, RefreshTokenInvalid, UpdateError) as error:
        logger.info("A browser's session has ended: %s", getattr(error, "code", type(error).__name__))
        forget(request)
        return None
    except KeysUnavailable as error:
        raise KeysUnavailableNow(error.retry_after) from None


def _verified(token: str) -> Claims:
    claims = get_verifier().verify(token, "access")
    revocation.require_current(claims)
    return claims


def _renewed(request: HttpRequest) -> Claims:
    """The claims of a fresh access token, which the session holds from now on.

    Two requests may renew at once: Cognito takes the old refresh token for some seconds more, and either new one is
    good. Whoever comes later finds in the database what the other has left there. Raises RefreshTokenInvalid,
    UpdateError when the browser was signed out meanwhile, or TokenError.
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
    if claims.sub != session.get(SESSION_KEY, claims.sub):
        raise RefreshTokenInvalid
    session[_ACCESS], session[_REFRESH] = tokens.access_token, tokens.refresh_token
    # At once: requests beside this one find it, and should this one fail the old refresh token is worth nothing.
    session.save()
    person = User.objects.filter(sub=claims.sub).first()
    if person is not None:
        person.follow_roles(CognitoUser.from_claims(claims).roles)
        # Before anybody asks who it is: `request.user` reads the row when it is first needed.
        person.save(update_fields=["is_staff", "is_superuser"])
    return claims


def _adopt_stored_tokens(session: SessionBase) -> bool:
    """Take over the tokens that another request has put into the database since this one began, if any."""
    stored = type(session)(session.session_key).load()
    if stored.get(_ACCESS) in (None, session[_ACCESS]):
        return False
    for name in (_ACCESS, _REFRESH):
        session[name] = stored.get(name)
    return True


# --- Its end ---


def end(request: HttpRequest) -> None:
    """Sign this browser out: here in any case, and at Cognito if it answers."""
    refresh_token = request.session.get(_REFRESH)
    try:
        claims = _last_claims(request)
        if refresh_token is not None:
            sign_out.sign_out(refresh_token, claims)
        elif claims is not None and claims.origin_jti is not None:
            revocation.revoke_session(claims.origin_jti)
        elif claims is not None:  # it names no session
            revocation.revoke_person(claims.sub)
    except (AccountError, KeysUnavailable) as error:
        logger.warning("A browser was signed out here only: %s", type(error).__name__)
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
    """Drop the session and all that it holds; whoever was signed in is a visitor for the rest of this request."""
    with suppress(UpdateError):
        logout(request)
    state = state_of(request)
    state.session_claims, state.session_checked = None, True
