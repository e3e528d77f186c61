"""The request user, built from verified claims without a query."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from accounts.tokens.conf import get_config
from accounts.tokens.roles import Role, roles_from_groups, roles_from_scopes
from accounts.tokens.verifier import Claims


@dataclass(frozen=True, slots=True, kw_only=True)
class CognitoUser:
    """The request user of a verified token: a person, or a machine (client credentials grant).

    It has the attributes of a Django user that DRF reads, and needs no database; a missing attribute is an
    AttributeError. `accounts.user_rows` gives the model row where one is needed.

    `actor` is the `sub` of the party that acts for this user by a delegated token (RFC 8693 section 4.1), else None;
    it is written to logs and audit records and grants no role. `acr` and `amr` describe the authentication
    (OpenID Connect Core section 2, RFC 8176).
    """

    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False
    is_active: ClassVar[bool] = True

    sub: str
    username: str
    email: str
    groups: tuple[str, ...]
    roles: frozenset[Role]
    scopes: frozenset[str]
    is_machine: bool
    actor: str | None = None
    acr: str | None = None
    amr: tuple[str, ...] = ()

    @classmethod
    def from_claims(cls, claims: Claims, scope_roles: Mapping[str, Role] | None = None) -> "CognitoUser":
        """The user of `claims`. Roles of people come from groups, roles of machines from scopes."""
        is_machine = claims.username is None
        if is_machine:
            granted_by = get_config().scope_roles if scope_roles is None else scope_roles
            roles = roles_from_scopes(claims.scopes, granted_by)
        else:
            roles = roles_from_groups(claims.groups, get_config().group_roles)
        return cls(
            sub=claims.sub,
            username=claims.username or claims.client_id,
            email=claims.email or "",
            groups=claims.groups,
            roles=roles,
            scopes=claims.scopes,
            is_machine=is_machine,
            actor=claims.act,
            acr=claims.acr,
            amr=claims.amr,
        )

    @property
    def pk(self) -> str:
        """The primary key of the user's row, which may not exist yet."""
        return self.sub

    def __str__(self) -> str:
        return self.email or self.username
