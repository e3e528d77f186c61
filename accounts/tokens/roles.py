"""The three roles, and the mapping of groups and OAuth scopes to them."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Self


class Role(StrEnum):
    """A role of the product. Its value is also the name of the Cognito group that grants it by default.

    `label` is its name for people.
    """

    label: str

    ADMIN = "ROLE_ADMIN", "Administrator"
    USER = "ROLE_USER", "User"
    GUEST = "ROLE_GUEST", "Guest"

    def __new__(cls, value: str, label: str = "") -> Self:
        """A member; `Role(value)` finds it by its value alone."""
        role = str.__new__(cls, value)
        role._value_ = value
        role.label = label
        return role


EVERY_ROLE = frozenset(Role)


def roles_from_groups(groups: Iterable[str], granted_by: Mapping[str, Role]) -> frozenset[Role]:
    """Roles of a person, from the `cognito:groups` of their token; `granted_by` maps a group to the role it grants."""
    return frozenset(granted_by[group] for group in groups if group in granted_by)


def roles_from_scopes(scopes: Iterable[str], granted_by: Mapping[str, Role]) -> frozenset[Role]:
    """Roles of a machine, from the `scope` of its token; `granted_by` maps a scope to the role it grants."""
    return frozenset(granted_by[scope] for scope in scopes if scope in granted_by)
