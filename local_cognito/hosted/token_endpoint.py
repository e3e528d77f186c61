"""/oauth2/token and /oauth2/revoke: grants by code, refresh token and client credentials; revocation (RFC 7009)."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

from werkzeug.wrappers import Request, Response

from local_cognito import grants, tokens
from local_cognito.client_auth import is_secret
from local_cognito.cognito import Cognito
from local_cognito.errors import CognitoError
from local_cognito.local_pages import as_json
from local_cognito.operations import refresh
from local_cognito.store import Client

_NAMES = {
    "IdToken": "id_token",
    "AccessToken": "access_token",
    "RefreshToken": "refresh_token",
    "ExpiresIn": "expires_in",
    "TokenType": "token_type",
}
_PEOPLES_SCOPES = ("openid", "email", "phone", "profile", "aws.cognito.signin.user.admin")


class OAuthError(Exception):
    """A refusal of RFC 6749 section 5.2. Cognito answers 400 to all of them, also to a wrong client secret."""

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(description)
        self.code = code

    def response(self) -> Response:
        """The error as JSON."""
        description = {"error_description": str(self)} if str(self) else {}
        return as_json({"error": self.code, **description}, 400)


def token(cognito: Cognito, request: Request) -> Response:
    """The token endpoint (RFC 6749 section 3.2)."""
    try:
        form = _form(request)
        client = _client(cognito, request, form)
        grant_type = form.get("grant_type", "")
        if grant_type not in _GRANTS:
            raise OAuthError("unsupported_grant_type" if grant_type else "invalid_request")
        answer = _GRANTS[grant_type](cognito, client, form)
    except OAuthError as error:
        return error.response()
    return as_json({_NAMES[name]: value for name, value in answer.items() if name in _NAMES})


def revoke(cognito: Cognito, request: Request) -> Response:
    """The revocation endpoint (RFC 7009); an unknown token is no error."""
    try:
        form = _form(request)
        client = _client(cognito, request, form)
        if not form.get("token"):
            raise OAuthError("invalid_request", "token is missing")
        try:
            refresh.revoke(cognito, client.id, form["token"])
        except CognitoError as error:
            if error.code == "UnsupportedTokenTypeException":
                raise OAuthError("unsupported_token_type") from error
            raise OAuthError(
                "invalid_request" if error.code == "UnsupportedOperationException" else "invalid_client"
            ) from error
    except OAuthError as error:
        return error.response()
    return Response(status=200, headers={"Cache-Control": "no-store"})


def _form(request: Request) -> dict[str, str]:
    if request.mimetype != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "the body must be form-encoded")
    for name in request.form:
        if len(request.form.getlist(name)) > 1:
            raise OAuthError("invalid_request", f"{name} is given more than once")
    return request.form.to_dict()


def _client(cognito: Cognito, request: Request, form: dict[str, str]) -> Client:
    """The client, by Basic or by the body, never both (RFC 6749 section 2.3)."""
    given_id, secret = form.get("client_id"), form.get("client_secret")
    header = request.headers.get("Authorization")
    if header is not None:
        basic_id, basic_secret = _basic(header)
        if secret is not None or given_id not in (None, basic_id):
            raise OAuthError("invalid_request", "two ways of client authentication")
        given_id, secret = basic_id, basic_secret
    try:
        client = cognito.store.client(given_id or "")
    except CognitoError as error:
        raise OAuthError("invalid_client") from error
    if not is_secret(client, secret):
        raise OAuthError("invalid_client")
    return client


def _basic(header: str) -> tuple[str, str]:
    """Id and secret, each form-encoded inside Basic (RFC 6749 section 2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise OAuthError("invalid_client") from error
    id_, colon, secret = decoded.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise OAuthError("invalid_client")
    return unquote_plus(id_), unquote_plus(secret)


def _authorization_code(cognito: Cognito, client: Client, form: dict[str, str]) -> dict[str, Any]:
    memory = client.pool.memory
    held = memory.authorizations.get(form.get("code", ""))
    if held is None or held.client_id != client.id:
        raise OAuthError("invalid_grant")
    if held.used:
        # Two parties hold the code: neither keeps its tokens (RFC 6749 section 4.1.2).
        if held.grant is not None:
            held.grant.revoked = True
        raise OAuthError("invalid_grant")
    held.used = True
    user = client.pool.users.get(held.username)
    if cognito.clock.now() >= held.expires_at or user is None or not user.enabled:
        raise OAuthError("invalid_grant")
    if form.get("redirect_uri") != held.redirect_uri or not _verifies(form.get("code_verifier"), held.code_challenge):
        raise OAuthError("invalid_grant")
    held.grant = grants.begin(cognito, client, user, held.scope, held.auth_time)
    answer = grants.mint(cognito, client, user, held.grant, held.nonce)
    answer["RefreshToken"] = grants.new_refresh_token(client, held.grant)
    if "openid" not in held.scope.split():
        answer.pop("IdToken", None)
    return answer


def _verifies(verifier: str | None, challenge: str | None) -> bool:
    """The S256 proof of RFC 7636 section 4.6; a verifier without a challenge is as wrong as the reverse."""
    if verifier is None or challenge is None:
        return verifier is None and challenge is None
    if not re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(digest, challenge.encode())


def _refresh_token(cognito: Cognito, client: Client, form: dict[str, str]) -> dict[str, Any]:
    try:
        return grants.refresh(cognito, client, form.get("refresh_token", ""))
    except CognitoError as error:
        raise OAuthError("invalid_grant") from error


def _client_credentials(cognito: Cognito, client: Client, form: dict[str, str]) -> dict[str, Any]:
    """A machine's token: its ``sub`` is the client, there is no user name, and only scopes say what it may do."""
    flows = client.config.get("AllowedOAuthFlows") or []
    if client.secret is None or "client_credentials" not in flows:
        raise OAuthError("unauthorized_client")
    allowed = [s for s in client.config.get("AllowedOAuthScopes") or [] if s not in _PEOPLES_SCOPES]
    scopes = form.get("scope", "").split() or allowed
    if not set(scopes) <= set(allowed):
        raise OAuthError("invalid_scope")
    now, lifetime = int(cognito.clock.now()), client.lifetime("Access")
    claims = {
        "sub": client.id,
        "client_id": client.id,
        "scope": " ".join(dict.fromkeys(scopes)),
        "iss": cognito.issuer(client.pool),
        "auth_time": now,
        "iat": now,
        "exp": now + lifetime,
        "version": 2,
    }
    access_token = tokens.sign(cognito.keys_of(client.pool), "access", claims)
    return {"AccessToken": access_token, "ExpiresIn": lifetime, "TokenType": "Bearer"}


_GRANTS: dict[str, Callable[[Cognito, Client, dict[str, str]], dict[str, Any]]] = {
    "authorization_code": _authorization_code,
    "refresh_token": _refresh_token,
    "client_credentials": _client_credentials,
}
