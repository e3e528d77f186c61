"""Configuration of one user pool: the `COGNITO_*` settings of Django, typed and cached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from accounts.tokens.roles import EVERY_ROLE, Role

TokenUse = Literal["access", "id", "any"]
DelegatedTokens = Literal["refuse", "accept"]

# Time-outs of Cognito's API and OAuth endpoints.
CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 5

DEFAULT_SCOPE_ROLES: Mapping[str, Role] = {
    "books/read": Role.GUEST,
    "books/write": Role.USER,
    "books/admin": Role.ADMIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CognitoConfig:
    """The settings of one user pool. Durations are in seconds, URLs have no trailing slash.

    `issuers` are compared with a token's `iss` as whole strings; `jwks_url` is empty unless one was set for all of
    them. `resource_identifiers` are the names of this API in the `aud` of an access token bound to a resource.
    `group_roles` and `scope_roles` map a group or a scope to the role that it grants.
    """

    region: str
    user_pool_id: str
    client_id: str
    client_secret: str
    client_ids: frozenset[str]
    issuers: tuple[str, ...]
    jwks_url: str
    resource_identifiers: frozenset[str]
    require_audience: bool
    delegated_tokens: DelegatedTokens
    endpoint_url: str
    domain: str
    token_use: TokenUse
    leeway_seconds: int
    max_token_age_seconds: int | None
    sign_up_roles: tuple[Role, ...]
    group_roles: Mapping[str, Role]
    scope_roles: Mapping[str, Role]
    header_refresh: bool

    def groups_of(self, role: Role) -> tuple[str, ...]:
        """The groups that grant `role`; people are put into the first."""
        return tuple(group for group, granted in self.group_roles.items() if granted is role)

    def jwks_url_of(self, issuer: str) -> str:
        """URL of the key set of `issuer` (AWS: "Verifying JSON web tokens")."""
        return self.jwks_url or f"{issuer}/.well-known/jwks.json"


def complete_group_roles(named: Mapping[str, Role]) -> Mapping[str, Role]:
    """`named`, completed by a group of the role's own name for each role without a group."""
    given = set(named.values())
    return {**{role.value: role for role in Role if role not in given}, **named}


def default_issuers(region: str, pool: str) -> tuple[str, ...]:
    """Both forms of a pool's issuer: the original one, and the one of IssuerConfiguration.Type UPDATED.

    The domain is that of the region's AWS partition, as botocore's endpoint data have it for cognito-idp.
    """
    domain = "amazonaws.eu" if region.startswith("eusc-") else "amazonaws.com"
    return tuple(f"https://{host}.{region}.{domain}/{pool}" for host in ("cognito-idp", "issuer-cognito-idp"))


@cache
def get_config() -> CognitoConfig:
    """The configuration of this process, from Django's settings. `checks` validates it."""
    region: str = _setting("COGNITO_REGION", "")
    pool: str = _setting("COGNITO_USER_POOL_ID", "")
    client_id: str = _setting("COGNITO_CLIENT_ID", "")
    return CognitoConfig(
        region=region,
        user_pool_id=pool,
        client_id=client_id,
        client_secret=_setting("COGNITO_CLIENT_SECRET", ""),
        client_ids=frozenset(name for name in (client_id, *names("COGNITO_ALLOWED_CLIENT_IDS")) if name),
        issuers=names("COGNITO_ISSUER") or default_issuers(region, pool),
        jwks_url=_setting("COGNITO_JWKS_URL", ""),
        resource_identifiers=frozenset(names("COGNITO_RESOURCE_IDENTIFIERS")),
        require_audience=_setting("COGNITO_REQUIRE_AUDIENCE", False),
        delegated_tokens=_setting("COGNITO_DELEGATED_TOKENS", "refuse"),
        endpoint_url=_setting("COGNITO_ENDPOINT_URL", "").rstrip("/"),
        domain=_setting("COGNITO_DOMAIN", "").rstrip("/"),
        token_use=cast(TokenUse, _setting("COGNITO_TOKEN_USE", "access")),
        leeway_seconds=_setting("COGNITO_LEEWAY_SECONDS", 10),
        max_token_age_seconds=_setting("COGNITO_MAX_TOKEN_AGE_SECONDS", None),
        sign_up_roles=tuple(Role(role) for role in names("COGNITO_SIGN_UP_ROLES", [Role.GUEST]) if role in EVERY_ROLE),
        group_roles=complete_group_roles(_roles_by_name("COGNITO_GROUP_ROLES", {})),
        scope_roles=_roles_by_name("COGNITO_SCOPE_ROLES", DEFAULT_SCOPE_ROLES),
        header_refresh=_setting("COGNITO_HEADER_REFRESH", False),
    )


def _setting(name: str, default: Any) -> Any:
    return getattr(settings, name, default)


def names(name: str, default: Sequence[str] = ()) -> tuple[str, ...]:
    """A setting that is a list of names, or a comma-separated string."""
    value: str | Sequence[str] = _setting(name, default)
    entries = value.split(",") if isinstance(value, str) else value
    return tuple(dict.fromkeys(stripped for entry in entries if (stripped := entry.strip())))


def _roles_by_name(name: str, default: Mapping[str, Role]) -> Mapping[str, Role]:
    """A setting that maps names to roles. An unknown role grants nothing; `checks` reports it."""
    value: Mapping[str, str] = _setting(name, default)
    return {granting: Role(role) for granting, role in value.items() if role in EVERY_ROLE}


@receiver(setting_changed)
def _forget_config(*, setting: str, **_: object) -> None:
    # Only tests change settings while the process runs.
    if setting.startswith("COGNITO_"):
        get_config.cache_clear()
