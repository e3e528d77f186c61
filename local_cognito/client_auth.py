"""Authentication of app clients: SECRET_HASH and client secrets."""

import base64
import hashlib
import hmac

from local_cognito.errors import not_authorized
from local_cognito.store import Client


def secret_hash(client_id: str, secret: str, username: str) -> str:
    """base64(HMAC-SHA256(secret, username + client id)) (AWS: "Computing secret hash values")."""
    digest = hmac.new(secret.encode(), (username + client_id).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def check_secret_hash(client: Client, username: str, given: str | None) -> None:
    """Hold SECRET_HASH against the client's secret and the user name of the same request.

    Raises CognitoError (NotAuthorizedException) when it is wrong, absent, or sent for a client without a
    secret.
    """
    if client.secret is None:
        if given is not None:
            raise not_authorized(f"Client {client.id} is not configured with secret but SECRET_HASH was received")
        return
    if given is None:
        raise not_authorized(f"Client {client.id} is configured with secret but SECRET_HASH was not received")
    expected = secret_hash(client.id, client.secret, username)
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise not_authorized(f"Unable to verify secret hash for client {client.id}")


def is_secret(client: Client, given: str | None) -> bool:
    """Whether `given` is the client's secret. None matches a public client only."""
    if client.secret is None or given is None:
        return client.secret is None and given is None
    return hmac.compare_digest(client.secret.encode(), given.encode())
