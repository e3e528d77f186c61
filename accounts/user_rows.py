"""Rows of `accounts.User` for the users of verified tokens: made when they are first needed."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from django.db import IntegrityError, connection
from django.db.models import OuterRef, Subquery

from accounts.models import User
from accounts.tokens.users import CognitoUser

T = TypeVar("T")


def user_row(user: CognitoUser) -> User:
    """The row of `user`, created when it is missing. Two simultaneous first requests get the same row."""
    row, _ = User.objects.get_or_create(
        sub=user.sub, defaults={"username": user.username, "email": user.email, "is_machine": user.is_machine}
    )
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
    """The e-mail address of the user whose `sub` is in `column`; NULL without a row."""
    return Subquery(User.objects.filter(sub=OuterRef(column)).values("email")[:1])
