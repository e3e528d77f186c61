"""/oauth2/authorize: redirects with an authorization code when a hosted session exists, else to the sign-in page."""

from werkzeug.wrappers import Request, Response

from local_cognito.cognito import Cognito
from local_cognito.hosted import sessions
from local_cognito.hosted.requests import (
    AuthorizationError,
    AuthorizationRequest,
    UntrustedRequest,
    read,
    see,
    to_client,
)
from local_cognito.memory import Authorization
from local_cognito.store import User
from local_cognito.tokens import opaque

# Codes work for five minutes (AWS: "Authorize endpoint").
_LIFETIME = 300


def authorize(cognito: Cognito, request: Request) -> Response:
    """The authorization endpoint (RFC 6749 section 3.1)."""
    try:
        asked = read(cognito, request.args)
        somebody = sessions.who(cognito, asked.client.pool, request)
        if somebody is not None and "login" not in asked.prompt:
            user, session = somebody
            return give_code(cognito, asked, user, session.auth_time)
        if "none" in asked.prompt:
            raise AuthorizationError("login_required", "nobody is signed in", asked.redirect_uri, asked.state)
    except (AuthorizationError, UntrustedRequest) as mistake:
        return mistake.response()
    return see(f"/login?{request.query_string.decode('ascii', 'replace')}")


def give_code(cognito: Cognito, asked: AuthorizationRequest, user: User, auth_time: int) -> Response:
    """A redirect back to the client with a code that works once (RFC 6749 section 4.1.2)."""
    code = opaque(24)
    asked.client.pool.memory.authorizations[code] = Authorization(
        client_id=asked.client.id,
        username=user.username,
        redirect_uri=asked.redirect_uri,
        scope=asked.scope,
        expires_at=cognito.clock.now() + _LIFETIME,
        auth_time=auth_time,
        nonce=asked.nonce,
        code_challenge=asked.code_challenge,
    )
    return to_client(asked.redirect_uri, {"code": code} | ({"state": asked.state} if asked.state else {}))
