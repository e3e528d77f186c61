"""InitiateAuth and AdminInitiateAuth."""

from typing import Any

from local_cognito import grants, passwords
from local_cognito.client_auth import check_secret_hash
from local_cognito.cognito import Cognito
from local_cognito.errors import (
    CognitoError,
    invalid_parameter,
    not_authorized,
    user_not_found,
    wrong_password,
)
from local_cognito.operations import challenges
from local_cognito.store import Client, Status, User

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
    user = check_password(cognito, client, name, password)
    return challenges.or_tokens(cognito, client, user, challenges.after_password(cognito, client, user))


def check_password(cognito: Cognito, client: Client, name: str, password: str) -> User:
    """Who has this name and password, allowed to go on.

    Raises CognitoError: UserNotConfirmedException and PasswordResetRequiredException whatever the password
    (so does Cognito), NotAuthorizedException for a wrong one, an unknown user (or UserNotFoundException, as
    the client is set), somebody disabled, too many attempts, or a temporary password that is too old.
    """
    pool = client.pool
    user = pool.find(name)
    key = passwords.key_of(user, name)
    passwords.guard(cognito, pool, key)
    if user is None:
        passwords.failed(cognito, pool, key)
        raise wrong_password() if client.hides_users else user_not_found()
    check_status(user)
    if user.password != password:
        passwords.failed(cognito, pool, key)
        raise wrong_password()
    check_enabled(cognito, client, user)
    return user


def check_status(user: User) -> None:
    """Raises CognitoError for a user who must first confirm the account or set a new password."""
    if user.status is Status.UNCONFIRMED:
        raise CognitoError("UserNotConfirmedException", "User is not confirmed.")
    if user.status is Status.RESET_REQUIRED:
        raise CognitoError("PasswordResetRequiredException", "Password reset required for the user")


def check_enabled(cognito: Cognito, client: Client, user: User) -> None:
    """Raises CognitoError (NotAuthorizedException) once the password was right but may not be used."""
    if not user.enabled:
        raise not_authorized("User is disabled.")
    until = client.pool.memory_of(user).temporary_until
    if until is not None and cognito.clock.now() >= until:
        raise not_authorized("Temporary password has expired and must be reset by an administrator.")


def _refresh(cognito: Cognito, client: Client, parameters: dict[str, str]) -> Answer:
    token = required(parameters, "REFRESH_TOKEN")
    if client.secret is not None or "SECRET_HASH" in parameters:
        # Over the real user name, whatever was typed at sign-in (boto3 issue 2736). A token that nobody has
        # is refused like a revoked one, not for its hash.
        _, user = grants.find(cognito, client, token)
        check_secret_hash(client, user.username, parameters.get("SECRET_HASH"))
    return {"ChallengeParameters": {}, "AuthenticationResult": grants.refresh(cognito, client, token)}


def required(parameters: dict[str, str], name: str) -> str:
    """A member of AuthParameters or ChallengeResponses; raises CognitoError (InvalidParameterException)."""
    value = parameters.get(name)
    if not value:
        raise invalid_parameter(f"Missing required parameter {name}")
    return value
