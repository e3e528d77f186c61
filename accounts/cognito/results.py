"""Value types of what Cognito answers: tokens, challenges, profiles, people and their pages.

Apart from the gateway, so that views and pages can name them without importing it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from django.core import signing

from accounts.tokens.roles import Role

_SALT = "accounts.people"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a completed sign-in gives. `expires_in` is the life of the access token in seconds."""

    access_token: str = field(repr=False)
    id_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int

    def __post_init__(self) -> None:
        """Raises TypeError for a token that is no string: what came from outside is not believed to have types."""
        if not all(isinstance(token, str) for token in (self.access_token, self.id_token, self.refresh_token)):
            raise TypeError("A token is not a string.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What Cognito wants to see before it gives tokens. `session` is its own handle: keep it from logs."""

    name: str
    session: str = field(repr=False)
    username: str
    parameters: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What Cognito keeps about a person: `attributes` by name, and the ways of MFA that are on."""

    username: str
    attributes: Mapping[str, str]
    mfa: tuple[str, ...]


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
class Account:
    """The identifiers of an account: its subject, and the user name that Cognito uses internally."""

    sub: str
    username: str
    is_federated: bool = False
    """Signs in through another provider, and may have no password here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some people, and Cognito's token for those who come next, if any do."""

    people: list[Person]
    next_token: str | None


class CursorInvalid(Exception):
    """A cursor that is not one of ours, or that Cognito does not know any more."""


class PeopleCursor:
    """Where a page of people begins: Cognito's token for it, and the one before, for the way back."""

    def __init__(self, token: str | None = None, previous: str | None = None, *, is_first: bool = True) -> None:
        self.token = token
        self._previous = previous
        self._is_first = is_first

    def after(self, page: Page) -> Self | None:
        """The place of the page after `page`, which begins here, if there is one."""
        return type(self)(page.next_token, self.token, is_first=False) if page.next_token else None

    def before(self) -> Self | None:
        """The page before, if there is one. From there the way leads forward only, or to the beginning."""
        if self._is_first:
            return None
        return type(self)(self._previous, None, is_first=self._previous is None)

    def encoded(self) -> str:
        """As a cursor."""
        return signing.dumps([self.token, self._previous, self._is_first], salt=_SALT, compress=True)

    @classmethod
    def decoded(cls, cursor: str) -> Self:
        """The place of a cursor. Raises CursorInvalid."""
        try:
            token, previous, is_first = signing.loads(cursor, salt=_SALT)
        except signing.BadSignature:
            raise CursorInvalid from None
        return cls(token, previous, is_first=is_first)
