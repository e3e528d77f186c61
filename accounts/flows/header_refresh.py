"""Refresh of tokens in headers: an expired access token is renewed by the refresh token sent with it. Off by default.

For legacy clients, enabled by COGNITO_HEADER_REFRESH. Proxies log headers, and here every request carries the refresh
token: prefer the endpoint `refresh/`.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from rest_framework.request import Request

from accounts.cognito.errors import RefreshTokenInvalid
from accounts.cognito.results import Tokens
from accounts.flows import sign_in
from accounts.tokens import revocation
from accounts.tokens.authentication import BearerAuthentication
from accounts.tokens.conf import get_config
from accounts.tokens.state import state_of
from accounts.tokens.verifier import Claims, TokenExpired, get_verifier


class HeaderRefreshAuthentication(BearerAuthentication):
    """Bearer authentication that renews an expired access token, where COGNITO_HEADER_REFRESH is on."""

    def verified(self, request: Request, token: str) -> Claims | None:
        """The claims of `token`, or of the one that replaces it. Raises TokenError, KeysUnavailable, AccountError."""
        try:
            return super().verified(request, token)
        except TokenExpired as error:
            claims = _renewed(request, error)
            if claims is None:
                raise
            return claims


def _renewed(request: Request, error: TokenExpired) -> Claims | None:
    """The claims of a fresh token for the same person, or None when nothing was or may be renewed.

    `error` is the refusal of the expired token, which was right in all else.
    """
    refresh_token = request.META.get("HTTP_X_REFRESH_TOKEN")
    if not refresh_token or not get_config().header_refresh:
        return None
    known = revocation.session_of(refresh_token)
    if known is not None and known.sub != error.claims.sub:
        return None  # before anything is spent: a pool may rotate it
    try:
        tokens = sign_in.refresh(refresh_token, error.claims)
    except RefreshTokenInvalid:
        return None
    claims = get_verifier().verify(tokens.access_token, "access")
    if claims.sub != error.claims.sub:
        return None
    give(request._request, tokens)
    return claims


def give(request: HttpRequest, tokens: Tokens) -> None:
    """Have `tokens` added to the headers of the response to `request`, which is authenticated by them from now on."""
    state = state_of(request)
    state.access_token = tokens.access_token
    state.response_headers = {
        "X-Access-Token": tokens.access_token,
        "X-Id-Token": tokens.id_token,
        "X-Refresh-Token": tokens.refresh_token,
    }


class HeaderRefreshMiddleware:
    """Adds new tokens to the headers of the response, which then is not cached."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer, with tokens where some are to be given."""
        response = self._get_response(request)
        headers = state_of(request).response_headers
        if headers is not None:
            for name, value in headers.items():
                response[name] = value
            response["Cache-Control"] = "no-store"
            patch_vary_headers(response, ("Authorization", "X-Refresh-Token"))
        return response
