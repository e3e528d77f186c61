"""System checks of the project that `accounts` is installed in: settings without which sign-in is unsafe or fails.

`accounts.tokens.checks` has those of the `COGNITO_*` settings.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.urls import NoReverseMatch, resolve, reverse
from rest_framework.settings import api_settings

BACKEND = "accounts.browser.backends.CognitoBackend"
BREAK_GLASS = "accounts.browser.backends.BreakGlassBackend"
MIDDLEWARE = "accounts.browser.middleware.BrowserSessionMiddleware"


@register(Tags.security)
def check_project(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """What the models need, and the pages and browser sessions where they are used."""
    findings = [*_models()]
    has_pages = _includes("accounts:sign-in", "accounts.browser.sign_in")
    has_sessions = has_pages or BACKEND in settings.AUTHENTICATION_BACKENDS
    if has_sessions or _includes("accounts-api:sign-in", "accounts.api.views"):
        findings += _user_model()
    if has_sessions:
        findings += _browser(has_pages=has_pages)
    return findings


@register(Tags.security, deploy=True)
def check_rate_limits(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Rate limits that are per process, or that the whole site shares, though no setting says that this is meant."""
    found: list[CheckMessage] = []
    if not hasattr(settings, "REDIS_URL"):
        message = "REDIS_URL is not set: each process counts attempts by itself, which multiplies the rate limits."
        found.append(CheckWarning(message, hint='REDIS_URL = "" says that this is meant.', id="accounts.W001"))
    behind_proxy = any((settings.SECURE_PROXY_SSL_HEADER, settings.USE_X_FORWARDED_HOST))
    if behind_proxy and not hasattr(settings, "NUM_PROXIES") and api_settings.NUM_PROXIES is None:
        message = "NUM_PROXIES is not set: all clients behind the proxy share the rate limits of its address."
        hint = "The number of proxies, as a setting or in REST_FRAMEWORK; 0 says that there are none."
        found.append(CheckWarning(message, hint=hint, id="accounts.W002"))
    return found


def _models() -> Iterator[CheckMessage]:
    if not settings.USE_TZ:
        hint = "Expiry times of revocations are in UTC; local times are ambiguous when clocks are set back."
        yield Error("USE_TZ must be True for accounts.", hint=hint, id="accounts.E020")


def _user_model() -> Iterator[CheckMessage]:
    model, field = get_user_model(), getattr(settings, "ACCOUNTS_SUBJECT_FIELD", "sub")
    fields = {each.name: each for each in model._meta.get_fields()}
    # People of the pool would share the column with names that others choose.
    is_name = settings.AUTH_USER_MODEL != "accounts.User" and field == model.USERNAME_FIELD
    if is_name or not getattr(fields.get(field), "unique", False) or "email" not in fields:
        message = (
            f"AUTH_USER_MODEL ({settings.AUTH_USER_MODEL}) lacks `email` or a unique field `{field}` for subjects."
        )
        hint = (
            "Add CharField(max_length=255, unique=True, null=True), which is not USERNAME_FIELD, and name it in "
            "ACCOUNTS_SUBJECT_FIELD."
        )
        yield Error(message, hint=hint, id="accounts.E021")
    if BREAK_GLASS in settings.AUTHENTICATION_BACKENDS and settings.AUTH_USER_MODEL != "accounts.User":
        yield Error(f"AUTHENTICATION_BACKENDS: {BREAK_GLASS} needs accounts.User.", id="accounts.E025")


def _browser(*, has_pages: bool) -> Iterator[CheckMessage]:
    if MIDDLEWARE not in settings.MIDDLEWARE:
        hint = "Without it sessions stay valid, the admin's too, after the person was signed out or lost their role."
        yield Error(f"MIDDLEWARE lacks {MIDDLEWARE}.", hint=hint, id="accounts.E022")
    if has_pages and BACKEND not in settings.AUTHENTICATION_BACKENDS:
        hint = "Without it every password is wrong at the sign-in page."
        yield Error(f"AUTHENTICATION_BACKENDS lacks {BACKEND}.", hint=hint, id="accounts.E023")
    if settings.SESSION_ENGINE == "django.contrib.sessions.backends.signed_cookies":
        hint = "It would put the tokens, readable, into the browser. accounts.browser.store keeps them in the database."
        yield Error("SESSION_ENGINE must not be signed_cookies.", hint=hint, id="accounts.E024")


def _includes(name: str, module: str) -> bool:
    """Whether the URL `name` leads to a view of `module`."""
    try:
        return resolve(reverse(name)).func.__module__ == module
    except NoReverseMatch:
        return False
