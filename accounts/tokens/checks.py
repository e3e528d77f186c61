"""System checks of the Cognito settings. Each finding of `manage.py check` names its variable."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from accounts.tokens.conf import CognitoConfig, DelegatedTokens, TokenUse, get_config, names
from accounts.tokens.roles import EVERY_ROLE, Role

MAX_LEEWAY_SECONDS = 300


@register(Tags.security)
def check_cognito(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Findings about settings that are missing, contradictory, or insecure while DEBUG is off."""
    config = get_config()
    findings = [*_missing(config), *_unknown_roles(), *_contradictory(config), *_insecure(config)]
    return [
        Error(f"{variable} {sentence}", hint=hint, id=f"accounts.E{number:03}")
        for number, variable, sentence, hint in findings
    ]


Finding = tuple[int, str, str, str | None]


def _missing(config: CognitoConfig) -> Iterator[Finding]:
    if not config.region:
        yield 1, "COGNITO_REGION", "must be set.", "AWS_REGION and AWS_DEFAULT_REGION serve as well."
    if not config.user_pool_id:
        yield 2, "COGNITO_USER_POOL_ID", "must be set.", "It looks like eu-west-1_AbCdEf123."
    if not config.client_id:
        yield 3, "COGNITO_CLIENT_ID", "must be set.", "Without it, a token of any app client would pass."


def _unknown_roles() -> Iterator[Finding]:
    for variable in ("COGNITO_SIGN_UP_ROLES", "COGNITO_GROUP_ROLES", "COGNITO_SCOPE_ROLES"):
        value = getattr(settings, variable, ())
        if not EVERY_ROLE.issuperset(value.values() if isinstance(value, Mapping) else names(variable)):
            yield 16, variable, f"names an unknown role; the roles are {', '.join(Role)}.", None


def _contradictory(config: CognitoConfig) -> Iterator[Finding]:
    region, separator, rest = config.user_pool_id.partition("_")
    if config.user_pool_id and not (region and separator and rest):
        yield 4, "COGNITO_USER_POOL_ID", "is not the id of a user pool.", "It looks like eu-west-1_AbCdEf123."
    elif config.user_pool_id and config.region and region != config.region:
        yield 4, "COGNITO_USER_POOL_ID", f"is of the region {region}, but COGNITO_REGION is {config.region}.", None
    if config.user_pool_id and any(issuer.endswith("/") for issuer in config.issuers):
        yield 5, "COGNITO_ISSUER", "must not end with a slash: it is compared letter by letter.", None
    if config.token_use not in get_args(TokenUse):
        yield 6, "COGNITO_TOKEN_USE", f"must be one of {', '.join(get_args(TokenUse))}.", None
    if config.leeway_seconds > MAX_LEEWAY_SECONDS:
        yield 7, "COGNITO_LEEWAY_SECONDS", f"must be at most {MAX_LEEWAY_SECONDS} seconds.", "Set the clocks instead."
    if Role.ADMIN in config.sign_up_roles:
        yield 8, "COGNITO_SIGN_UP_ROLES", f"must not hold {Role.ADMIN}.", "Administrators grant it to others."
    if not config.sign_up_roles:
        yield 8, "COGNITO_SIGN_UP_ROLES", "must hold at least one role.", None
    if without := [role for role in Role if not config.groups_of(role)]:
        yield (
            15,
            "COGNITO_GROUP_ROLES",
            f"leaves no group for {', '.join(without)}.",
            "Each role needs one to be granted.",
        )
    if config.require_audience and not config.resource_identifiers:
        sentence = "refuses every access token while COGNITO_RESOURCE_IDENTIFIERS is empty."
        yield 13, "COGNITO_REQUIRE_AUDIENCE", sentence, "Name what this API is called in `aud`."
    if config.delegated_tokens not in get_args(DelegatedTokens):
        yield 14, "COGNITO_DELEGATED_TOKENS", f"must be one of {', '.join(get_args(DelegatedTokens))}.", None


def _insecure(config: CognitoConfig) -> Iterator[Finding]:
    """A local Cognito or plain http in production, unless COGNITO_ALLOW_INSECURE_ENDPOINT allows it."""
    urls = [
        *((9, "COGNITO_ISSUER", issuer) for issuer in config.issuers),
        (10, "COGNITO_JWKS_URL", config.jwks_url),
        (11, "COGNITO_ENDPOINT_URL", config.endpoint_url),
        (12, "COGNITO_DOMAIN", config.domain),
    ]
    tolerated = settings.DEBUG or getattr(settings, "COGNITO_ALLOW_INSECURE_ENDPOINT", False)
    hint = "Set COGNITO_ALLOW_INSECURE_ENDPOINT=true only where no real person signs in."
    for number, variable, url in urls:
        try:
            parts = urlsplit(url)
        except ValueError:
            yield number, variable, "is not a URL.", None
            continue
        if url and (parts.scheme not in ("http", "https") or not parts.netloc):
            yield number, variable, "must be an https:// URL.", None
        elif url and not tolerated and variable == "COGNITO_ENDPOINT_URL":
            yield number, variable, "replaces Amazon Cognito by a stand-in.", hint
        elif url and not tolerated and parts.scheme != "https":
            yield number, variable, "must be an https:// URL.", hint
