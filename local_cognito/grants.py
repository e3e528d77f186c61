"""Sign-in sessions and their tokens: issue, refresh, rotation and revocation."""

import uuid
from typing import Any

from local_cognito import tokens
from local_cognito.cognito import SELF_SERVICE, Cognito
from local_cognito.errors import CognitoError, not_authorized
from local_cognito.memory import Grant, RefreshToken
from local_cognito.store import Client, User

# Attributes that are not text in an ID token (AWS: "Understanding the identity (ID) token").
_BOOLEANS = ("email_verified", "phone_number_verified")


def begin(
    cognito: Cognito, client: Client, user: User, scope: str = SELF_SERVICE, auth_time: int | None = None
) -> Grant:
    """A new grant for somebody who has just proven who they are, or did so at ``auth_time`` (seconds since 1970)."""
    now = cognito.clock.now()
    grant = Grant(
        origin_jti=str(uuid.uuid4()),
        client_id=client.id,
        username=user.username,
        auth_time=int(now) if auth_time is None else auth_time,
        scope=scope,
        expires_at=now + client.lifetime("Refresh"),
    )
    client.pool.memory.grants[grant.origin_jti] = grant
    return grant


def new_refresh_token(client: Client, grant: Grant) -> str:
    """An opaque refresh token; it lives as long as its grant."""
    token = tokens.opaque()
    client.pool.memory.refresh_tokens[token] = RefreshToken(grant)
    return token


def mint(cognito: Cognito, client: Client, user: User, grant: Grant, nonce: str | None = None) -> dict[str, Any]:
    """AccessToken, IdToken, ExpiresIn (seconds) and TokenType, as AuthenticationResult has them.

    A grant without the scope ``openid`` from the hosted pages has no IdToken; the API's own sign-in always
    has.
    """
    pool, now = client.pool, int(cognito.clock.now())
    scopes = grant.scope.split()
    both: dict[str, Any] = {
        "sub": user.id,
        "iss": cognito.issuer(pool),
        # Both only where tokens can be revoked (AWS: "Ending user sessions with token revocation").
        **({"origin_jti": grant.origin_jti} if client.revokes else {}),
        "event_id": str(uuid.uuid4()),
        "auth_time": grant.auth_time,
        "iat": now,
    }
    # Absent, not empty, for somebody in no group.
    groups = pool.groups_of(user)
    if groups:
        both["cognito:groups"] = groups
    access = {
        **both,
        "client_id": client.id,
        "username": user.username,
        "scope": grant.scope,
        "version": 2,
        "exp": now + client.lifetime("Access"),
    }
    keys = cognito.keys_of(pool)
    access_token = tokens.sign(keys, "access", access, named=client.revokes)
    result: dict[str, Any] = {
        "AccessToken": access_token,
        "ExpiresIn": client.lifetime("Access"),
        "TokenType": "Bearer",
    }
    if "openid" in scopes or scopes == [SELF_SERVICE]:
        identity: dict[str, Any] = {
            **readable_attributes(client, user),
            **both,
            "aud": client.id,
            "cognito:username": user.username,
            "exp": now + client.lifetime("Id"),
        }
        if "openid" in scopes:
            identity["at_hash"] = tokens.at_hash(access_token)
        if nonce:
            identity["nonce"] = nonce
        result["IdToken"] = tokens.sign(keys, "id", identity, named=client.revokes)
    return result


def readable_attributes(client: Client, user: User) -> dict[str, Any]:
    """A person's attributes as the client may read them; the verified marks as booleans."""
    return {
        name: value == "true" if name in _BOOLEANS else value
        for name, value in user.attribute_lookup.items()
        if name != "sub" and client.may_read(name)
    }


def sign_in(cognito: Cognito, client: Client, user: User) -> dict[str, Any]:
    """AuthenticationResult for somebody who has answered every challenge."""
    grant = begin(cognito, client, user)
    return {**mint(cognito, client, user, grant), "RefreshToken": new_refresh_token(client, grant)}


def find(cognito: Cognito, client: Client, refresh_token: str) -> tuple[RefreshToken, User]:
    """A refresh token that still works for this client, and whose it is.

    Raises CognitoError: NotAuthorizedException for one that is unknown, expired, revoked, another client's,
    or of somebody disabled or deleted; RefreshTokenReuseException for one that rotation replaced longer ago
    than the grace period, which also ends the grant, since two parties hold it (RFC 9700 section 4.14.2).
    """
    held = client.pool.memory.refresh_tokens.get(refresh_token)
    if held is None or held.grant.client_id != client.id:
        raise not_authorized("Invalid Refresh Token")
    if held.grant.revoked:
        raise not_authorized("Refresh Token has been revoked")
    now = cognito.clock.now()
    if now >= held.grant.expires_at:
        raise not_authorized("Refresh Token has expired")
    user = client.pool.users.get(held.grant.username)
    if user is None:
        raise not_authorized("Invalid Refresh Token")
    if not user.enabled:
        raise not_authorized("User is disabled.")
    if held.replaced_at is not None and now > held.replaced_at + client.grace:
        held.grant.revoked = True
        raise CognitoError("RefreshTokenReuseException", "Refresh token has been used before")
    return held, user


def refresh(cognito: Cognito, client: Client, refresh_token: str) -> dict[str, Any]:
    """New tokens of the same grant: same ``origin_jti``, ``auth_time`` and scope. Raises as ``find`` does.

    Where the client rotates them there is a new RefreshToken too, which lives no longer than the first.
    """
    held, user = find(cognito, client, refresh_token)
    result = mint(cognito, client, user, held.grant)
    if client.rotates:
        if held.replaced_at is None:
            held.replaced_at = cognito.clock.now()
        result["RefreshToken"] = new_refresh_token(client, held.grant)
    return result


def revoke(client: Client, refresh_token: str) -> bool:
    """End the grant of a refresh token of this client; False when it is not one of its tokens."""
    held = client.pool.memory.refresh_tokens.get(refresh_token)
    if held is None or held.grant.client_id != client.id:
        return False
    held.grant.revoked = True
    return True
