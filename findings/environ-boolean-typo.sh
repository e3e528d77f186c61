#!/usr/bin/env bash
# django-environ reads a misspelt boolean as False, without an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'django-environ==0.14.0'
"$folder/venv/bin/python" - <<'PYTHON'
import os

import environ

os.environ |= {"SECURE_COOKIES": "True", "SECURE_REDIRECT": "ture", "WORKERS": "tow"}
env = environ.Env()
found = {name: env.bool(name) for name in ("SECURE_COOKIES", "SECURE_REDIRECT")}
try:
    env.int("WORKERS")
except ValueError as error:
    found["WORKERS"] = type(error).__name__
print("django-environ", environ.__version__, found)
assert found == {"SECURE_COOKIES": True, "SECURE_REDIRECT": False, "WORKERS": "ValueError"}
PYTHON
