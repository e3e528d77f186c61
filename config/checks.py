"""System checks of the environment. Each finding names its variable. `accounts.tokens.checks` has those of Cognito."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import OperationalError, connections

from config.postgresql import pooler

MIN_METRICS_TOKEN = 32  # characters


def misconfigured(variable: str, sentence: str, number: int) -> Error:
    """The error `config.E<number>` about one variable."""
    return Error(
        f"{variable} {sentence}", hint="Every variable is explained in .env.example.", id=f"config.E{number:03}"
    )


@register(Tags.security)
def check_environment(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Values that could not be parsed, and variables that are required when debug is off."""
    found = [misconfigured(variable, sentence, 1) for variable, sentence in settings.ENVIRONMENT_PROBLEMS]
    if settings.METRICS_TOKEN and len(settings.METRICS_TOKEN) < MIN_METRICS_TOKEN:
        sentence = f"must have at least {MIN_METRICS_TOKEN} characters: it is the only protection of /metrics."
        found.append(misconfigured("METRICS_TOKEN", sentence, 6))
    if settings.DEBUG:
        return found
    if not settings.SECRET_KEY_IS_SET:
        found.append(misconfigured("DJANGO_SECRET_KEY", "must be set when DJANGO_DEBUG is off.", 2))
    if not settings.ALLOWED_HOSTS:
        found.append(misconfigured("DJANGO_ALLOWED_HOSTS", "must name the hosts served when DJANGO_DEBUG is off.", 3))
    return found


@register(Tags.security, deploy=True)
def check_database(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """The default SQLite file is for development: to serve, DATABASE_URL must be set, even to an SQLite file."""
    if settings.DEBUG or settings.DATABASE_IS_SET:
        return []
    sentence = "must be set to serve: a PostgreSQL URL, or sqlite:/// and a path."
    return [misconfigured("DATABASE_URL", sentence, 5)]


@register(Tags.security, deploy=True)
def check_shared_cache(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Several workers need a shared cache: with one cache per worker, rate limits would be multiplied."""
    if settings.WORKERS > 1 and not settings.REDIS_URL:
        sentence = f"must be set to serve with {settings.WORKERS} workers, to share rate limits. Or set WORKERS=1."
        return [misconfigured("REDIS_URL", sentence, 4)]
    return []


@register(Tags.security, deploy=True)
def check_pooler(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """A pooler that DATABASE_POOLER does not declare, or a role without time-outs behind a pooler.

    Warnings, so that the service still starts. An unreachable database is not reported here but by `/readyz`.
    """
    found: list[CheckMessage] = []
    for alias in connections:
        with suppress(OperationalError):
            if fault := pooler.fault_of(alias):
                message = f"The connection to the database {alias!r}: {fault.summary}."
                found.append(CheckWarning(message, hint=fault.remedy, id="config.W001"))
    return found
