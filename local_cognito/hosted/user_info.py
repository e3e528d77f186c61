"""/oauth2/userInfo: the claims of a user that the scopes of the access token allow."""

from werkzeug.wrappers import Request, Response

from local_cognito.cognito import Cognito
from local_cognito.errors import CognitoError
from local_cognito.local_pages import as_json

# OpenID Connect Core section 5.4; Cognito keeps to it.
_SCOPES = {"email": ("email", "email_verified"), "phone": ("phone_number", "phone_number_verified")}
_NOT_PROFILE = {name for names in _SCOPES.values() for name in names} | {"sub"}


def user_info(cognito: Cognito, request: Request) -> Response:
    """The UserInfo endpoint (OpenID Connect Core section 5.3). Values are strings, the verified marks too."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return _refused("invalid_request", "The request has no Bearer token", 401)
    try:
        pool, claims = cognito.token_claims(token.strip())
    except CognitoError:
        return _refused("invalid_token", "Access token is expired, revoked or not ours", 401)
    scopes = claims.get("scope", "").split()
    user = pool.users.get(claims.get("username", ""))
    if "openid" not in scopes or user is None or not user.enabled:
        return _refused("invalid_token", "Access token does not contain openid scope", 401)
    known = user.attribute_lookup
    answer = {"sub": user.id, "username": user.username}
    for scope, names in _SCOPES.items():
        if scope in scopes:
            answer |= {name: known[name] for name in names if name in known}
    if "profile" in scopes:
        answer |= {name: value for name, value in known.items() if name not in _NOT_PROFILE}
    client = cognito.store.client(claims["client_id"])
    return as_json({n: v for n, v in answer.items() if n in ("sub", "username") or client.may_read(n)})


def _refused(code: str, description: str, status: int) -> Response:
    response = as_json({"error": code, "error_description": description}, status)
    response.headers["WWW-Authenticate"] = f'Bearer error="{code}", error_description="{description}"'
    return response
