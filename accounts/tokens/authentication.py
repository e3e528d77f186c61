"""Authentication of requests, by a bearer token or by the session of a signed-in browser.

A class here gives nothing (no credentials), refuses (bad ones), or gives a `CognitoUser` and the verified `Claims`.
"""

from dataclasses import replace

from django.http import HttpRequest
from rest_framework import authentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from accounts.browser import session
from accounts.flows import header_refresh
from accounts.tokens import revocation
from accounts.tokens.conf import get_config
from accounts.tokens.exceptions import BEARER_CHALLENGE, KeysUnavailableNow, TokenRefused, bearer_challenge
from accounts.tokens.keys import KeysUnavailable
from accounts.tokens.signals import token_judged
from accounts.tokens.users import CognitoUser
from accounts.tokens.verifier import Claims, TokenDelegated, TokenError, TokenExpired, TokenMalformed, get_verifier

# What is known of a request already, in its META: nothing that a client sends can have these names.
_ACCEPTED = "accounts.accepted"
_REFUSAL = "accounts.token_refusal"
_UNJUDGED = "accounts.keys_retry_after"
_EXPIRED = "accounts.expired_claims"


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
        accepted: tuple[CognitoUser, Claims] | None = request.META.get(_ACCEPTED)
        if accepted is not None:  # a middleware has asked before the view does
            return accepted
        if _REFUSAL in request.META:
            raise self.refused(request, request.META[_REFUSAL])
        if _UNJUDGED in request.META:
            raise KeysUnavailableNow(request.META[_UNJUDGED])
        try:
            claims = self.verified(request, bearer_token(header))
            if claims is None:
                self._judged(TokenExpired.code)
                return None
            if claims.act is not None and not self.takes_delegated:
                raise TokenDelegated("Accounts are for people themselves: this token was delegated to somebody else.")
            revocation.require_current(claims)
        except TokenError as error:
            self._judged(error.code)
            raise self.refused(request, error) from None
        except KeysUnavailable as error:
            self._judged(KeysUnavailableNow.default_code)
            request.META[_UNJUDGED] = error.retry_after
            raise KeysUnavailableNow(error.retry_after) from None
        self._judged("ok")
        request.META[_ACCEPTED] = accepted = CognitoUser.from_claims(claims), claims
        return accepted

    def _judged(self, verdict: str) -> None:
        token_judged.send_robust(type(self), verdict=verdict)

    def verified(self, request: Request, token: str) -> Claims | None:
        """The claims of a genuine token; of a fresh one where an expired one may be renewed on the way.

        Raises TokenError, KeysUnavailable.
        """
        try:
            return get_verifier().verify(token, get_config().token_use)
        except TokenExpired as error:
            claims = header_refresh.renewed(request, error)
            if claims is None:
                raise
            return claims

    def refused(self, request: Request, error: TokenError) -> TokenRefused:
        """The 401 for `error`."""
        # DRF makes the 401's header with another instance of this class: the reason travels with the request.
        request.META[_REFUSAL] = error
        return TokenRefused(error.detail, error.code)

    def authenticate_header(self, request: Request) -> str:
        """`WWW-Authenticate` for a 401: bare when no credentials were sent, with the reason otherwise."""
        refusal: TokenError | None = request.META.get(_REFUSAL)
        if refusal is None:
            return BEARER_CHALLENGE
        return bearer_challenge("invalid_token", refusal.detail)


class AnonymousAuthentication(BearerAuthentication):
    """For the paths of people who are not signed in: an expired token is no token, any other bad one is refused."""

    def verified(self, request: Request, token: str) -> Claims | None:
        """The claims of a genuine token that has not expired, else None.

        Whose the expired one was is remembered: the client is about to sign in, to refresh or to sign out.
        """
        try:
            return get_verifier().verify(token, get_config().token_use)
        except TokenExpired as error:
            if error.claims.act is None:
                request.META[_EXPIRED] = error.claims
            return None


def who(request: Request) -> CognitoUser:
    """The user of a request that was authenticated by one of the classes here. Raises NotAuthenticated."""
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
    """The claims of the genuine token that came along, even of an expired one (AnonymousAuthentication), or None."""
    expired: Claims | None = request.META.get(_EXPIRED)
    return expired if request.auth is None else claims_of(request)


def token_sent(request: Request) -> str:
    """The access token itself that `request` was authenticated with, to show it to Cognito."""
    renewed = header_refresh.access_token_given(request._request)
    if renewed is not None:
        return renewed
    header = request.META.get("HTTP_AUTHORIZATION")
    return bearer_token(header) if header is not None else session.access_token_of(request._request) or ""


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


class SessionAuthentication(authentication.SessionAuthentication):
    """The session of a browser that signed in here; unsafe methods need the CSRF token.

    The roles are those of the access token that the session holds, verified anew at every request.
    """

    def authenticate(self, request: Request) -> tuple[CognitoUser, Claims] | None:
        """The signed-in person and their claims, or None when there is no session or Cognito has ended it.

        Raises an error of 503 when that cannot be told now.
        """
        http_request: HttpRequest = request._request
        claims = session.claims_of(http_request)
        if claims is None:
            return None
        self.enforce_csrf(request)
        return replace(CognitoUser.from_claims(claims), email=session.email_of(http_request)), claims
