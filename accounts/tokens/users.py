"""The request user, made from verified claims alone."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from django.db import IntegrityError, connection
from django.db.models import OuterRef, Subquery

from accounts.models import User
from accounts.tokens.conf import get_config
from accounts.tokens.roles import Role, roles_from_groups, roles_from_scopes
from accounts.tokens.verifier import Claims

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CognitoUser:
    """Whoever sent a genuine token: a person, or a machine (client credentials grant).

    Looks enough like a Django user for DRF, but an attribute it does not have is an error rather than None, and
    making one touches no database. `person_for` gives the row where one is needed.

    `actor` is the subject of whoever acts for this user by a delegated token (RFC 8693), None when they act themselves:
    it is told in logs and audit records, and gives no role. `acr` and `amr` say how the user signed in (RFC 8176).
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
        """The user of `claims`. Groups count for people only, scopes for machines only."""
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
        """The key of the person's row, whether or not it exists yet."""
        return self.sub

    def __str__(self) -> str:
        return self.email or self.username


def person_for(user: CognitoUser) -> User:
    """The row of `user`, made when it is not there. Two simultaneous first requests get the same one."""
    row, _ = User.objects.get_or_create(
        sub=user.sub, defaults={"username": user.username, "email": user.email, "is_machine": user.is_machine}
    )
    return row


def as_person(user: CognitoUser, write: Callable[[str], T]) -> T:
    """What `write` gives; it is called with the subject of `user`, whose row is there for a foreign key to point at.

    It nearly always is, so nobody asks: where it is not, `write` fails with an IntegrityError, the row is made and
    `write` tried once more. It must do all or nothing.
    """
    # Inside a transaction, a foreign key complains at its end only, when it is too late to try again.
    if not connection.in_atomic_block:
        with suppress(IntegrityError):
            return write(user.sub)
    person_for(user)
    return write(user.sub)


def email_of(column: str) -> Subquery:
    """The e-mail address of the person whose subject stands in `column`, for those who have a row here."""
    return Subquery(User.objects.filter(sub=OuterRef(column)).values("email")[:1])
