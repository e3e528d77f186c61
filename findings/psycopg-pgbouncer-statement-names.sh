#!/usr/bin/env bash
# Behind PgBouncer in transaction mode, psycopg runs the prepared statement of another client and reports no error.
# Needs PgBouncer older than 1.21, or one without max_prepared_statements: apt-get install pgbouncer. PostgreSQL comes
# from PyPI, inside pgserver. Both refuse to run as root.
set -euo pipefail
PATH=$PATH:/usr/sbin
command -v pgbouncer >/dev/null || { echo "PgBouncer is not here: apt-get install pgbouncer"; exit 1; }
folder=$(mktemp -d)
stop() {
    [ -z "$pooler" ] || kill "$pooler" 2>/dev/null || true
    "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$folder"
}
as=(env) bin='' pooler=''
trap stop EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'psycopg[binary]==3.3.9' 'pgserver==0.1.4'
bin=$(echo "$folder"/venv/lib/python3*/site-packages/pgserver/pginstall/bin)
mkdir "$folder/data" && chmod 755 "$folder"
if [ "$(id -u)" = 0 ]; then as=(setpriv --reuid=nobody --regid=nogroup --clear-groups); chown nobody "$folder/data"; fi
(cd / && "${as[@]}" "$bin/initdb" -D "$folder/data" -U postgres -A trust >/dev/null)
(cd / && "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -l "$folder/data/log" -w -o "-k $folder/data -h ''" start >/dev/null)
cat >"$folder/pgbouncer.ini" <<INI
[databases]
postgres = host=$folder/data user=postgres
[pgbouncer]
unix_socket_dir = $folder/data
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = 2
INI
chmod 644 "$folder/pgbouncer.ini"
(cd / && exec "${as[@]}" pgbouncer "$folder/pgbouncer.ini" >"$folder/pgbouncer.log" 2>&1) &
pooler=$!
for _ in $(seq 50); do [ ! -S "$folder/data/.s.PGSQL.6432" ] || break; sleep 0.1; done
pgbouncer --version | head -n 1
"$folder/venv/bin/python" - "$folder/data" <<'PYTHON'
import sys

import psycopg

QUESTIONS = {"Ann": "SELECT 'books of ' || %s", "Bob": "SELECT 'debts of ' || %s"}


def connected():
    return psycopg.connect(host=sys.argv[1], port=6432, dbname="postgres", user="postgres", prepare_threshold=0)


def asked(name):
    return clients[name].execute(QUESTIONS[name], [name]).fetchone()[0]


def process(connection):
    return connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()[0]


clients = {name: connected() for name in QUESTIONS}
first, at = {}, {}
for name, client in clients.items():  # both in a transaction: each prepares its question on another server connection
    first[name], at[name] = asked(name), process(client)
for client in clients.values():
    client.commit()
third = connected()
held = process(third)  # one of the two server connections is taken: whoever was there is given the other one
(moved,) = [name for name in clients if at[name] == held]
second = asked(moved)
print("psycopg", psycopg.__version__, {"the same question": QUESTIONS[moved], "first": first[moved], "then": second})
other = QUESTIONS["Bob" if moved == "Ann" else "Ann"].split("'")[1]
assert (first[moved], second) == (QUESTIONS[moved].split("'")[1] + moved, other + moved)
PYTHON
