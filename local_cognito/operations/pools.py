"""UpdateUserPool, CreateUserPoolClient and UpdateUserPoolClient, with the validation that moto lacks."""

from typing import Any

from local_cognito.cognito import Cognito
from local_cognito.errors import CognitoError, invalid_parameter
from local_cognito.store import Store, new_client_secret

# Chosen when the pool is created, for ever (CreateUserPool).
_FOR_EVER = ("UsernameAttributes", "UsernameConfiguration", "AliasAttributes")


def update_user_pool(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """UpdateUserPool: what is not named goes back to its default, except what was chosen for ever."""
    pool = cognito.store.pool(request.pop("UserPoolId"))
    kept = {name: pool.config[name] for name in _FOR_EVER if name in pool.config}
    pool.stored.update_extended_config({**request, **kept})
    pool.stored.mfa_config = request.get("MfaConfiguration") or "OFF"
    return {}


def create_user_pool_client(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """CreateUserPoolClient: with a secret of Cognito's form."""
    config = {key: value for key, value in request.items() if key not in ("UserPoolId", "GenerateSecret")}
    check_client(cognito.store, request["UserPoolId"], config)
    backend = cognito.store.backend
    client = backend.create_user_pool_client(request["UserPoolId"], bool(request.get("GenerateSecret")), config)
    client.secret = new_client_secret()
    return {"UserPoolClient": client.to_json(extended=True)}


def update_user_pool_client(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """UpdateUserPoolClient: what is not named goes back to its default."""
    pool = cognito.store.pool(request["UserPoolId"])
    client = pool.stored.clients.get(request["ClientId"])
    if client is None:
        raise CognitoError("ResourceNotFoundException", f"User pool client {request['ClientId']} does not exist.")
    config = {key: value for key, value in request.items() if key not in ("UserPoolId", "ClientId")}
    config.setdefault("ClientName", client.extended_config.get("ClientName"))
    check_client(cognito.store, pool.id, config)
    client.extended_config = config
    return {"UserPoolClient": client.to_json(extended=True)}


def check_client(store: Store, pool_id: str, config: dict[str, Any]) -> None:
    """Refuse settings that Cognito refuses; raises CognitoError (InvalidParameterException ...)."""
    pool = store.pool(pool_id)
    rotation = (config.get("RefreshTokenRotation") or {}).get("Feature")
    if rotation == "ENABLED" and "ALLOW_REFRESH_TOKEN_AUTH" in (config.get("ExplicitAuthFlows") or []):
        raise invalid_parameter("Refresh token rotation excludes ALLOW_REFRESH_TOKEN_AUTH")
    flows = config.get("AllowedOAuthFlows") or []
    if "client_credentials" in flows and len(flows) > 1:
        raise invalid_parameter("client_credentials flow can not be selected along with code flow or implicit flow.")
    for url in [*(config.get("CallbackURLs") or []), *(config.get("LogoutURLs") or [])]:
        if "#" in url or ":" not in url:
            raise invalid_parameter(f"{url} is not an absolute address without a fragment")
    known = {"openid", "email", "profile", "phone", "aws.cognito.signin.user.admin"} | {
        f"{server.identifier}/{scope['ScopeName']}"
        for server in pool.stored.resource_servers.values()
        for scope in server.scopes or []
    }
    unknown = set(config.get("AllowedOAuthScopes") or []) - known
    if unknown:
        raise CognitoError("ScopeDoesNotExistException", f"Invalid scope requested: {', '.join(sorted(unknown))}")
