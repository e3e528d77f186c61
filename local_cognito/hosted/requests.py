"""Validation of authorization requests (RFC 6749 section 4.1.1, RFC 7636).

A wrong client or redirect_uri is told to the person, never to the address in the request; any other mistake
goes back to the client that made it.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from local_cognito import pages
from local_cognito.cognito import Cognito
from local_cognito.errors import CognitoError
from local_cognito.store import Client


class AuthorizationError(Exception):
    """The client made a mistake: ``code`` (RFC 6749 section 4.1.2.1) goes to ``redirect_uri`` with its ``state``."""

    def __init__(self, code: str, description: str, redirect_uri: str, state: str | None) -> None:
        super().__init__(description)
        self._answer = {"error": code, "error_description": description} | ({"state": state} if state else {})
        self._redirect_uri = redirect_uri

    def response(self) -> Response:
        """A redirect back to the client."""
        return to_client(self._redirect_uri, self._answer)


class UntrustedRequest(Exception):
    """Nobody can be told but the person in front of the browser."""

    def response(self) -> Response:
        """An error page."""
        return pages.render("problem.html", 400, title="This sign-in link does not work", problem=str(self))


@dataclass(frozen=True)
class AuthorizationRequest:
    """A sound authorization request. ``scope`` is what was asked for, or everything the client may have."""

    client: Client
    redirect_uri: str
    scope: str
    state: str | None
    nonce: str | None
    code_challenge: str | None
    prompt: frozenset[str]


def read(cognito: Cognito, arguments: MultiDict[str, str]) -> AuthorizationRequest:
    """Check every parameter. Raises UntrustedRequest or AuthorizationError."""
    client, redirect_uri = _client_and_address(cognito, arguments)
    state = arguments.get("state")

    def mistake(code: str, description: str) -> AuthorizationError:
        return AuthorizationError(code, description, redirect_uri, state)

    for name in arguments:
        if len(arguments.getlist(name)) > 1:
            raise mistake("invalid_request", f"{name} is given more than once")
    if arguments.get("response_type") != "code":
        raise mistake("unsupported_response_type", "response_type must be code")
    if not client.config.get("AllowedOAuthFlowsUserPoolClient") or "code" not in client.config.get(
        "AllowedOAuthFlows", []
    ):
        raise mistake("unauthorized_client", "the client may not use the code flow")
    allowed = client.config.get("AllowedOAuthScopes") or []
    scopes = (arguments.get("scope") or " ".join(allowed)).split()
    if not set(scopes) <= set(allowed):
        raise mistake("invalid_scope", "the client may not ask for this scope")
    challenge = arguments.get("code_challenge")
    method = arguments.get("code_challenge_method")
    if challenge is None and (method is not None or client.secret is None):
        # AWS would let a public client go without; RFC 9700 section 2.1.1 does not, and no good client does.
        raise mistake("invalid_request", "code_challenge is missing")
    if challenge is not None and method != "S256":
        raise mistake("invalid_request", "code_challenge_method must be S256")
    if challenge is not None and not re.fullmatch(r"[A-Za-z0-9_-]{43}", challenge):
        raise mistake("invalid_request", "code_challenge is not an S256 challenge")
    prompt = frozenset((arguments.get("prompt") or "").split())
    if "none" in prompt and len(prompt) > 1:
        raise mistake("invalid_request", "prompt none stands alone")
    return AuthorizationRequest(
        client,
        redirect_uri,
        " ".join(dict.fromkeys(scopes)),
        state,
        arguments.get("nonce"),
        challenge,
        prompt,
    )


def _client_and_address(cognito: Cognito, arguments: MultiDict[str, str]) -> tuple[Client, str]:
    if len(arguments.getlist("client_id")) > 1 or len(arguments.getlist("redirect_uri")) > 1:
        raise UntrustedRequest("It names its client or its return address more than once.")
    try:
        client = cognito.store.client(arguments.get("client_id", ""))
    except CognitoError as error:
        raise UntrustedRequest("It names no client of this pool.") from error
    redirect_uri = arguments.get("redirect_uri", "")
    # Character by character (RFC 9700 section 2.1).
    if redirect_uri not in (client.config.get("CallbackURLs") or []):
        raise UntrustedRequest("Its return address is not registered for this client.")
    return client, redirect_uri


def to_client(redirect_uri: str, answer: dict[str, str]) -> Response:
    """A redirect to a registered address with an answer in its query."""
    separator = "&" if "?" in redirect_uri else "?"
    return see(f"{redirect_uri}{separator}{urlencode(answer)}")


def see(location: str) -> Response:
    """A redirect that nobody keeps."""
    response = redirect(location, Response=Response)
    response.headers["Cache-Control"] = "no-store"
    return response
