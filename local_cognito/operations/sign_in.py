"""The operations InitiateAuth and AdminInitiateAuth."""

from typing import Any

from local_cognito import grants, passwords
from local_cognito.client_auth import check_secret_hash
from local_cognito.cognito import Cognito
from local_cognito.errors import invalid_parameter
from local_cognito.operations import challenges
from local_cognito.shapes import required
from local_cognito.store import Client

Answer = dict[str, Any]
# AWS still takes the older names of two flows.
_OLD_NAMES = {"REFRESH_TOKEN": "REFRESH_TOKEN_AUTH", "ADMIN_NO_SRP_AUTH": "ADMIN_USER_PASSWORD_AUTH"}
_PUBLIC = ("USER_PASSWORD_AUTH", "USER_SRP_AUTH", "REFRESH_TOKEN_AUTH")
_ADMIN = ("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH", "REFRESH_TOKEN_AUTH")


def initiate_auth(cognito: Cognito, request: dict[str, Any]) -> Answer:
    """InitiateAuth: tokens, or the first challenge."""
    return _begin(cognito, cognito.store.client(request["ClientId"]), request, _PUBLIC)


def admin_initiate_auth(cognito: Cognito, request: dict[str, Any]) -> Answer:
    """AdminInitiateAuth: the same rules, for a server with AWS keys."""
    return _begin(cognito, challenges.client_of_pool(cognito, request), request, _ADMIN)


def _begin(cognito: Cognito, client: Client, request: dict[str, Any], known: tuple[str, ...]) -> Answer:
    flow = _OLD_NAMES.get(request["AuthFlow"], request["AuthFlow"])
    parameters = request.get("AuthParameters") or {}
    if not client.allows(flow):
        raise invalid_parameter(f"{flow} flow not enabled for this client")
    if flow not in known:
        raise invalid_parameter("Initiate Auth method not supported")
    if flow == "REFRESH_TOKEN_AUTH":
        return _refresh(cognito, client, parameters)
    name = required(parameters, "USERNAME")
    if flow == "USER_SRP_AUTH":
        return challenges.begin_srp(cognito, client, name, parameters)
    password = required(parameters, "PASSWORD")
    check_secret_hash(client, name, parameters.get("SECRET_HASH"))
    user = passwords.check(cognito, client, name, password)
    return challenges.or_tokens(cognito, client, user, challenges.after_password(cognito, client, user))


def _refresh(cognito: Cognito, client: Client, parameters: dict[str, str]) -> Answer:
    token = required(parameters, "REFRESH_TOKEN")
    if client.secret is not None or "SECRET_HASH" in parameters:
        # Over the real user name, whatever was typed at sign-in (boto3 issue 2736). A token that nobody has
        # is refused like a revoked one, not for its hash.
        _, user = grants.find(cognito, client, token)
        check_secret_hash(client, user.username, parameters.get("SECRET_HASH"))
    return {"ChallengeParameters": {}, "AuthenticationResult": grants.refresh(cognito, client, token)}
