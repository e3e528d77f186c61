"""State of the credentials of one request: set by the authentication classes, read by views, middleware and the log."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest
from rest_framework.request import Request

from accounts.tokens.users import CognitoUser
from accounts.tokens.verifier import Claims, TokenError

_KEY = "accounts.request_state"  # in META, where a header cannot have this name


@dataclass(slots=True, repr=False)  # no repr: Django's debug page shows META, and this holds tokens
class RequestState:
    """What is known about the credentials of one request.

    `accepted`          user and claims of the bearer token, once it was accepted
    `refusal`           why the bearer token was refused
    `retry_after`       seconds; set when the bearer token could not be verified, for want of keys
    `expired`           claims of an expired bearer token, where that counts as no credentials
    `access_token`      the access token that the request was authenticated with, which may be newer than the one sent
    `response_headers`  headers to add to the response: renewed tokens
    `session_claims`    claims of the browser session's access token; None also when nobody is signed in
    `session_checked`   whether `session_claims` was determined
    """

    accepted: tuple[CognitoUser, Claims] | None = None
    refusal: TokenError | None = None
    retry_after: int | None = None
    expired: Claims | None = None
    access_token: str = ""
    response_headers: Mapping[str, str] | None = None
    session_claims: Claims | None = None
    session_checked: bool = False


def state_of(request: HttpRequest | Request) -> RequestState:
    """The state of `request`; the same object for Django's request and for DRF's around it."""
    meta = request.META
    state: RequestState | None = meta.get(_KEY)
    if state is None:
        state = meta[_KEY] = RequestState()
    return state
