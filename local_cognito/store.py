"""Pools, clients, groups and users, stored in moto's models, which only this module and ``pass_through`` import.

moto stores well and judges badly. So the objects are its own, and what it does not know (codes, sessions,
refresh tokens, second factors) hangs off them in ``memory``; whoever drops a pool drops everything about it.
"""

import copy
import json
import re
import secrets
import string
from collections.abc import Iterator
from typing import Any

from moto.cognitoidp import models as moto

from local_cognito.errors import CognitoError
from local_cognito.memory import PoolMemory, UserMemory

User = moto.CognitoIdpUser
Status = moto.UserStatus
State = tuple[dict[str, moto.CognitoIdpUserPool], dict[str, moto.CognitoIdpUserPoolDomain]]

_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
_LIFETIMES = {"Access": (1, "hours"), "Id": (1, "hours"), "Refresh": (30, "days")}
# What a client may do when it names no flow at all (CreateUserPoolClient, ExplicitAuthFlows).
_DEFAULT_FLOWS = ("ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_CUSTOM_AUTH")


def new_client_secret() -> str:
    """A secret of the form Cognito gives: 51 lower-case letters and digits."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(51))


class Pool:
    """A user pool: moto's object, read with Cognito's rules, and what we remember about it."""

    def __init__(self, stored: moto.CognitoIdpUserPool) -> None:
        self.stored = stored
        self.memory = PoolMemory()
        # moto keeps only the attributes a schema names; in AWS the standard ones are always there.
        for name, schema in moto.CognitoIdpUserPoolAttribute.STANDARD_SCHEMA.items():
            stored.schema_attributes.setdefault(name, moto.CognitoIdpUserPoolAttribute(name, False, schema))

    @property
    def id(self) -> str:
        return self.stored.id

    @property
    def config(self) -> dict[str, Any]:
        """The settings as CreateUserPool took them."""
        return self.stored.extended_config

    @property
    def mfa(self) -> str:
        """OFF, OPTIONAL or ON."""
        return self.stored.mfa_config

    @property
    def username_attributes(self) -> list[str]:
        """Attributes that serve as the user name; the real one is then the ``sub``."""
        return self.config.get("UsernameAttributes") or []

    @property
    def users(self) -> dict[str, User]:
        """Everybody, by user name."""
        return self.stored.users

    def fold(self, name: str) -> str:
        """A user name as it is compared; pools ignore case unless told otherwise at creation."""
        # The API's default for a pool that says nothing is case-sensitive (CreateUserPool,
        # UsernameConfiguration).
        case_sensitive = (self.config.get("UsernameConfiguration") or {}).get("CaseSensitive", True)
        return name if case_sensitive else name.casefold()

    def find(self, name: str) -> User | None:
        """Somebody by user name, sub, or an address that serves as a name; None where there is nobody."""
        if name in self.users:
            return self.users[name]
        wanted = self.fold(name)
        return next((user for user in self.users.values() if wanted in self._names(user)), None)

    def _names(self, user: User) -> Iterator[str]:
        yield self.fold(user.username)
        # AWS (AdminGetUser, Username): the sub of a local user, or the user name of one of another provider.
        identities = json.loads(user.attribute_lookup.get("identities") or "[]")
        if user.username not in [f"{each['providerName']}_{each['userId']}" for each in identities]:
            yield user.id
        for attribute in self.username_attributes:
            yield self.fold(user.attribute_lookup.get(attribute, ""))
        for attribute in self.config.get("AliasAttributes") or []:
            # An alias works once it is verified (AWS: "Customizing sign-in attributes").
            if user.attribute_lookup.get(f"{attribute}_verified") == "true" or attribute == "preferred_username":
                yield self.fold(user.attribute_lookup.get(attribute, ""))

    def memory_of(self, user: User) -> UserMemory:
        """What we remember about a person beside moto's object."""
        return self.memory.users.setdefault(user.username, UserMemory())

    def add(self, user: User) -> None:
        """Keep a new person."""
        self.users[user.username] = user

    def remove(self, user: User) -> None:
        """Forget a person and everything about them."""
        self.stored.backend.admin_delete_user(self.id, user.username)
        self.memory.forget(user.username)

    def groups_of(self, user: User) -> list[str]:
        """Names of a person's groups, the most important (lowest precedence) first."""
        last = 2**31
        ordered = sorted(user.groups, key=lambda g: (last if g.precedence is None else g.precedence, g.group_name))
        return [group.group_name for group in ordered]


class Client:
    """An app client of a pool."""

    def __init__(self, stored: moto.CognitoIdpUserPoolClient, pool: Pool) -> None:
        self.stored = stored
        self.pool = pool

    @property
    def id(self) -> str:
        return self.stored.id

    @property
    def config(self) -> dict[str, Any]:
        """The settings as CreateUserPoolClient took them."""
        return self.stored.extended_config

    @property
    def secret(self) -> str | None:
        """The secret, or None for a public client."""
        return self.stored.secret if self.stored.generate_secret else None

    @property
    def hides_users(self) -> bool:
        """True where an unknown user answers like a wrong password (PreventUserExistenceErrors)."""
        return self.config.get("PreventUserExistenceErrors") == "ENABLED"

    @property
    def revokes(self) -> bool:
        return bool(self.config.get("EnableTokenRevocation", True))

    @property
    def rotates(self) -> bool:
        """True where every refresh gives a new refresh token."""
        return (self.config.get("RefreshTokenRotation") or {}).get("Feature") == "ENABLED"

    @property
    def grace(self) -> int:
        """Seconds for which a replaced refresh token still works."""
        return int((self.config.get("RefreshTokenRotation") or {}).get("RetryGracePeriodSeconds") or 0)

    @property
    def session_seconds(self) -> int:
        """How long a challenge may be answered."""
        return int(self.config.get("AuthSessionValidity") or 3) * 60

    def lifetime(self, of: str) -> int:
        """Seconds an ``Access``, ``Id`` or ``Refresh`` token lives (TokenValidityUnits)."""
        default, unit = _LIFETIMES[of]
        # A validity of 0 means the default (CreateUserPoolClient, RefreshTokenValidity).
        amount = self.config.get(f"{of}TokenValidity") or default
        unit = (self.config.get("TokenValidityUnits") or {}).get(f"{of}Token") or unit
        return int(amount) * _UNITS[unit]

    def allows(self, flow: str) -> bool:
        """Whether the flow (``USER_PASSWORD_AUTH`` ...) is among the client's ExplicitAuthFlows."""
        flows = self.config.get("ExplicitAuthFlows") or _DEFAULT_FLOWS
        return f"ALLOW_{flow}" in flows or flow in flows

    def may_write(self, attribute: str) -> bool:
        """Without WriteAttributes a client may write every standard attribute but the verified marks."""
        if attribute in ("sub", "email_verified", "phone_number_verified"):
            return False
        writable = self.config.get("WriteAttributes")
        return attribute in writable if writable else True

    def may_read(self, attribute: str) -> bool:
        readable = self.config.get("ReadAttributes")
        return attribute in readable if readable else not attribute.startswith("dev:")


class Store:
    """The pools of one stand-in: one account and region of moto's, so that several can live in one process."""

    def __init__(self, account_id: str, region: str) -> None:
        self.account_id = account_id
        self.region = region
        self._pools: dict[str, Pool] = {}
        self._first_state: State = ({}, {})

    @property
    def backend(self) -> moto.CognitoIdpBackend:
        """moto's backend of this account and region."""
        return moto.cognitoidp_backends[self.account_id][self.region]

    def pools(self) -> list[Pool]:
        """Every pool there is now, also those made through the API."""
        stored = self.backend.user_pools
        self._pools = {
            id_: self._pools[id_] if id_ in self._pools and self._pools[id_].stored is pool else Pool(pool)
            for id_, pool in stored.items()
        }
        return list(self._pools.values())

    def pool(self, pool_id: str) -> Pool:
        """A pool by its id; raises CognitoError (ResourceNotFoundException)."""
        pool = next((pool for pool in self.pools() if pool.id == pool_id), None)
        if pool is None:
            raise CognitoError("ResourceNotFoundException", f"User pool {pool_id} does not exist.")
        return pool

    def client(self, client_id: str) -> Client:
        """A client of any pool by its id; raises CognitoError (ResourceNotFoundException)."""
        for pool in self.pools():
            if client_id in pool.stored.clients:
                return Client(pool.stored.clients[client_id], pool)
        raise CognitoError("ResourceNotFoundException", f"User pool client {client_id} does not exist.")

    def rename(self, pool: moto.CognitoIdpUserPool, pool_id: str) -> None:
        """Give a fresh pool a fixed id, so that it is the same one at every start."""
        del self.backend.user_pools[pool.id]
        pool.arn = pool.arn.replace(pool.id, pool_id)
        pool.id = pool_id
        self.backend.user_pools[pool_id] = pool

    def remember(self) -> None:
        """Take the present state for the first one, to which ``restore`` goes back."""
        self._first_state = self._copy((self.backend.user_pools, self.backend.user_pool_domains))

    def restore(self) -> None:
        """Back to the first state; sessions, codes and sign-ins are gone."""
        self.backend.user_pools, self.backend.user_pool_domains = self._copy(self._first_state)
        self._pools.clear()

    def first_clients(self, client_id: str) -> list[moto.CognitoIdpUserPoolClient]:
        """The client as it is now and as it will be after ``restore``."""
        pools = [*self.backend.user_pools.values(), *self._first_state[0].values()]
        return [pool.clients[client_id] for pool in pools if client_id in pool.clients]

    def _copy(self, state: State) -> State:
        # Not the key that moto gives every pool: reading it anew takes a tenth of a second, and we never use it.
        keys = {id(pool.json_web_key): pool.json_web_key for pool in state[0].values()}
        return copy.deepcopy(state, keys)

    def clear(self) -> None:
        """Drop every pool, client and domain."""
        self.backend.user_pools.clear()
        self.backend.user_pool_domains.clear()
        self._pools.clear()


def is_email(value: str) -> bool:
    """Something@something.tld, without spaces: what a pool takes for an address."""
    ordinary = r"[^\s\x00-\x1f\x7f@,;<>\".]+"
    return (
        len(value) <= 320 and re.fullmatch(rf"{ordinary}(\.{ordinary})*@{ordinary}(\.{ordinary})+", value) is not None
    )


def is_phone(value: str) -> bool:
    """E.164: a plus and up to fifteen digits."""
    return re.fullmatch(r"\+[1-9][0-9]{1,14}", value) is not None
