"""The three demo users, one for each role."""

import uuid
from dataclasses import dataclass

from local_cognito.operations.sign_up import new_user
from local_cognito.store import Pool, Status

PASSWORD = "Passw0rd!"  # noqa: S105 (the one in the README)


@dataclass(frozen=True)
class Person:
    """A demo user: address, name, and the group that makes the difference."""

    email: str
    name: str
    group: str


PEOPLE = (
    Person("admin@example.com", "Ada Admin", "ROLE_ADMIN"),
    Person("user@example.com", "Uma User", "ROLE_USER"),
    Person("guest@example.com", "Gus Guest", "ROLE_GUEST"),
)


def sub_of(pool_id: str, email: str) -> str:
    """A demo user's ``sub``, the same at every start, so that yesterday's books still have their owner."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"local-cognito:{pool_id}:{email}"))


def add_people(pool: Pool) -> None:
    """Put the three into the pool, confirmed and with their groups."""
    for person in PEOPLE:
        given = {"email": person.email, "name": person.name}
        user = new_user(pool, person.email, given, PASSWORD, Status.CONFIRMED)
        user.id = user.username = sub_of(pool.id, person.email)
        user.update_attributes(
            [{"Name": "sub", "Value": user.id}, {"Name": "email_verified", "Value": "true"}],
        )
        pool.add(user)
        pool.stored.backend.admin_add_user_to_group(pool.id, person.group, user.username)
