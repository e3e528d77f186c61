"""GetTokensFromRefreshToken, RevokeToken and GlobalSignOut."""

from typing import Any

from local_cognito import grants
from local_cognito.client_auth import is_secret
from local_cognito.cognito import Cognito
from local_cognito.errors import CognitoError, not_authorized


def get_tokens_from_refresh_token(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """GetTokensFromRefreshToken: takes the client's secret itself, not a hash."""
    client = cognito.store.client(request["ClientId"])
    if not is_secret(client, request.get("ClientSecret")):
        raise not_authorized(f"Unable to verify the secret of client {client.id}")
    return {"AuthenticationResult": grants.refresh(cognito, client, request["RefreshToken"])}


def revoke_token(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """RevokeToken: ends one sign-in, with its access tokens. An unknown token is no error (RFC 7009 section 2.2)."""
    try:
        client = cognito.store.client(request["ClientId"])
    except CognitoError as error:
        # This operation declares no ResourceNotFoundException.
        raise CognitoError("UnauthorizedException", "Invalid client") from error
    if not is_secret(client, request.get("ClientSecret")):
        raise CognitoError("UnauthorizedException", "Invalid client")
    revoke(cognito, client.id, request["Token"])
    return {}


def revoke(cognito: Cognito, client_id: str, token: str) -> None:
    """Revoke a client's refresh token.

    Raises CognitoError: UnsupportedOperationException when the client has revocation off,
    UnsupportedTokenTypeException for an access or ID token, UnauthorizedException for another client's token.
    """
    client = cognito.store.client(client_id)
    if not client.revokes:
        raise CognitoError("UnsupportedOperationException", "Token revocation is not enabled for this client")
    if token.count(".") == 2:
        raise CognitoError("UnsupportedTokenTypeException", "Only refresh tokens can be revoked")
    if not grants.revoke(client, token) and token in client.pool.memory.refresh_tokens:
        raise CognitoError("UnauthorizedException", "The token was issued to another client")


def global_sign_out(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """GlobalSignOut: ends every sign-in of the token's owner, in any region."""
    caller = cognito.caller(request["AccessToken"])
    caller.pool.memory.end_grants_of(caller.user.username)
    return {}
