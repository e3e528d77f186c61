"""accounts in a project of somebody else: each setting that differs from ours works, or a system check refuses it."""

import json
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import IntegrityError, connection
from pytest_django.fixtures import Settings

from accounts.checks import BACKEND, MIDDLEWARE, check_project, check_rate_limits
from accounts.flows.throttling import client_address
from accounts.models import AuditRecord, User
from local_cognito.server import LocalCognito
from tests.accounts.browsers import PAGES, fill_in, is_signed_in, let_pass, signed_in
from tests.accounts.people import ACCOUNTS, PASSWORD, Person, sign_in
from tests.conftest import Client

ADA, UMA = "admin@example.com", "user@example.com"


def found(deploy: bool = False) -> dict[str, str]:
    """The findings of the system checks of accounts: sentences, by id."""
    return {str(each.id): each.msg for each in (check_rate_limits if deploy else check_project)(None)}


@pytest.fixture
def atomic_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project puts a transaction around every view."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)


# --- What a system check refuses ---


def test_our_own_settings_have_no_findings(settings: Settings) -> None:
    assert found() == found(deploy=True) == {}


@pytest.mark.parametrize("of_pages", [BACKEND, "accounts.browser.urls"])
def test_browser_sessions_without_their_middleware_are_refused(of_pages: str, settings: Settings) -> None:
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if each != MIDDLEWARE]
    if of_pages == BACKEND:
        settings.ROOT_URLCONF = "books.urls"
    else:
        settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    assert MIDDLEWARE in found()["accounts.E022"]
    with pytest.raises(SystemCheckError, match="BrowserSessionMiddleware"):
        call_command("check", stdout=StringIO())


def test_a_project_without_pages_needs_none_of_their_settings(settings: Settings) -> None:
    settings.ROOT_URLCONF, settings.MIDDLEWARE = "books.urls", []
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    assert found() == {}


@pytest.mark.parametrize(
    "number, setting, value, sentence",
    [
        ("E020", "USE_TZ", False, "USE_TZ must be True"),
        ("E021", "ACCOUNTS_SUBJECT_FIELD", "username", "a unique field `username` for subjects"),
        ("E021", "ACCOUNTS_SUBJECT_FIELD", "nickname", "a unique field `nickname` for subjects"),
        ("E023", "AUTHENTICATION_BACKENDS", ["django.contrib.auth.backends.ModelBackend"], "CognitoBackend"),
        ("E024", "SESSION_ENGINE", "django.contrib.sessions.backends.signed_cookies", "must not be signed_cookies"),
    ],
)
def test_a_setting_that_breaks_sign_in_is_refused_by_name(
    number: str, setting: str, value: Any, sentence: str, settings: Settings
) -> None:
    setattr(settings, setting, value)
    assert sentence in found()[f"accounts.{number}"]


def test_limits_that_are_not_shared_by_all_processes_are_warned_of(settings: Settings) -> None:
    del settings.REDIS_URL
    assert "REDIS_URL" in found(deploy=True)["accounts.W001"]
    settings.REDIS_URL = ""
    assert found(deploy=True) == {}


def test_limits_that_the_whole_site_shares_are_warned_of(settings: Settings) -> None:
    del settings.NUM_PROXIES
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert "NUM_PROXIES" in found(deploy=True)["accounts.W002"]
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    assert found(deploy=True) == {}


# --- What works ---


@pytest.mark.parametrize("own, address", [(None, "203.0.113.7"), (0, "10.0.0.1")])
def test_the_number_of_proxies_is_also_read_where_drf_has_it(
    own: int | None, address: str, rf: Any, settings: Settings
) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    if own is None:
        del settings.NUM_PROXIES
    else:
        settings.NUM_PROXIES = own
    request = rf.get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.1, 203.0.113.7")
    assert client_address(request) == address


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("everywhere", [False, True])
def test_uma_signs_out_where_each_request_is_a_transaction(
    everywhere: bool, cognito: LocalCognito, atomic_requests: None
) -> None:
    uma = Person.signed_in(UMA)
    body = {"everywhere": True} if everywhere else {"refresh_token": uma.tokens["refresh_token"]}
    assert uma.client.post(f"{ACCOUNTS}sign-out/", body).status_code == 204
    assert uma.client.get(f"{ACCOUNTS}me/").json()["code"] == "token_revoked"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", [f"{PAGES}sign-out/", "/admin/logout/"])
def test_ada_signs_her_browser_out_where_each_request_is_a_transaction(
    page: str, cognito: LocalCognito, atomic_requests: None
) -> None:
    browser = signed_in(ADA)
    bearer = {"Authorization": f"Bearer {browser.session['cognito_access_token']}"}
    assert browser.post(page).status_code == 302
    assert not is_signed_in(browser)
    assert Client().get(f"{ACCOUNTS}me/", headers=bearer).json()["code"] == "token_revoked"


@pytest.mark.django_db(transaction=True)
def test_ada_signs_uma_out_in_the_admin_where_each_request_is_a_transaction(
    cognito: LocalCognito, atomic_requests: None
) -> None:
    uma, browser = Person.signed_in(UMA), signed_in(ADA)
    sub = uma.client.get(f"{ACCOUNTS}me/").json()["sub"]
    answer = browser.post(f"/admin/accounts/user/{sub}/act/", {"act": "sign-out"})
    assert answer.status_code == 302
    assert AuditRecord.objects.filter(subject=sub).exists()
    assert uma.client.get(f"{ACCOUNTS}me/").json()["code"] == "token_revoked"


@pytest.mark.django_db(transaction=True)
def test_uma_changes_her_password_on_the_page_where_each_request_is_a_transaction(
    cognito: LocalCognito, atomic_requests: None
) -> None:
    browser = signed_in(UMA)
    answer = fill_in(browser, "profile/password/", current_password=PASSWORD, new_password="Hopper-1906")
    assert answer.status_code == 302
    assert sign_in(Client(), UMA, "Hopper-1906").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_session_renewed_by_a_request_that_fails_lasts_where_each_request_is_a_transaction(
    cognito: LocalCognito, atomic_requests: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ROOT_URLCONF = "tests.accounts.foreign_urls"
    browser = signed_in(UMA)
    before = browser.session["cognito_access_token"]
    let_pass(3601, cognito, monkeypatch)
    browser.raise_request_exception = False
    assert browser.get("/api/failing/").status_code == 500
    assert browser.session["cognito_access_token"] != before


@pytest.mark.django_db(transaction=True)
def test_a_version_in_the_path_is_no_argument_of_a_view(cognito: LocalCognito, settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.accounts.foreign_urls"
    ada = Person.signed_in(ADA)
    sub = ada.client.get("/api/v2/accounts/me/").json()["sub"]
    assert ada.client.get(f"/api/v2/accounts/users/{sub}/").json()["email"] == ADA
    answer = ada.client.put(f"/api/v2/accounts/users/{sub}/role/", {"role": "ROLE_NONE"})
    assert answer.status_code == 400


@pytest.mark.django_db(transaction=True)
def test_sign_out_leads_somewhere_where_no_page_is_named_for_it(cognito: LocalCognito, settings: Settings) -> None:
    settings.LOGOUT_REDIRECT_URL = None
    answer = signed_in(UMA).post(f"{PAGES}sign-out/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


@pytest.mark.django_db(transaction=True)
def test_uma_who_is_no_administrator_is_told_so_and_sent_round_in_no_circle(
    cognito: LocalCognito, settings: Settings
) -> None:
    settings.ROOT_URLCONF = "tests.accounts.foreign_urls"
    answer = signed_in(UMA).get("/admin/", follow=True)
    assert answer.status_code == 403
    assert len(answer.redirect_chain) == 2
    answer = signed_in(ADA).get(f"{PAGES}sign-in/?next=/admin/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")


@pytest.mark.django_db
def test_createsuperuser_makes_a_local_superuser_and_never_takes_a_subject_of_the_pool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "Hopper-1906")
    asked = {"interactive": False, "sub": "grace", "username": "Grace", "stdout": StringIO()}
    call_command("createsuperuser", **asked)
    grace = User.objects.get(username="Grace")
    assert (grace.sub, grace.is_superuser, grace.check_password("Hopper-1906")) == ("local:grace", True, True)
    with pytest.raises(IntegrityError):
        call_command("createsuperuser", **asked)


# --- Another database ---


def _mariadb() -> None:
    if not any(map(find_spec, ("MySQLdb", "pymysql"))):
        pytest.skip("MariaDB: neither mysqlclient nor PyMySQL is installed")
    try:
        socket.create_connection((os.environ.get("MARIADB_HOST", "127.0.0.1"), 3306), 5).close()
    except OSError:
        pytest.skip("MariaDB: nobody listens at port 3306 of MARIADB_HOST")


# What becomes of rows of a project's own user model, whose e-mail column is unique.
ROWS = {
    "address of Eve": 200,
    "unverified, first sign-in": None,
    "verified": "ida@example.com",
    "none in the token": "ida@example.org",
    "unverified": "ida@example.org",
    "changed to the address of Eve": "ida@example.org",
    "Ada: manager": [True, True],
    "name of Sam": "sam@example.com",
    "user name as subject": ["accounts.E021"],
    "Bob: audit records": 200,
    "Bob: groups": 200,
    "break-glass page": 404,
    "break-glass command": "Break-glass superusers are rows of accounts.User, which is not AUTH_USER_MODEL here.",
}


@pytest.mark.parametrize("user_model", ["accounts.User", "foreign_members.Member"])
@pytest.mark.parametrize("database", ["sqlite", "mysql"])
def test_uma_signs_in_refreshes_and_signs_out_in_a_project_of_somebody_else(
    database: str, user_model: str, cognito: LocalCognito
) -> None:
    if database == "mysql":
        _mariadb()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COGNITO_")}
    command = [sys.executable, "-m", "tests.accounts.foreign_project", database, user_model]
    run = subprocess.run(command, env=environment | cognito.environment(), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    of_bob = {"Bob: admin": 200, "Bob: profile of the pool": 403} if user_model != "accounts.User" else {}
    answers = json.loads(run.stdout)
    assert answers.pop("rows") == (ROWS if user_model != "accounts.User" else {})
    assert answers == {
        **of_bob,
        "me: delete": 204,
        "active rows of the pool": 0,
        "page: me, renewed": 200,
        "sign-in": 200,
        "refresh": 200,
        "me": 200,
        "sign-out": 204,
        "me, signed out": 401,
        "page: sign-in": 302,
        "page: profile": 200,
        "page: me": 200,
        "page: sign-out": 302,
        "page: me, signed out": 401,
    }
