"""A wrong or missing variable is found at start-up and named; nothing dangerous is served."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.regions import EndpointResolver
from django.core.checks import run_checks
from pytest_django.fixtures import Settings

from accounts.flows.rates import DEFAULT_RATES, Rate
from accounts.tokens.checks import check_cognito
from accounts.tokens.conf import default_issuers, get_config
from accounts.tokens.roles import Role

ROOT = Path(__file__).resolve().parents[2]

PRODUCTION = {
    "DJANGO_SECRET_KEY": "a-long-enough-secret-for-these-tests-0123456789-abcdefghijkl",
    "DJANGO_ALLOWED_HOSTS": "books.example.com",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "DATABASE_URL": "postgresql://books@127.0.0.1:5432/books",
    "COGNITO_REGION": "eu-west-1",
    "COGNITO_USER_POOL_ID": "eu-west-1_AbCdEf123",
    "COGNITO_CLIENT_ID": "client",
}
OURS = (
    "ACCOUNTS_",
    "COGNITO_",
    "DJANGO_",
    "BOOKS_",
    "CORS_",
    "AWS_",
    "DATABASE_",
    "METRICS_",
    "REDIS_",
    "NUM_PROXIES",
    "WORKERS",
)


class Read:
    """The settings that an environment gives, put in force, and what the checks say of them."""

    def __init__(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self._settings = settings
        self._patch = monkeypatch

    def __call__(self, **variables: str) -> list[str]:
        """Serious findings, as `variable: sentence`. A variable that is "" is not set."""
        for name in [name for name in os.environ if name.startswith(OURS)]:
            self._patch.delenv(name)
        for name, value in {**PRODUCTION, **variables}.items():
            if value:
                self._patch.setenv(name, value)
        for name, value in runpy.run_path(str(ROOT / "config" / "settings.py")).items():
            # A test cannot change databases and apps while it runs; no check below reads them.
            if name.isupper() and name not in ("DATABASES", "CACHES", "INSTALLED_APPS", "MIDDLEWARE", "LOGGING"):
                setattr(self._settings, name, value)
        messages = run_checks(include_deployment_checks=True, databases=[])
        return [message.msg for message in messages if message.is_serious()]


@pytest.fixture
def read(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Read:
    return Read(settings, monkeypatch)


def test_a_whole_environment_has_no_findings(read: Read) -> None:
    assert read() == []


@pytest.mark.parametrize(
    "variable, value, sentence",
    [
        ("DJANGO_SECRET_KEY", "", "must be set"),
        ("DJANGO_ALLOWED_HOSTS", "", "must name the hosts"),
        ("DJANGO_DEBUG", "ture", "must be true or false"),
        ("DJANGO_HTTPS", "2", "must be true or false"),
        ("BOOKS_PUBLIC_READ", "nope", "must be true or false"),
        ("COGNITO_HEADER_REFRESH", "yess", "must be true or false"),
        ("COGNITO_ALLOW_INSECURE_ENDPOINT", "please", "must be true or false"),
        ("REDIS_URL", "", "must be set to serve with 2 workers"),
        ("REDIS_URL", "localhost:6379", "must be a redis:// or rediss:// URL"),
        ("DATABASE_REPLICA_URL", "sqlite:////tmp/copy.sqlite3", "must be a postgresql:// URL"),
        ("DATABASE_REPLICA_URL", "replica.example", "must be a postgresql:// URL"),
        ("DATABASE_URL", "", "must be set to serve"),
        ("DATABASE_POOLER", "transactions", "must be one of none, transaction"),
        ("DATABASE_POOLER", "session", "must be one of none, transaction"),
        ("COGNITO_DOMAIN", "https://[::1", "is not a URL"),
        ("DATABASE_URL", "mysql://root@127.0.0.1/books", "must be a postgresql:// or sqlite:///"),
        ("DATABASE_URL", "books", "must be a postgresql:// or sqlite:///"),
        ("NUM_PROXIES", "-1", "must be a whole number"),
        ("WORKERS", "0", "must be a whole number of at least 1"),
        ("WORKER_MAX_RSS", "64", "must be a whole number of at least 128"),
        ("DRAIN_SECONDS", "two", "must be a whole number"),
        ("PORT", "http", "must be a whole number"),
        ("METRICS_TOKEN", "x" * 31, "must have at least 32 characters"),
        ("COGNITO_REGION", "", "must be set"),
        ("COGNITO_USER_POOL_ID", "", "must be set"),
        ("COGNITO_USER_POOL_ID", "AbCdEf123", "is not the id of a user pool"),
        ("COGNITO_USER_POOL_ID", "us-east-1_AbCdEf123", "is of the region us-east-1"),
        ("COGNITO_CLIENT_ID", "", "must be set"),
        ("COGNITO_ISSUER", "http://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123", "must be an https:// URL"),
        ("COGNITO_ISSUER", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123/", "must not end with"),
        ("COGNITO_ISSUER", "cognito", "must be an https:// URL"),
        ("COGNITO_JWKS_URL", "http://127.0.0.1:9229/jwks.json", "must be an https:// URL"),
        ("COGNITO_JWKS_URL", "file:///etc/keys.json", "must be an https:// URL"),
        ("COGNITO_ENDPOINT_URL", "https://127.0.0.1:9229", "replaces Amazon Cognito"),
        ("COGNITO_ENDPOINT_URL", "http://127.0.0.1:9229", "replaces Amazon Cognito"),
        ("COGNITO_DOMAIN", "http://books.auth.example.com", "must be an https:// URL"),
        ("COGNITO_TOKEN_USE", "refresh", "must be one of access, id, any"),
        ("COGNITO_LEEWAY_SECONDS", "ten", "must be a whole number"),
        ("COGNITO_LEEWAY_SECONDS", "3600", "must be at most 300"),
        ("COGNITO_MAX_TOKEN_AGE_SECONDS", "0", "must be a whole number of at least 1"),
        ("COGNITO_MAX_TOKEN_AGE_SECONDS", "1h", "must be a whole number"),
        ("COGNITO_SIGN_UP_ROLES", "ROLE_ADMIN", "must not hold ROLE_ADMIN"),
        ("COGNITO_SIGN_UP_ROLES", "ROLE_GUEST,ROLE_ADMIN", "must not hold ROLE_ADMIN"),
        ("COGNITO_SIGN_UP_ROLES", "ROLE_ROOT", "names an unknown role"),
        ("COGNITO_SIGN_UP_ROLES", ",", "must hold at least one role"),
        ("COGNITO_SCOPE_ROLES", "books/read", "must be a comma list such as"),
        ("COGNITO_GROUP_ROLES", "editors", "must be a comma list such as editors=ROLE_USER"),
        ("COGNITO_GROUP_ROLES", "=ROLE_USER", "must be a comma list such as editors=ROLE_USER"),
        ("COGNITO_GROUP_ROLES", ",", "must be a comma list such as editors=ROLE_USER"),
        ("COGNITO_GROUP_ROLES", "editors=EDITOR", "names an unknown role"),
        ("COGNITO_GROUP_ROLES", "ROLE_GUEST=ROLE_USER", "leaves no group for ROLE_GUEST"),
        ("COGNITO_REQUIRE_AUDIENCE", "perhaps", "must be true or false"),
        ("COGNITO_REQUIRE_AUDIENCE", "true", "refuses every access token while COGNITO_RESOURCE_IDENTIFIERS is empty"),
        ("COGNITO_DELEGATED_TOKENS", "yes", "must be one of refuse, accept"),
        ("COGNITO_ISSUER", "https://good.example.com/pool,http://plain.example.com/pool", "must be an https:// URL"),
        ("COGNITO_ISSUER", "https://good.example.com/pool,https://slash.example.com/", "must not end with a slash"),
        ("COGNITO_SCOPE_ROLES", "books/read=READER", "names an unknown role"),
        ("ACCOUNTS_THROTTLES", "sign_in=10/min", "names an unknown rate; the rates are sign_in_address, "),
        ("ACCOUNTS_THROTTLES", "sign_in_account", "must be a comma list such as sign_in_account=5/min"),
        ("ACCOUNTS_THROTTLES", "sign_in_account=0/min", "must be a comma list such as sign_in_account=5/min"),
        ("ACCOUNTS_THROTTLES", "sign_in_account=5/fortnight", "the units are s, min, h, day"),
        ("ACCOUNTS_THROTTLES", "mail_account=-5/h", "must be a comma list such as"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_its_variable(
    variable: str, value: str, sentence: str, read: Read
) -> None:
    findings = read(**{variable: value})
    assert any(finding.startswith(variable) and sentence in finding for finding in findings), findings


def test_a_local_stand_in_is_tolerated_while_debugging_or_when_asked_for_aloud(read: Read) -> None:
    stand_in = {
        "COGNITO_ENDPOINT_URL": "http://127.0.0.1:9229",
        "COGNITO_ISSUER": "http://127.0.0.1:9229/eu-west-1_AbCdEf123",
        "COGNITO_DOMAIN": "http://127.0.0.1:9229",
    }
    assert len(read(**stand_in)) == 3
    assert read(**stand_in, COGNITO_ALLOW_INSECURE_ENDPOINT="true") == []
    assert read(**stand_in, DJANGO_DEBUG="true") == []


def test_one_worker_needs_no_redis(read: Read) -> None:
    assert read(REDIS_URL="", WORKERS="1") == []


def test_the_region_falls_back_to_what_aws_calls_it(read: Read) -> None:
    assert read(COGNITO_REGION="", AWS_REGION="eu-west-1") == []
    assert read(COGNITO_REGION="", AWS_DEFAULT_REGION="eu-west-1") == []


@pytest.mark.parametrize(
    "region, domain",
    [("eu-west-1", "amazonaws.com"), ("us-gov-west-1", "amazonaws.com"), ("eusc-de-east-1", "amazonaws.eu")],
)
def test_both_forms_of_the_issuer_are_of_the_regions_own_domain(region: str, domain: str, read: Read) -> None:
    assert read(COGNITO_REGION=region, COGNITO_USER_POOL_ID=f"{region}_AbCdEf123") == []
    hosts = ("cognito-idp", "issuer-cognito-idp")
    assert get_config().issuers == tuple(f"https://{host}.{region}.{domain}/{region}_AbCdEf123" for host in hosts)


def test_the_domain_of_each_region_is_what_botocore_knows() -> None:
    data = EndpointResolver(botocore.session.get_session().get_data("endpoints"))
    partitions = data.get_available_partitions()
    regions = [name for each in partitions for name in data.get_available_endpoints("cognito-idp", each)]
    assert "eusc-de-east-1" in regions
    for region in regions:
        host = data.construct_endpoint("cognito-idp", region)["hostname"]
        assert default_issuers(region, "x")[0] == f"https://{host}/x"


def test_groups_give_roles_and_a_role_that_none_gives_keeps_the_group_of_its_name(read: Read) -> None:
    assert read(COGNITO_GROUP_ROLES="editors=ROLE_USER, it=admins = ROLE_ADMIN,writers=ROLE_USER") == []
    config = get_config()
    named = {"editors": Role.USER, "writers": Role.USER, "it=admins": Role.ADMIN}
    assert config.group_roles == {**named, "ROLE_GUEST": Role.GUEST}
    assert config.groups_of(Role.USER) == ("editors", "writers")


def test_another_project_may_write_roles_as_plain_strings(settings: Settings) -> None:
    settings.COGNITO_GROUP_ROLES = {"editors": "ROLE_USER"}
    settings.COGNITO_SCOPE_ROLES = {"shop/read": "ROLE_GUEST"}
    settings.COGNITO_SIGN_UP_ROLES = "ROLE_GUEST, ROLE_USER"
    config = get_config()
    assert config.groups_of(Role.USER) == ("editors",)
    roles = [*config.group_roles.values(), *config.scope_roles.values(), *config.sign_up_roles]
    assert all(isinstance(role, Role) for role in roles)
    assert config.sign_up_roles == (Role.GUEST, Role.USER)
    assert check_cognito(None) == []


@pytest.mark.parametrize(
    "variable, value",
    [
        ("COGNITO_GROUP_ROLES", {"editors": "EDITOR"}),
        ("COGNITO_SCOPE_ROLES", {"shop/read": "READER"}),
        ("COGNITO_SIGN_UP_ROLES", ["ROLE_GUEST", "ROLE_ROOT"]),
        ("COGNITO_SIGN_UP_ROLES", "ROLE_GUEST,ROLE_ROOT"),
    ],
)
def test_an_unknown_role_of_another_project_is_a_finding_and_grants_nothing(
    variable: str, value: object, settings: Settings
) -> None:
    setattr(settings, variable, value)
    (finding,) = check_cognito(None)
    assert finding.msg.startswith(f"{variable} names an unknown role; the roles are ROLE_ADMIN, ")
    config = get_config()
    assert {*config.group_roles.values(), *config.scope_roles.values(), *config.sign_up_roles} <= set(Role)


def test_a_comma_list_replaces_the_issuers(read: Read) -> None:
    assert read(COGNITO_ISSUER="https://one.example.com/pool, https://two.example.com/pool") == []
    assert get_config().issuers == ("https://one.example.com/pool", "https://two.example.com/pool")


def test_what_is_not_said_has_a_safe_default(read: Read, settings: Settings) -> None:
    read()
    config = get_config()
    original = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123"
    assert config.issuers == (original, "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123")
    assert config.jwks_url_of(original) == f"{original}/.well-known/jwks.json"
    assert config.resource_identifiers == frozenset()
    assert (config.require_audience, config.delegated_tokens) == (False, "refuse")
    assert (config.token_use, config.leeway_seconds, config.max_token_age_seconds) == ("access", 10, None)
    assert config.sign_up_roles == (Role.GUEST,)
    assert config.group_roles == {"ROLE_ADMIN": Role.ADMIN, "ROLE_USER": Role.USER, "ROLE_GUEST": Role.GUEST}
    assert config.scope_roles == {"books/read": "ROLE_GUEST", "books/write": "ROLE_USER", "books/admin": "ROLE_ADMIN"}
    assert config.client_ids == {"client"}
    assert not config.header_refresh
    assert {name: (rate.count, rate.seconds) for name, rate in settings.ACCOUNTS_THROTTLES.items()} == {
        "sign_in_address": (10, 60),
        "sign_in_account": (5, 60),
        "mail_address": (20, 3600),
        "mail_account": (5, 3600),
        "code_address": (60, 3600),
        "code_account": (10, 3600),
    }
    assert not settings.DEBUG
    assert settings.SESSION_COOKIE_SECURE
    assert settings.SECURE_SSL_REDIRECT
    assert settings.SECURE_HSTS_SECONDS >= 31536000
    assert not settings.CORS_ALLOWED_ORIGINS


@pytest.mark.parametrize("origins, there", [("", False), ("https://app.example", True)])
def test_only_a_service_that_other_origins_may_ask_pays_for_them(
    monkeypatch: pytest.MonkeyPatch, origins: str, there: bool
) -> None:
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", origins)
    found = runpy.run_path(str(ROOT / "config" / "settings.py"))
    assert ("corsheaders.middleware.CorsMiddleware" in found["MIDDLEWARE"]) is there


def test_rates_are_overridden_name_by_name(read: Read, settings: Settings) -> None:
    assert read(ACCOUNTS_THROTTLES="sign_in_account=3/min, mail_account=100 / day,") == []
    expected = {**DEFAULT_RATES, "sign_in_account": Rate(3, 60), "mail_account": Rate(100, 24 * 3600)}
    assert expected == settings.ACCOUNTS_THROTTLES


def test_a_forwarded_protocol_is_believed_only_behind_a_proxy(read: Read, settings: Settings) -> None:
    read()
    assert settings.SECURE_PROXY_SSL_HEADER is None
    read(NUM_PROXIES="1")
    assert settings.SECURE_PROXY_SSL_HEADER == ("HTTP_X_FORWARDED_PROTO", "https")


def test_every_variable_is_explained_in_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    from config.environment import Environment

    asked: set[str] = set()
    text = Environment.text

    def recording(self: Environment, name: str, default: str = "") -> str:
        asked.add(name)
        return text(self, name, default)

    monkeypatch.setattr(Environment, "text", recording)
    runpy.run_path(str(ROOT / "config" / "settings.py"))
    example = (ROOT / ".env.example").read_text()
    listed = set(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE))
    assert asked - listed == set()


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for folder in ("accounts", "books", "config")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"os\.environ|getenv|import environ", path.read_text())
    }
    # wsgi.py, serve.py and manage.py only say where the settings are; serve.py tells a library of its folder as well.
    assert readers <= {"config/settings.py", "config/environment.py", "config/wsgi.py", "config/serve.py"}


def _manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**environment, **PRODUCTION, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_manage_py_check_fails_with_the_name_of_the_variable() -> None:
    # With a database at hand: Django 6.1 and newer ask it what it supports before any finding is shown.
    answer = _manage("manage.py", "check", COGNITO_CLIENT_ID="", DATABASE_URL="sqlite://:memory:")
    assert answer.returncode == 1
    assert "COGNITO_CLIENT_ID must be set." in answer.stderr


def test_the_wsgi_door_stays_shut_with_a_wrong_setting() -> None:
    answer = _manage("-c", "import config.wsgi", COGNITO_SIGN_UP_ROLES="ROLE_ADMIN")
    assert answer.returncode == 1
    assert "COGNITO_SIGN_UP_ROLES must not hold ROLE_ADMIN." in answer.stderr
    assert _manage("-c", "import config.wsgi").returncode == 0


def test_behind_a_pooler_nothing_is_prepared_and_no_start_up_option_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def databases(pooler: str) -> dict[str, Any]:
        monkeypatch.setenv("DATABASE_URL", "postgresql://books@127.0.0.1:5432/books")
        monkeypatch.setenv("DATABASE_REPLICA_URL", "postgresql://books@127.0.0.1:5433/books")
        monkeypatch.setenv("DATABASE_POOLER", pooler)
        found: dict[str, Any] = runpy.run_path(str(ROOT / "config" / "settings.py"))["DATABASES"]
        return found

    for alias, database in databases("none").items():
        assert "statement_timeout=15000" in database["OPTIONS"]["options"], alias
        assert database["OPTIONS"]["prepare_threshold"] == 0, alias
        assert "DISABLE_SERVER_SIDE_CURSORS" not in database, alias
    for alias, database in databases("transaction").items():
        assert "options" not in database["OPTIONS"], alias
        assert database["OPTIONS"]["prepare_threshold"] is None, alias
        assert database["DISABLE_SERVER_SIDE_CURSORS"] is True, alias
