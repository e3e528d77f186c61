"""Policy tables, which list the roles that may do each action of a viewset, and the permission class that uses them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.tokens.conf import get_config
from accounts.tokens.exceptions import InsufficientScope
from accounts.tokens.roles import Role
from accounts.tokens.users import CognitoUser


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Who may do one action: `roles` on any object, `owners` on objects of their own.

    `public` permits the action to everybody, with or without credentials, while the view's public read is on.
    """

    roles: frozenset[Role]
    owners: frozenset[Role] = frozenset()
    public: bool = False

    def permits(self, roles: frozenset[Role], *, owner: bool) -> bool:
        """Whether a user with `roles` may do it to an object that is (`owner`) or is not their own."""
        return bool(self.roles & roles) or (owner and bool(self.owners & roles))


Policy = Mapping[str, Rule]
"""Rules by viewset action: list, retrieve, create, update, partial_update, destroy, metadata."""


class PolicyView(Protocol):
    """The members of a viewset that `PolicyPermission` uses."""

    action: str | None
    policy: Policy

    def public_read(self) -> bool:
        """Whether `public` actions are permitted to everybody now."""

    def is_owner(self, user: CognitoUser, obj: Any) -> bool:
        """Whether `obj` belongs to `user`."""


def roles_of(user: object) -> frozenset[Role]:
    """The roles of a request user; empty without credentials."""
    return user.roles if isinstance(user, CognitoUser) else frozenset()


class PolicyPermission(BasePermission):
    """Permission by the policy table of the view. An action that is not in the table is refused."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller may do the action to some object, at least to one of their own."""
        if view.action is None:
            return True  # a method that the view does not have: DRF answers 405
        return self._permits(request, view, owner=True)

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        """Whether the action is permitted on `obj`."""
        user: object = request.user
        owner = isinstance(user, CognitoUser) and view.is_owner(user, obj)
        return self._permits(request, view, owner=owner)

    def _permits(self, request: Request, view: PolicyView, *, owner: bool) -> bool:
        rule = view.policy.get(view.action or "")
        if rule is None:
            return False
        if rule.public and view.public_read():
            return True
        user: object = request.user  # a CognitoUser, whatever DRF's annotations say
        if rule.permits(roles_of(user), owner=owner):
            return True
        if isinstance(user, CognitoUser) and user.is_machine:
            raise InsufficientScope(_scope_for(rule, owner=owner))
        return False


def _scope_for(rule: Rule, *, owner: bool) -> str:
    """The first configured scope whose role satisfies `rule`, for the 403 to name (RFC 6750 section 3.1)."""
    granting = get_config().scope_roles.items()
    return next((scope for scope, role in granting if rule.permits(frozenset({role}), owner=owner)), "")
