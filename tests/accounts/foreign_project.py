"""A project with accounts and nothing else of this repository, driven on an empty database; prints what it answered.

Usage: python -m tests.accounts.foreign_project DATABASE AUTH_USER_MODEL
with the COGNITO_* variables of a local Cognito.
"""

import json
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import django
from django.conf import settings

DATABASES = {
    "sqlite": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
    "mysql": {
        "ENGINE": "django.db.backends.mysql",
        "NAME": f"accounts_{os.getpid()}",
        "HOST": os.environ.get("MARIADB_HOST", "127.0.0.1"),
        "USER": os.environ.get("MARIADB_USER", "root"),
        "PASSWORD": os.environ.get("MARIADB_PASSWORD", ""),
    },
}


def configure(database: str, user_model: str) -> None:
    """The settings of the project; those that are not named have Django's defaults."""
    if database == "mysql" and find_spec("MySQLdb") is None:
        import_module("pymysql").install_as_MySQLdb()
    cognito = {name: value for name, value in os.environ.items() if name.startswith("COGNITO_")}
    settings.configure(
        SECRET_KEY="of a project of somebody else",
        ALLOWED_HOSTS=["testserver"],
        USE_TZ=True,
        AUTH_USER_MODEL=user_model,
        ACCOUNTS_SUBJECT_FIELD="sub" if user_model == "accounts.User" else "subject",
        AUTHENTICATION_BACKENDS=[
            "django.contrib.auth.backends.ModelBackend",
            "accounts.browser.backends.CognitoBackend",
        ],
        SESSION_ENGINE="accounts.browser.store",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        ROOT_URLCONF="tests.accounts.foreign_urls",
        DATABASES={"default": DATABASES[database] | {"ATOMIC_REQUESTS": True}},
        INSTALLED_APPS=[
            "accounts",
            *(["tests.accounts.foreign_members"] if user_model != "accounts.User" else []),
            "django.contrib.admin" if user_model == "accounts.User" else "accounts.browser.apps.CognitoAdminConfig",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "rest_framework",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        STATIC_URL="static/",
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "accounts.browser.middleware.BrowserSessionMiddleware",
        ],
        REST_FRAMEWORK={
            "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
            "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.NamespaceVersioning",
            "ALLOWED_VERSIONS": ["v1"],
        },
        COGNITO_ALLOW_INSECURE_ENDPOINT=True,
        **cognito,
    )
    django.setup()


def drive() -> dict[str, int]:
    """The status of each answer: Uma signs in, refreshes and signs out, by the API and with a browser."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    api, accounts, statuses = Client(), "/api/v2/accounts/", {}
    answer = api.post(f"{accounts}sign-in/", {"email": "user@example.com", "password": "Passw0rd!"}, "application/json")
    statuses["sign-in"] = answer.status_code
    answer = api.post(f"{accounts}refresh/", {"refresh_token": answer.json()["refresh_token"]}, "application/json")
    statuses["refresh"] = answer.status_code
    tokens = answer.json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    statuses["me"] = api.get(f"{accounts}me/", headers=bearer).status_code
    body = {"refresh_token": tokens["refresh_token"]}
    statuses["sign-out"] = api.post(f"{accounts}sign-out/", body, "application/json").status_code
    statuses["me, signed out"] = api.get(f"{accounts}me/", headers=bearer).status_code
    browser, form = Client(), {"email": "user@example.com", "password": "Passw0rd!"}
    statuses["page: sign-in"] = browser.post("/accounts/sign-in/", form).status_code
    statuses["page: profile"] = browser.get("/accounts/profile/").status_code
    statuses["page: me"] = browser.get(f"{accounts}me/").status_code
    store = browser.session
    store["cognito_access_token"] = "expired"
    store.save()
    statuses["page: me, renewed"] = browser.get(f"{accounts}me/").status_code
    statuses["page: sign-out"] = browser.post("/accounts/sign-out/").status_code
    statuses["page: me, signed out"] = browser.get(f"{accounts}me/").status_code
    if settings.AUTH_USER_MODEL != "accounts.User":
        # Bob is not in the pool, and signs in with Django's own password beside.
        get_user_model().objects.create_superuser(username="bob", password="Passw0rd!")
        bob = Client()
        bob.login(username="bob", password="Passw0rd!")
        statuses["Bob: admin"] = bob.get("/admin/").status_code
        statuses["Bob: profile of the pool"] = bob.get("/accounts/profile/").status_code
    answer = api.post(f"{accounts}sign-in/", {"email": "user@example.com", "password": "Passw0rd!"}, "application/json")
    body, headers = {"password": "Passw0rd!"}, {"Authorization": f"Bearer {answer.json()['access_token']}"}
    statuses["me: delete"] = api.delete(f"{accounts}me/", body, "application/json", headers=headers).status_code
    statuses["active rows of the pool"] = (
        get_user_model().objects.filter(is_active=True).exclude(username="bob").count()
    )
    return statuses


def drive_members() -> dict[str, Any]:
    """What becomes of the rows of a project's own user model, by a name of each case."""
    from django.contrib.auth import authenticate, get_user_model
    from django.core.management import CommandError, call_command
    from django.http import HttpRequest
    from django.test import Client, override_settings

    from accounts.browser import session
    from accounts.checks import check_project
    from accounts.cognito.results import Tokens
    from accounts.models import AuditRecord
    from accounts.tokens.conf import get_config
    from accounts.tokens.testing import ABSENT, Pool, accepted, subject
    from accounts.tokens.verifier import get_verifier

    members: Any = get_user_model().objects
    found: dict[str, Any] = {}
    eve = members.create_user(username="eve", email="user@example.com")
    form = {"email": "user@example.com", "password": "Passw0rd!"}
    browser = Client(raise_request_exception=False)
    found["address of Eve"] = browser.post("/accounts/sign-in/", form).status_code
    eve.delete()

    config = get_config()
    with accepted(Pool(config.issuers[0], config.client_id)) as pool:

        def email_after_sign_in(**claims: Any) -> str | None:
            access, identity = pool.access_token("Ida"), pool.id_token("Ida", **claims)
            tokens = Tokens(access_token=access, id_token=identity, refresh_token="none", expires_in=900)
            email: str | None = getattr(authenticate(None, cognito_tokens=tokens), "email", "refused")
            return email

        members.create_user(username="nobody", email="")
        found["unverified, first sign-in"] = email_after_sign_in(email_verified=False)
        found["verified"] = email_after_sign_in()
        members.filter(subject=subject("Ida")).update(email="ida@example.org")
        found["none in the token"] = email_after_sign_in(email=ABSENT)
        found["unverified"] = email_after_sign_in(email="eve@example.com", email_verified=False)
        members.create_user(username="eve", email="eve@example.com")
        request = HttpRequest()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore()
        session.change_email(request, get_verifier().verify(pool.access_token("Ida"), "access"), "eve@example.com")
        found["changed to the address of Eve"] = members.get(subject=subject("Ida")).email

    browser.post("/accounts/sign-in/", {"email": "admin@example.com", "password": "Passw0rd!"})
    ada = members.get(email="admin@example.com")
    members.filter(pk=ada.pk).update(is_manager=False)
    store = browser.session
    store["cognito_access_token"] = "expired"
    store.save()
    browser.get("/api/v2/accounts/me/")
    found["Ada: manager"] = [ada.is_manager, members.get(pk=ada.pk).is_manager]

    # A local registration takes the subject of Sam as its user name before he signs in.
    members.create_user(username=subject("Sam"), email="mallory@example.com")
    with accepted(Pool(config.issuers[0], config.client_id)) as pool:
        access, identity = pool.access_token("Sam"), pool.id_token("Sam")
        tokens = Tokens(access_token=access, id_token=identity, refresh_token="none", expires_in=900)
        found["name of Sam"] = getattr(authenticate(None, cognito_tokens=tokens), "email", "refused")
    with override_settings(ACCOUNTS_SUBJECT_FIELD="username"):
        found["user name as subject"] = [each.id for each in check_project(None)]

    members.create_superuser(username="bob", email="bob@example.com", password="Passw0rd!")
    browser = Client(raise_request_exception=False)
    browser.login(username="bob", password="Passw0rd!")
    AuditRecord.objects.create(actor="local:bob", action="disable", subject="ida")
    found["Bob: audit records"] = browser.get("/admin/accounts/auditrecord/").status_code
    found["Bob: groups"] = browser.get("/admin/auth/group/").status_code
    found["break-glass page"] = browser.get("/break-glass/").status_code
    try:
        call_command("break_glass")
    except CommandError as error:
        found["break-glass command"] = str(error)
    members.all().delete()
    return found


if __name__ == "__main__":
    configure(*sys.argv[1:])
    from django.core.management import call_command
    from django.db import connection

    created = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        call_command("check", stdout=sys.stderr)
        rows = drive_members() if settings.AUTH_USER_MODEL != "accounts.User" else {}
        json.dump({"rows": rows, **drive()}, sys.stdout)
    finally:
        connection.creation.destroy_test_db(created, verbosity=0)
