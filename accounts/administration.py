"""What may administrators do to other people's accounts? Verbs over the pool that need AWS credentials.

Least rights: cognito-idp:AdminAddUserToGroup, AdminRemoveUserFromGroup, AdminListGroupsForUser, AdminGetUser,
AdminSetUserPassword, AdminDisableUser, AdminEnableUser, AdminUserGlobalSignOut, ListUsers, ListUsersInGroup and
DescribeUserPool, on the one pool.
"""

import re
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.core.signals import setting_changed
from django.dispatch import receiver

from accounts.cognito import Refused, get_gateway
from accounts.exceptions import CognitoMisconfigured, PasswordTooWeak, PersonNotFound
from accounts.roles import Role, roles_from_groups

MAX_PAGE = 60  # AWS: ListUsers, parameter Limit
POLICY_SECONDS = 300

_NOBODY = {"UserNotFoundException": PersonNotFound}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody in the pool. `username` is Cognito's internal name, `status` its own word, such as CONFIRMED."""

    sub: str
    username: str
    email: str
    name: str
    phone_number: str
    roles: tuple[Role, ...]
    status: str
    enabled: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some people, and Cognito's token for those who come next, if any do."""

    people: list[Person]
    next_token: str | None


def people(*, email_prefix: str = "", role: Role | None = None, limit: int, token: str | None = None) -> Page:
    """A page of people, narrowed by the beginning of their e-mail address or by their role.

    With both, the page of the role is narrowed here, so it may be shorter than `limit`. Raises Refused for a
    `token` that is not one.
    """
    paging: dict[str, Any] = {"Limit": min(limit, MAX_PAGE)}
    errors = {"InvalidParameterException": Refused, "InvalidToken": Refused}
    if role is not None:
        paging |= {"NextToken": token} if token else {}
        answer = get_gateway().administer("list_users_in_group", errors, GroupName=role.value, **paging)
        token = answer.get("NextToken")
    else:
        paging |= {"PaginationToken": token} if token else {}
        if email_prefix:
            escaped = email_prefix.replace("\\", "\\\\").replace('"', '\\"')
            paging["Filter"] = f'email ^= "{escaped}"'
        answer = get_gateway().administer("list_users", errors, **paging)
        token = answer.get("PaginationToken")
    users = [user for user in answer["Users"] if _attributes(user).get("email", "").startswith(email_prefix.lower())]
    with ThreadPoolExecutor(max_workers=8) as threads:
        roles = list(threads.map(lambda user: roles_of_person(user["Username"]), users))
    return Page(people=[_person(user, held) for user, held in zip(users, roles, strict=True)], next_token=token)


def person(sub: str) -> Person:
    """The person with this subject or e-mail address. Raises PersonNotFound."""
    user = get_gateway().administer("admin_get_user", _NOBODY, Username=sub)
    return _person({**user, "Attributes": user["UserAttributes"]}, roles_of_person(user["Username"]))


def roles_of_person(username: str) -> tuple[Role, ...]:
    """The roles somebody's groups give now, highest first. Raises PersonNotFound."""
    answer = get_gateway().administer("admin_list_groups_for_user", _NOBODY, Username=username)
    held = roles_from_groups(group["GroupName"] for group in answer["Groups"])
    return tuple(role for role in Role if role in held)


def grant(username: str, role: Role) -> None:
    """Put somebody into the group of `role`; they may be there already. Raises PersonNotFound."""
    get_gateway().administer("admin_add_user_to_group", _NOBODY, Username=username, GroupName=role.value)


def replace_role(username: str, role: Role) -> None:
    """Make `role` their only one among ours; the new group comes first. Raises PersonNotFound."""
    held = roles_of_person(username)
    if role not in held:
        grant(username, role)
    for other in held:
        if other is not role:
            errors = _NOBODY
            get_gateway().administer("admin_remove_user_from_group", errors, Username=username, GroupName=other.value)


def disable(username: str) -> None:
    """Let somebody neither sign in nor refresh. Raises PersonNotFound."""
    get_gateway().administer("admin_disable_user", _NOBODY, Username=username)


def enable(username: str) -> None:
    """Undo `disable`. Raises PersonNotFound."""
    get_gateway().administer("admin_enable_user", _NOBODY, Username=username)


def sign_out_everywhere(username: str) -> None:
    """End all sessions of somebody. Raises PersonNotFound."""
    get_gateway().administer("admin_user_global_sign_out", _NOBODY, Username=username)


def set_password(username: str, password: str) -> None:
    """Give somebody a password of their own choosing. Raises PersonNotFound, PasswordTooWeak, PasswordReused."""
    get_gateway().administer("admin_set_user_password", _NOBODY, Username=username, Password=password, Permanent=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    """The pool's rules for passwords (AWS: "Adding user pool password requirements")."""

    minimum_length: int
    lowercase: bool
    uppercase: bool
    numbers: bool
    symbols: bool

    def require(self, password: str) -> None:
        """Raise PasswordTooWeak, which says the policy, unless `password` meets it."""
        wanted = {
            r".": True,
            r"[a-z]": self.lowercase,
            r"[A-Z]": self.uppercase,
            r"[0-9]": self.numbers,
            # A blank inside counts as a symbol for Cognito; at either end it refuses the password.
            r"[\^$*.\[\]{}()?\"!@#%&/\\,><':;|_~`+=\- ]": self.symbols,
        }
        met = all(re.search(pattern, password) for pattern, needed in wanted.items() if needed)
        printable = password.isprintable() and password == password.strip()
        if not (met and printable and len(password) >= self.minimum_length):
            raise PasswordTooWeak(self.sentence())

    def sentence(self) -> str:
        """The policy for people."""
        kinds = {
            "a lower-case letter": self.lowercase,
            "an upper-case letter": self.uppercase,
            "a digit": self.numbers,
            "a symbol": self.symbols,
        }
        needed = [kind for kind, wanted in kinds.items() if wanted]
        listed = f", with {', '.join(needed)}" if needed else ""
        return f"A password has at least {self.minimum_length} characters{listed}, and no blank at either end."


def require_good_password(password: str) -> None:
    """Raise PasswordTooWeak, which says the policy, before Cognito is asked for anything that costs a code.

    Without the right to read the policy Cognito alone decides, later.
    """
    try:
        policy = password_policy()
    except CognitoMisconfigured:
        return  # the log says why
    policy.require(password)


def password_policy() -> PasswordPolicy:
    """The pool's policy, asked for at most every POLICY_SECONDS."""
    return _policy_of_period(int(time.monotonic() // POLICY_SECONDS))


@cache
def _policies() -> dict[int, PasswordPolicy]:
    return {}


def _policy_of_period(period: int) -> PasswordPolicy:
    held = _policies()
    if period not in held:
        pool = get_gateway().administer("describe_user_pool")["UserPool"]
        rules: Mapping[str, Any] = pool.get("Policies", {}).get("PasswordPolicy", {})
        policy = PasswordPolicy(
            minimum_length=rules.get("MinimumLength", 8),
            lowercase=rules.get("RequireLowercase", True),
            uppercase=rules.get("RequireUppercase", True),
            numbers=rules.get("RequireNumbers", True),
            symbols=rules.get("RequireSymbols", True),
        )
        held.clear()
        held[period] = policy
    return held[period]


@receiver(setting_changed)
def _forget_policy(*, setting: str, **_: object) -> None:
    if setting.startswith("COGNITO_"):
        _policies.cache_clear()


def _attributes(user: Mapping[str, Any]) -> dict[str, str]:
    return {pair["Name"]: pair.get("Value", "") for pair in user.get("Attributes", [])}


def _person(user: Mapping[str, Any], roles: Iterable[Role]) -> Person:
    attributes = _attributes(user)
    return Person(
        sub=attributes["sub"],
        username=user["Username"],
        email=attributes.get("email", ""),
        name=attributes.get("name", ""),
        phone_number=attributes.get("phone_number", ""),
        roles=tuple(roles),
        status=user["UserStatus"],
        enabled=user["Enabled"],
        created_at=user["UserCreateDate"],
        updated_at=user["UserLastModifiedDate"],
    )
