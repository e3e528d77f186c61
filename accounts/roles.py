"""What may somebody do? The three roles, and how groups and scopes become roles."""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Role(StrEnum):
    """A role of the product. Its value is the name of the Cognito group that grants it."""

    ADMIN = "ROLE_ADMIN"
    USER = "ROLE_USER"
    GUEST = "ROLE_GUEST"


EVERY_ROLE = frozenset(Role)

_BY_GROUP: Mapping[str, Role] = {role.value: role for role in Role}


def roles_from_groups(groups: Iterable[str]) -> frozenset[Role]:
    """Roles of a person, from the `cognito:groups` of their token. Groups that are not roles are ignored."""
    return frozenset(_BY_GROUP[group] for group in groups if group in _BY_GROUP)


def roles_from_scopes(scopes: Iterable[str], granted_by: Mapping[str, Role]) -> frozenset[Role]:
    """Roles of a machine, from the `scope` of its token; `granted_by` maps a scope to the role it grants."""
    return frozenset(granted_by[scope] for scope in scopes if scope in granted_by)
