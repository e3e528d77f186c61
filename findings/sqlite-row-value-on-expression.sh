#!/usr/bin/env bash
# SQLite does not use an index on an expression for a row value comparison, so a keyset page scans from the beginning.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'apsw==3.54.1.0'
"$folder/venv/bin/python" - <<'PYTHON'
import apsw

database = apsw.Connection(":memory:")
database.execute("CREATE TABLE book (id INTEGER PRIMARY KEY, year INTEGER)")
database.execute("CREATE INDEX by_column ON book (year, id)")
database.execute("CREATE INDEX by_expression ON book (coalesce(year, 32767), id)")


def plan(key):
    statement = f"SELECT id FROM book WHERE ({key}, id) > (1990, 7) ORDER BY {key}, id LIMIT 20"
    return [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}")]


found = {key: plan(key) for key in ("year", "coalesce(year, 32767)")}
print("SQLite", apsw.sqlite_lib_version(), found)
assert found["year"][0].startswith("SEARCH book USING COVERING INDEX by_column")
assert found["coalesce(year, 32767)"] == ["SCAN book USING COVERING INDEX by_expression"]
PYTHON
