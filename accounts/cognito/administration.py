"""Administrative operations on other people's accounts, authorised by AWS credentials.

IAM actions needed, on the one pool: cognito-idp:AdminAddUserToGroup, AdminRemoveUserFromGroup, AdminListGroupsForUser,
AdminGetUser, AdminSetUserMFAPreference, AdminSetUserPassword, AdminDisableUser, AdminEnableUser,
AdminUserGlobalSignOut, AdminCreateUser (which alone can send an invitation again), ListUsers, ListUsersInGroup and
DescribeUserPool.
`cognito_doctor` also needs DescribeUserPoolClient, GetUserPoolMfaConfig and ListGroups.
"""

import re
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.core.signals import setting_changed
from django.dispatch import receiver

from accounts.cognito.bulkhead import CALLS_AT_ONCE
from accounts.cognito.client import ErrorsByCode, ExpectedRefusal
from accounts.cognito.errors import (
    CognitoMisconfigured,
    NothingToResend,
    PasswordTooWeak,
    PersonNotFound,
    RefusedByPool,
)
from accounts.cognito.gateway import get_gateway
from accounts.cognito.results import Account, Page, Person
from accounts.tokens.conf import get_config
from accounts.tokens.roles import Role, roles_from_groups

MAX_PAGE = 60  # AWS: ListUsers, parameter Limit
MAX_CALLS = 5
POLICY_SECONDS = 300
# Looks up the groups of listed people. One pool for the process, smaller than the bulkhead: one slot stays free for
# sign-ins.
_executor = ThreadPoolExecutor(max_workers=CALLS_AT_ONCE - 1, thread_name_prefix="groups")

# Cognito answers InvalidParameterException for a string that cannot be a user name.
_NOT_FOUND = dict.fromkeys(("UserNotFoundException", "InvalidParameterException"), PersonNotFound)


def list_people(*, email_prefix: str = "", role: Role | None = None, limit: int, token: str | None = None) -> Page:
    """A page of people, filtered by a prefix of their e-mail address or by their role.

    Cognito returns at most MAX_PAGE and cannot combine both filters, so up to MAX_CALLS of its pages are read: a page
    may be shorter than `limit` and still have a next one. Where several groups grant a role, their members are listed
    group by group, and a member of two is listed twice.
    Raises ExpectedRefusal for an invalid `token`.
    """
    users: list[Mapping[str, Any]] = []
    for _ in range(MAX_CALLS):
        found, token = _users(email_prefix, role, min(limit - len(users), MAX_PAGE), token)
        users += [user for user in found if _matches_prefix(user, email_prefix)]
        if token is None or len(users) >= limit:
            break
    roles = list(_executor.map(_roles_or_none, [user["Username"] for user in users]))
    there = [_person(user, held) for user, held in zip(users, roles, strict=True) if held is not None]
    return Page(people=there, next_token=token)


def _users(
    email_prefix: str, role: Role | None, limit: int, token: str | None
) -> tuple[list[Mapping[str, Any]], str | None]:
    """One page of Cognito, and its token for the next page."""
    # The token is the only parameter that a client sends, so the error is about it.
    errors = {"InvalidParameterException": ExpectedRefusal, "InvalidToken": ExpectedRefusal} if token else {}
    if role is not None:
        return _users_with(role, limit, token, errors)
    paging = {"PaginationToken": token} if token else {}
    if email_prefix:
        paging["Filter"] = f'email ^= "{_escaped(email_prefix)}"'
    answer = get_gateway().administer("list_users", errors, Limit=limit, **paging)
    return answer["Users"], answer.get("PaginationToken")


def _escaped(value: str) -> str:
    """`value` for a quoted string of a filter (AWS: ListUsers, parameter Filter)."""
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _users_with(
    role: Role, limit: int, token: str | None, errors: ErrorsByCode
) -> tuple[list[Mapping[str, Any]], str | None]:
    """One page of a group that grants `role`. The token is the index of the group and Cognito's token, as `0|…`."""
    number, _, inner = (token or "0|").partition("|")
    groups = get_config().groups_of(role)[int(number) :]
    if not groups:
        raise ExpectedRefusal  # the settings changed after the token was issued
    paging = {"NextToken": inner} if inner else {}
    answer = get_gateway().administer("list_users_in_group", errors, GroupName=groups[0], Limit=limit, **paging)
    if following := answer.get("NextToken"):
        return answer["Users"], f"{number}|{following}"
    return answer["Users"], f"{int(number) + 1}|" if len(groups) > 1 else None


def _matches_prefix(user: Mapping[str, Any], email_prefix: str) -> bool:
    return _attributes(user).get("email", "").lower().startswith(email_prefix.lower())


def _roles_or_none(username: str) -> tuple[Role, ...] | None:
    """The roles of a listed person; None when the account was deleted meanwhile."""
    try:
        return roles_of_person(username)
    except PersonNotFound:
        return None


def person(sub: str) -> Person:
    """The person with this subject or e-mail address. Raises PersonNotFound.

    A subject names native users only (AWS: AdminGetUser, parameter Username): the user name of anybody else is looked
    up by it.
    """
    try:
        user = get_gateway().administer("admin_get_user", _NOT_FOUND, Username=sub)
    except PersonNotFound:
        found = get_gateway().administer("list_users", _NOT_FOUND, Filter=f'sub = "{_escaped(sub)}"', Limit=1)["Users"]
        if not found:
            raise
        user = get_gateway().administer("admin_get_user", _NOT_FOUND, Username=found[0]["Username"])
    return _person({**user, "Attributes": user["UserAttributes"]}, roles_of_person(user["Username"]))


def account(username: str) -> Account:
    """The identifiers of the account with this subject or e-mail address. Raises PersonNotFound.

    One call whether or not the account exists, so that the response time does not reveal it.
    """
    user = get_gateway().administer("admin_get_user", _NOT_FOUND, Username=username)
    attributes = {pair["Name"]: pair.get("Value", "") for pair in user["UserAttributes"]}
    # A user of another provider, or a native user linked to one (AWS: AdminLinkProviderForUser).
    federated = user["UserStatus"] == "EXTERNAL_PROVIDER" or "identities" in attributes
    return Account(sub=attributes["sub"], username=user["Username"], is_federated=federated)


def roles_of_person(username: str) -> tuple[Role, ...]:
    """The roles that the person's groups grant now, highest first. Raises PersonNotFound."""
    held = roles_from_groups(_groups_of_person(username), get_config().group_roles)
    return tuple(role for role in Role if role in held)


def _groups_of_person(username: str) -> list[str]:
    groups = get_gateway().administer_all("admin_list_groups_for_user", "Groups", _NOT_FOUND, Username=username)
    return [group["GroupName"] for group in groups]


def grant(username: str, role: Role) -> None:
    """Add the person to the first group of `role`; idempotent. Raises PersonNotFound."""
    group, *_ = get_config().groups_of(role)
    get_gateway().administer("admin_add_user_to_group", _NOT_FOUND, Username=username, GroupName=group)


def replace_role(username: str, role: Role) -> None:
    """Replace the person's roles by `role`: added first, the others removed then. Raises PersonNotFound."""
    held, granted_by = _groups_of_person(username), get_config().group_roles
    if role not in roles_from_groups(held, granted_by):
        grant(username, role)
    for group in held:
        if granted_by.get(group, role) is not role:
            get_gateway().administer("admin_remove_user_from_group", _NOT_FOUND, Username=username, GroupName=group)


def disable(username: str) -> None:
    """Disable the account: no sign-in, no refresh. Raises PersonNotFound."""
    get_gateway().administer("admin_disable_user", _NOT_FOUND, Username=username)


def enable(username: str) -> None:
    """Enable a disabled account. Raises PersonNotFound."""
    get_gateway().administer("admin_enable_user", _NOT_FOUND, Username=username)


def sign_out_everywhere(username: str) -> None:
    """Revoke all refresh tokens of the person. Raises PersonNotFound."""
    get_gateway().administer("admin_user_global_sign_out", _NOT_FOUND, Username=username)


def resend_invitation(username: str) -> None:
    """Mail an invited person a new temporary password. Raises PersonNotFound, NothingToResend."""
    errors = {**_NOT_FOUND, "UnsupportedUserStateException": NothingToResend}
    get_gateway().administer("admin_create_user", errors, Username=username, MessageAction="RESEND")


def set_password(username: str, password: str) -> None:
    """Set a permanent password. Raises PersonNotFound, PasswordTooWeak, PasswordReused."""
    errors = {**_NOT_FOUND, "InvalidParameterException": PasswordTooWeak}
    get_gateway().administer("admin_set_user_password", errors, Username=username, Password=password, Permanent=True)


# Format of every password, under any policy: one line of at most 256 characters, no blank first or last. Cognito's
# error states it as ^[\S]+.*[\S]+$, where `.` is Java's and `\S` is ASCII. The published model, which botocore checks,
# says [\S]+, which allows no blank at all.
_FORMAT = re.compile(r"(?=.{1,256}\Z)\S([^\n\r\x85\u2028\u2029]*\S)?", re.ASCII | re.DOTALL)


def end_mfa(username: str) -> None:
    """Turn off TOTP for the person. Raises PersonNotFound, and RefusedByPool where the pool requires MFA."""
    errors = {**_NOT_FOUND, "NotAuthorizedException": RefusedByPool}
    off = {"Enabled": False, "PreferredMfa": False}
    get_gateway().administer("admin_set_user_mfa_preference", errors, Username=username, SoftwareTokenMfaSettings=off)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    """The pool's rules for passwords (AWS: "Adding user pool password requirements")."""

    minimum_length: int
    lowercase: bool
    uppercase: bool
    numbers: bool
    symbols: bool

    def require(self, password: str) -> None:
        """Raise PasswordTooWeak, whose sentence states the policy, unless `password` meets it."""
        wanted = {
            r"[a-z]": self.lowercase,
            r"[A-Z]": self.uppercase,
            r"[0-9]": self.numbers,
            # "Non-leading, non-trailing space characters" count as symbols; the format refuses the others.
            r"[\^$*.\[\]{}()?\"!@#%&/\\,><':;|_~`+=\- ]": self.symbols,
        }
        met = all(re.search(pattern, password) for pattern, needed in wanted.items() if needed)
        if not (met and _FORMAT.fullmatch(password) and len(password) >= self.minimum_length):
            raise PasswordTooWeak(self.sentence())

    def sentence(self) -> str:
        """The policy as a sentence for people."""
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
    """Raise PasswordTooWeak, whose sentence states the policy, unless Cognito would accept `password` as a new one.

    Called for every new password, before any call to Cognito that uses up a code. Without the right to read the policy
    only the format is checked here.
    """
    try:
        policy = password_policy()
    except CognitoMisconfigured:  # logged by the client
        policy = PasswordPolicy(minimum_length=1, lowercase=False, uppercase=False, numbers=False, symbols=False)
    policy.require(password)


def password_policy() -> PasswordPolicy:
    """The pool's password policy, cached for POLICY_SECONDS."""
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
