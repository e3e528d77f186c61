"""Strict parsers of environment variables. Invalid values are collected and reported by a system check."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar, overload

import environ

from accounts.flows.rates import DEFAULT_RATES, UNITS, Rate, RateName
from accounts.tokens.roles import Role

T = TypeVar("T")


class Environment:
    """Reader of environment variables. `problems` holds (variable, sentence) for each invalid value.

    An invalid value yields the default instead of an exception, so that `manage.py check` reports all of them at once.
    `config.checks` makes each an error, and the server does not start with an error.
    """

    def __init__(self) -> None:
        self._env = environ.Env()
        self.problems: list[tuple[str, str]] = []

    def text(self, name: str, default: str = "") -> str:
        """The value without surrounding white space; `default` when it is empty or not set."""
        value: str = self._env.str(name, default="").strip()
        return value or default

    def items(self, name: str) -> list[str]:
        """The members of a comma-separated list, without white space and empty members."""
        return [item.strip() for item in self.text(name).split(",") if item.strip()]

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """The value, converted by `parse`, which raises ValueError with a sentence for an invalid value."""
        value = self.text(name)
        if not value:
            return default
        try:
            return parse(value)
        except ValueError as error:
            self.problems.append((name, str(error)))
            return default

    def flag(self, name: str, default: bool) -> bool:
        """A boolean. A misspelt value is a problem, not false."""
        return self.read(name, _boolean, default)

    @overload
    def number(self, name: str, default: int, minimum: int = 0) -> int: ...
    @overload
    def number(self, name: str, default: None, minimum: int = 0) -> int | None: ...
    def number(self, name: str, default: int | None, minimum: int = 0) -> int | None:
        """An integer of at least `minimum`."""

        def parse(value: str) -> int | None:
            if not value.isascii() or not value.isdigit() or int(value) < minimum:
                raise ValueError(f"must be a whole number of at least {minimum}.")
            return int(value)

        return self.read(name, parse, default)

    def database(self, name: str, default: str) -> dict[str, object]:
        """Django's settings for a database URL such as `postgresql://user:password@host:5432/name`."""
        return self.read(name, _database, _database(default))

    def postgresql(self, name: str) -> dict[str, object]:
        """The same for a PostgreSQL URL only; an empty mapping when the variable is not set."""
        return self.read(name, _postgresql, {})


def redis(value: str) -> str:
    """A Redis or Valkey URL. Raises ValueError for others; the message omits the value, which may hold a password."""
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must be a redis:// or rediss:// URL.")
    return value


POOLERS = ("none", "transaction")
"""Values of DATABASE_POOLER."""


def pooler(value: str) -> str:
    """One of POOLERS. Raises ValueError for anything else."""
    if value not in POOLERS:
        raise ValueError(f"must be one of {', '.join(POOLERS)}.")
    return value


def roles(value: str) -> list[Role]:
    """Roles from a comma-separated list of names. Raises ValueError for an unknown name."""
    return [_role(item.strip()) for item in value.split(",") if item.strip()]


def scope_roles(value: str) -> Mapping[str, Role]:
    """Roles by scope from a comma-separated list of `scope=ROLE`. Raises ValueError for another form."""
    return _role_mapping(value, "books/read=ROLE_GUEST")


def group_roles(value: str) -> Mapping[str, Role]:
    """Roles by group from a comma-separated list of `group=ROLE`. Raises ValueError for another form."""
    return _role_mapping(value, "editors=ROLE_USER")


def _role_mapping(value: str, example: str) -> Mapping[str, Role]:
    # Split at the last "=": names of groups and scopes may contain one.
    pairs = [item.strip().rpartition("=") for item in value.split(",") if item.strip()]
    if not pairs or not all(name.strip() and separator for name, separator, _ in pairs):
        raise ValueError(f"must be a comma list such as {example}.")
    return {name.strip(): _role(role.strip()) for name, _, role in pairs}


def rates(value: str) -> Mapping[RateName, Rate]:
    """The default rates, updated from a comma list of `name=count/unit`. Raises ValueError for another form."""
    read = dict(DEFAULT_RATES)
    for name, _, rate in (item.strip().partition("=") for item in value.split(",") if item.strip()):
        known = next((known for known in DEFAULT_RATES if known == name.strip()), None)
        if known is None:
            raise ValueError(f"names an unknown rate; the rates are {', '.join(DEFAULT_RATES)}.")
        read[known] = _rate(rate)
    return read


def origin(url: str) -> str:
    """Scheme, host and port of an http(s) URL (RFC 6454), or an empty string; a check reports an invalid URL."""
    match = _ORIGIN.match(url)
    return match[0] if match else ""


def _rate(text: str) -> Rate:
    match = _RATE.fullmatch(text.strip())
    if not match or match["unit"] not in UNITS or int(match["count"]) == 0:
        raise ValueError(f"must be a comma list such as sign_in_account=5/min; the units are {', '.join(UNITS)}.")
    return Rate(int(match["count"]), UNITS[match["unit"]])


_RATE = re.compile(r"(?P<count>[0-9]{1,6})\s*/\s*(?P<unit>[a-z]+)", re.ASCII)

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(?=/|$)", re.ASCII)


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise ValueError(f"names an unknown role; the roles are {', '.join(Role)}.") from None


def _boolean(value: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    try:
        return words[value.lower()]
    except KeyError:
        raise ValueError("must be true or false.") from None


def _postgresql(url: str) -> dict[str, object]:
    if not url.startswith(("postgres://", "postgresql://")):
        raise ValueError("must be a postgresql:// URL.")
    return _database(url)


def _database(url: str) -> dict[str, object]:
    try:
        config = environ.Env.db_url_config(url)
    except Exception:  # django-environ raises various exceptions; their messages may hold the password of the URL
        config = {}
    if config.get("ENGINE") not in ("django.db.backends.postgresql", "django.db.backends.sqlite3"):
        raise ValueError("must be a postgresql:// or sqlite:/// URL.")
    return dict(config)
