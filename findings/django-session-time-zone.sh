#!/usr/bin/env bash
# Django on psycopg 3 reads a timestamptz as another instant once the time zone of the session has changed.
# PostgreSQL comes from PyPI, inside pgserver; it refuses to run as root.
set -euo pipefail
folder=$(mktemp -d)
stop() { "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$folder"; }
as=(env) bin=
trap stop EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'Django==5.2.19' 'psycopg[binary]==3.3.9' 'pgserver==0.1.4'
bin=$(echo "$folder"/venv/lib/python3*/site-packages/pgserver/pginstall/bin)
mkdir "$folder/data" && chmod 755 "$folder"
if [ "$(id -u)" = 0 ]; then as=(setpriv --reuid=nobody --regid=nogroup --clear-groups); chown nobody "$folder/data"; fi
(cd / && "${as[@]}" "$bin/initdb" -D "$folder/data" -U postgres -A trust >/dev/null)
(cd / && "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -l "$folder/data/log" -w -o "-k $folder/data -h ''" start >/dev/null)
"$folder/venv/bin/python" - "$folder/data" <<'PYTHON'
import sys
from datetime import UTC, datetime

import django
import psycopg
from django.conf import settings

database = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres", "HOST": sys.argv[1]}
settings.configure(DATABASES={"default": database}, USE_TZ=True, TIME_ZONE="UTC")
django.setup()
from django.db import connection

MOMENT = datetime(2026, 11, 20, 17, 23, tzinfo=UTC)
read = {}
with connection.cursor() as cursor, psycopg.connect(dbname="postgres", user="postgres", host=sys.argv[1]) as plain:
    for zone in ("UTC", "Asia/Kolkata"):
        for name, session in (("Django", cursor), ("psycopg", plain.cursor())):
            session.execute(f"SET TIME ZONE '{zone}'")
            session.execute("SELECT timestamptz '2026-11-20 17:23:00+00'")
            read[name, zone] = session.fetchone()[0]
print("Django", django.__version__, "psycopg", psycopg.__version__)
for (name, zone), moment in read.items():
    print(f"{name:<8} session in {zone:<13} {moment.isoformat()}  off by {moment - MOMENT}")
assert read["psycopg", "Asia/Kolkata"] == read["psycopg", "UTC"] == read["Django", "UTC"] == MOMENT
assert read["Django", "Asia/Kolkata"].isoformat() == "2026-11-20T22:53:00+00:00"
PYTHON
