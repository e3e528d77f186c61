"""Permissions on books and authors: the one table behind the API, OpenAPI and the README."""

from accounts.tokens.permissions import Policy, Rule
from accounts.tokens.roles import EVERY_ROLE, Role

_READ = Rule(roles=EVERY_ROLE, public=True)
_ADD = Rule(roles=frozenset({Role.USER, Role.ADMIN}))
_CHANGE = Rule(roles=frozenset({Role.ADMIN}), owners=frozenset({Role.USER}))

BOOK_POLICY: Policy = {
    "list": _READ,
    "retrieve": _READ,
    "metadata": _READ,
    "create": _ADD,
    "update": _CHANGE,
    "partial_update": _CHANGE,
    "destroy": _CHANGE,
}
AUTHOR_POLICY: Policy = {"list": _READ, "retrieve": _READ, "metadata": _READ}
