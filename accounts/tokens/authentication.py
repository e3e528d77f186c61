"""Authentication of requests by a bearer token (RFC 6750), for Django REST framework.

The result is None without credentials, an error for bad ones, else a `CognitoUser` and the verified `Claims`. With the
`accounts` app in INSTALLED_APPS, which has the tables, tokens are checked against the revocation list; without the app
they are not.
"""

from collections.abc import Callable
from functools import cache

from django.apps import apps
from rest_framework import authentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from accounts.tokens.conf import get_config
from accounts.tokens.exceptions import BEARER_CHALLENGE, KeysUnavailableNow, TokenRefused, bearer_challenge
from accounts.tokens.keys import KeysUnavailable
from accounts.tokens.signals import token_judged
from accounts.tokens.state import state_of
from accounts.tokens.users import CognitoUser
from accounts.tokens.verifier import Claims, TokenDelegated, TokenError, TokenExpired, TokenMalformed, get_verifier


class BearerAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <JWT>` (RFC 6750 section 2.1).

    Where `takes_delegated` is false a token with an actor (RFC 8693 section 4.1) is refused, whatever the settings say.
    """

    takes_delegated = True

    def authenticate(self, request: Request) -> tuple[CognitoUser, Claims] | None:
        """The user and the claims of the token, or None when there is no Authorization header.

        Raises TokenRefused (401) for anything but one genuine token, KeysUnavailableNow (503) when it cannot be
        checked.
        """
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        state = state_of(request)
        if state.accepted is not None:  # a middleware has asked before the view does
            return state.accepted
        if state.refusal is not None:
            raise TokenRefused(state.refusal.detail, state.refusal.code)
        if state.retry_after is not None:
            raise KeysUnavailableNow(state.retry_after)
        try:
            state.access_token = bearer_token(header)
            claims = self.verified(request, state.access_token)
            if claims is None:
                self._judged(TokenExpired.code)
                return None
            if claims.act is not None and not self.takes_delegated:
                raise TokenDelegated("Accounts are for people themselves: this token was delegated to somebody else.")
            _revocation_check()(claims)
        except TokenError as error:
            self._judged(error.code)
            # DRF makes the header of the 401 with another instance of this class: the reason is kept in the state.
            state.refusal = error
            raise TokenRefused(error.detail, error.code) from None
        except KeysUnavailable as error:
            self._judged(KeysUnavailableNow.default_code)
            state.retry_after = error.retry_after
            raise KeysUnavailableNow(error.retry_after) from None
        self._judged("ok")
        state.accepted = CognitoUser.from_claims(claims), claims
        return state.accepted

    def _judged(self, verdict: str) -> None:
        token_judged.send_robust(type(self), verdict=verdict)

    def verified(self, request: Request, token: str) -> Claims | None:
        """The claims of `token`, for subclasses to override; None when it counts as no credentials.

        Raises TokenError, KeysUnavailable.
        """
        return get_verifier().verify(token, get_config().token_use)

    def authenticate_header(self, request: Request) -> str:
        """`WWW-Authenticate` for a 401: bare when no credentials were sent, with the reason otherwise."""
        refusal = state_of(request).refusal
        if refusal is None:
            return BEARER_CHALLENGE
        return bearer_challenge("invalid_token", refusal.detail)


class AnonymousAuthentication(BearerAuthentication):
    """Bearer authentication for anonymous callers: an expired token counts as none, any other bad one is refused."""

    def verified(self, request: Request, token: str) -> Claims | None:
        """The claims of `token`, or None when it has expired.

        The expired claims are kept in the state: the client is about to sign in, to refresh or to sign out.
        """
        try:
            return super().verified(request, token)
        except TokenExpired as error:
            if error.claims.act is None:
                state_of(request).expired = error.claims
            return None


def who(request: Request) -> CognitoUser:
    """The user of an authenticated request. Raises NotAuthenticated."""
    user: object = request.user
    if not isinstance(user, CognitoUser):
        raise NotAuthenticated
    return user


def claims_of(request: Request) -> Claims:
    """The claims of the token that a request was authenticated with. Raises NotAuthenticated."""
    claims: object = request.auth
    if not isinstance(claims, Claims):
        raise NotAuthenticated
    return claims


def claims_sent(request: Request) -> Claims | None:
    """The claims of the token that was sent, even of an expired one (AnonymousAuthentication), or None."""
    return state_of(request).expired if request.auth is None else claims_of(request)


def token_sent(request: Request) -> str:
    """The access token that `request` was authenticated with, for calls to Cognito; empty without credentials."""
    return state_of(request).access_token


def bearer_token(header: str) -> str:
    """The token in an Authorization header. Raises TokenMalformed for anything but `Bearer` and one token.

    An empty header is refused too: servers turn a value that is not ASCII into an empty one, and a request with
    credentials must never pass for one without.
    """
    scheme, _, token = header.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer":
        raise TokenMalformed("The Authorization header must be `Bearer` and a token.")
    if not token or " " in token or "," in token:
        # A comma: two Authorization headers, joined by the server.
        raise TokenMalformed("The Authorization header must hold one token.")
    return token


@cache
def _revocation_check() -> Callable[[Claims], None]:
    """The check of the revocation list, which raises TokenError; one that does nothing without the `accounts` app."""
    if apps.get_containing_app_config(__name__) is None:
        return lambda claims: None
    # Imported here, because a project without the app needs neither the list nor the clock that it follows.
    from accounts.tokens.revocation import require_current

    return require_current
