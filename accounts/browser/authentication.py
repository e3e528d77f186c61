"""Authentication of API requests by the session of a signed-in browser, for Django REST framework."""

from dataclasses import replace

from django.http import HttpRequest
from rest_framework import authentication
from rest_framework.request import Request

from accounts.browser import session
from accounts.tokens.state import state_of
from accounts.tokens.users import CognitoUser
from accounts.tokens.verifier import Claims


class SessionAuthentication(authentication.SessionAuthentication):
    """Session authentication; unsafe methods need the CSRF token.

    The roles are those of the access token in the session, which is verified at every request.
    """

    def authenticate(self, request: Request) -> tuple[CognitoUser, Claims] | None:
        """The signed-in person and their claims, or None when there is no session or Cognito has ended it.

        Raises KeysUnavailableNow or another error of status 503 or 429 when the session cannot be checked now.
        """
        http_request: HttpRequest = request._request
        claims = session.claims_of(http_request)
        if claims is None:
            return None
        self.enforce_csrf(request)
        state_of(http_request).access_token = session.access_token_of(http_request) or ""
        return replace(CognitoUser.from_claims(claims), email=session.email_of(http_request)), claims
