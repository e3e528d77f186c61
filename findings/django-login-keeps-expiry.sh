#!/usr/bin/env bash
# The lifetime that a visitor's session was given with set_expiry() outlasts django.contrib.auth.login().
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'django==5.2.19'
"$folder/venv/bin/python" - <<'PYTHON'
import django
from django.conf import settings
from django.core.management.utils import get_random_secret_key

settings.configure(
    SECRET_KEY=get_random_secret_key(),
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    SESSION_COOKIE_AGE=7 * 24 * 3600,
)
django.setup()

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.sessions.backends.cache import SessionStore
from django.core.management import call_command
from django.http import HttpRequest

call_command("migrate", verbosity=0)
uma = User.objects.create_user("uma")
request = HttpRequest()
request.session = SessionStore()
request.session.set_expiry(600)  # a visitor's: ten minutes
request.session.save()
before = request.session.session_key
login(request, uma, backend="django.contrib.auth.backends.ModelBackend")
found = {"new key": request.session.session_key != before, "lifetime": request.session.get_expiry_age()}
print("Django", django.get_version(), "SESSION_COOKIE_AGE", settings.SESSION_COOKIE_AGE, "after login():", found)
assert found == {"new key": True, "lifetime": 600}
PYTHON
