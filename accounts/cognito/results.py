"""Value types of Cognito's responses: tokens, challenges, profiles, people, pages and their cursors.

A module of its own, so that views can import them without the gateway.
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
    """Tokens of a completed sign-in. `expires_in` is the lifetime of the access token in seconds."""

    access_token: str = field(repr=False)
    id_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int

    def __post_init__(self) -> None:
        """Raises TypeError for a token that is not a string: responses are untyped JSON."""
        if not all(isinstance(token, str) for token in (self.access_token, self.id_token, self.refresh_token)):
            raise TypeError("A token is not a string.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A sign-in challenge. `session` is Cognito's handle of it: a secret, never logged."""

    name: str
    session: str = field(repr=False)
    username: str
    parameters: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Profile of an account: `attributes` by name, and the MFA methods that are on."""

    username: str
    attributes: Mapping[str, str]
    mfa: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account of the pool. `username` is the internal user name, `status` Cognito's UserStatus, as CONFIRMED."""

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
    """Identifiers of an account: its subject and its internal user name."""

    sub: str
    username: str
    is_federated: bool = False
    """Signs in through another identity provider, and may have no password in the pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of people, and Cognito's token for the next page, if there is one."""

    people: list[Person]
    next_token: str | None


class CursorInvalid(Exception):
    """A cursor that was not issued by this service, or that Cognito no longer accepts."""


class PeopleCursor:
    """Cursor of a page of people: Cognito's token for the page, and the token of the page before it."""

    def __init__(self, token: str | None = None, previous: str | None = None, *, is_first: bool = True) -> None:
        self.token = token
        self._previous = previous
        self._is_first = is_first

    def after(self, page: Page) -> Self | None:
        """The cursor of the page that follows `page`, which is the page of this cursor; None after the last page."""
        return type(self)(page.next_token, self.token, is_first=False) if page.next_token else None

    def before(self) -> Self | None:
        """The cursor of the page before, if there is one. It has no page before itself except the first one."""
        if self._is_first:
            return None
        return type(self)(self._previous, None, is_first=self._previous is None)

    def encoded(self) -> str:
        """The cursor as a signed string."""
        return signing.dumps([self.token, self._previous, self._is_first], salt=_SALT, compress=True)

    @classmethod
    def decoded(cls, cursor: str) -> Self:
        """The cursor of a signed string. Raises CursorInvalid."""
        try:
            token, previous, is_first = signing.loads(cursor, salt=_SALT)
        except signing.BadSignature:
            raise CursorInvalid from None
        return cls(token, previous, is_first=is_first)
