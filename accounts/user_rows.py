"""Rows of AUTH_USER_MODEL, accounts.User or a project's own, found by the subject (`sub`) of the pool.

A project's own model needs `email`, null if it is unique, and a unique text field for the subject, null for people who
are not in the pool; the field's name is the setting ACCOUNTS_SUBJECT_FIELD, `sub` by default. Rows are never matched by
name or e-mail address, which the pool may give to somebody else. A method `follow_roles(roles)`, as accounts.User has
it, makes staff rights those of the token; without one they stay as the project sets them.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.exceptions import FieldDoesNotExist
from django.db import IntegrityError, connection
from django.db.models import OuterRef, QuerySet, Subquery

from accounts.tokens.roles import Role
from accounts.tokens.users import CognitoUser

T = TypeVar("T")


def subject_field() -> str:
    """The name of the field that holds the subject."""
    name: str = getattr(settings, "ACCOUNTS_SUBJECT_FIELD", "sub")
    return name


def is_ours() -> bool:
    """Whether AUTH_USER_MODEL is accounts.User."""
    return settings.AUTH_USER_MODEL == "accounts.User"


def rows(sub: str) -> QuerySet[Any]:
    """The row of `sub`, or none."""
    return get_user_model()._default_manager.filter(**{subject_field(): sub})


def user_row(user: CognitoUser) -> Any:
    """The row of `user`, created when there is none. Raises IntegrityError when its name or address is taken."""
    model = get_user_model()
    # In a project's own model somebody who is not in the pool may choose a name; Django's forms allow no colon in one.
    name = user.username if is_ours() else f"cognito:{user.sub}"
    known: dict[str, Any] = {model.USERNAME_FIELD: name, "is_machine": user.is_machine}
    if user.email:  # An access token has none, and a unique column takes the empty one only once.
        known["email"] = user.email
    known |= {"password": make_password(None), "username": name}
    known = {field: value for field, value in known.items() if _has(model, field) and field != subject_field()}
    row, _ = model._default_manager.get_or_create(**{subject_field(): user.sub}, defaults=known)
    return row


def with_user_row(user: CognitoUser, write: Callable[[str], T]) -> T:
    """The result of `write`, which is called with the `sub` of `user` and may store foreign keys to its row.

    The row nearly always exists, so it is not queried first: when `write` fails with an IntegrityError, the row is
    created and `write` is called once more. `write` must be atomic.
    """
    # Inside a transaction a foreign key may be checked at its end only, which is too late for a second call.
    if not connection.in_atomic_block:
        with suppress(IntegrityError):
            return write(user.sub)
    user_row(user)
    return write(user.sub)


def email_of(column: str) -> Subquery:
    """The e-mail address of the row whose subject stands in `column`, for those who have one here."""
    found = get_user_model()._default_manager.filter(**{subject_field(): OuterRef(column)})
    return Subquery(found.values("email")[:1])


def follow_roles(row: Any, roles: frozenset[Role]) -> bool:
    """Make the staff rights of `row`, unsaved, those of `roles`; False for a model that has them from elsewhere."""
    follow = getattr(row, "follow_roles", None)
    if follow is None:
        return False
    follow(roles)
    return True


def end(sub: str) -> None:
    """Delete the row of an account that was deleted; deactivate it in a project's own model, which may point at it."""
    if is_ours():
        rows(sub).delete()
    elif _has(get_user_model(), "is_active"):
        rows(sub).update(is_active=False)


def _has(model: Any, field: str) -> bool:
    try:
        model._meta.get_field(field)
    except FieldDoesNotExist:
        return False
    return True
