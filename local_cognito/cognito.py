"""Shared state of a running stand-in: address, clock, store, signing keys and outbox."""

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass
from typing import Any

from local_cognito.clock import Clock
from local_cognito.errors import not_authorized, user_not_found
from local_cognito.messages import Outbox
from local_cognito.store import Client, Pool, Store, User
from local_cognito.tokens import Keys, read_access_token

# What an access token needs for the operations on one's own account (AWS: "Scopes, M2M, and resource
# servers").
SELF_SERVICE = "aws.cognito.signin.user.admin"


@dataclass(frozen=True)
class Caller:
    """Who called with an access token, and what the token says."""

    user: User
    pool: Pool
    client: Client
    claims: dict[str, Any]


class Cognito:
    """What every operation needs. ``url`` is the address without a slash at the end; ``lock`` guards all the rest."""

    def __init__(self, url: str, store: Store, clock: Clock, outbox: Outbox) -> None:
        self.url = url
        self.store = store
        self.clock = clock
        self.outbox = outbox
        # moto has no locks of its own: eight threads signing people up make it fail now and then.
        self.lock = threading.RLock()
        self._keys: dict[str, Keys] = {}
        self._pepper = secrets.token_bytes(32)
        self._tidied = 0.0

    def tidy(self) -> None:
        """Forget what has expired, once a minute: a long run does not grow for ever."""
        now = self.clock.now()
        if abs(now - self._tidied) >= 60:
            self._tidied = now
            for pool in self.store.pools():
                pool.memory.drop_expired(now)

    def issuer(self, pool: Pool) -> str:
        """The ``iss`` of a pool's tokens: our own address, never one of AWS's."""
        return f"{self.url}/{pool.id}"

    def keys_of(self, pool: Pool) -> Keys:
        """A pool's signing keys, made when they are first needed and kept until the process ends."""
        if pool.id not in self._keys:
            self._keys[pool.id] = Keys()
        return self._keys[pool.id]

    def simulated(self, purpose: str, name: str) -> bytes:
        """32 bytes, always the same for a name: what a user who does not exist is made of (RFC 5054, 2.5.1.3)."""
        return hmac.new(self._pepper, f"{purpose}\0{name}".encode(), hashlib.sha256).digest()

    def token_claims(self, access_token: str) -> tuple[Pool, dict[str, Any]]:
        """The pool and claims of a genuine, unexpired access token that was not revoked.

        Raises CognitoError (NotAuthorizedException).
        """
        pools = {self.issuer(pool): pool for pool in self.store.pools()}
        keys = {issuer: self.keys_of(pool) for issuer, pool in pools.items()}
        claims = read_access_token(access_token, keys, self.clock.now())
        pool = pools[claims["iss"]]
        if "origin_jti" in claims:
            grant = pool.memory.grants.get(claims["origin_jti"])
            if grant is None or grant.revoked:
                raise not_authorized("Access Token has been revoked")
        return pool, claims

    def caller(self, access_token: str) -> Caller:
        """Who holds this access token, for operations on one's own account.

        Raises CognitoError: NotAuthorizedException for a token that is foreign, expired, revoked, a
        machine's, or without the scope ``aws.cognito.signin.user.admin``; UserNotFoundException when the
        person is gone.
        """
        pool, claims = self.token_claims(access_token)
        if SELF_SERVICE not in claims.get("scope", "").split() or "username" not in claims:
            raise not_authorized("Access Token does not have required scopes")
        user = pool.users.get(claims["username"])
        if user is None:
            raise user_not_found()
        if not user.enabled:
            raise not_authorized("User is disabled.")
        return Caller(user, pool, self.store.client(claims["client_id"]), claims)
