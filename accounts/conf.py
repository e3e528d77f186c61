"""How is the pool reached and what is accepted from it? The `COGNITO_*` settings, read once and typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from accounts.roles import Role

TokenUse = Literal["access", "id", "any"]

DEFAULT_SCOPE_ROLES: Mapping[str, Role] = {
    "books/read": Role.GUEST,
    "books/write": Role.USER,
    "books/admin": Role.ADMIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CognitoConfig:
    """The settings of one user pool. Durations are in seconds, URLs have no trailing slash."""

    region: str
    user_pool_id: str
    client_id: str
    client_secret: str
    client_ids: frozenset[str]
    issuer: str
    jwks_url: str
    endpoint_url: str
    domain: str
    token_use: TokenUse
    leeway_seconds: int
    max_token_age_seconds: int | None
    sign_up_roles: tuple[Role, ...]
    scope_roles: Mapping[str, Role]
    header_refresh: bool


@cache
def get_config() -> CognitoConfig:
    """The configuration of this process, from Django's settings. `accounts.checks` says what is wrong with it."""
    region: str = _setting("COGNITO_REGION", "")
    pool: str = _setting("COGNITO_USER_POOL_ID", "")
    client_id: str = _setting("COGNITO_CLIENT_ID", "")
    further: list[str] = _setting("COGNITO_ALLOWED_CLIENT_IDS", [])
    issuer: str = _setting("COGNITO_ISSUER", "") or f"https://cognito-idp.{region}.amazonaws.com/{pool}"
    return CognitoConfig(
        region=region,
        user_pool_id=pool,
        client_id=client_id,
        client_secret=_setting("COGNITO_CLIENT_SECRET", ""),
        client_ids=frozenset(name for name in (client_id, *further) if name),
        issuer=issuer,
        jwks_url=_setting("COGNITO_JWKS_URL", "") or f"{issuer}/.well-known/jwks.json",
        endpoint_url=_setting("COGNITO_ENDPOINT_URL", "").rstrip("/"),
        domain=_setting("COGNITO_DOMAIN", "").rstrip("/"),
        token_use=cast(TokenUse, _setting("COGNITO_TOKEN_USE", "access")),
        leeway_seconds=_setting("COGNITO_LEEWAY_SECONDS", 10),
        max_token_age_seconds=_setting("COGNITO_MAX_TOKEN_AGE_SECONDS", None),
        sign_up_roles=tuple(Role(role) for role in _setting("COGNITO_SIGN_UP_ROLES", [Role.GUEST])),
        scope_roles=_setting("COGNITO_SCOPE_ROLES", DEFAULT_SCOPE_ROLES),
        header_refresh=_setting("COGNITO_HEADER_REFRESH", False),
    )


def _setting(name: str, default: Any) -> Any:
    return getattr(settings, name, default)


@receiver(setting_changed)
def _forget_config(*, setting: str, **_: object) -> None:
    # Only tests change settings while the process runs.
    if setting.startswith("COGNITO_"):
        get_config.cache_clear()
